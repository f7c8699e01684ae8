"""The facts about one file that a page shows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from dedup_assets.engine.core.redaction import holds_secrets, redacted
from dedup_assets.engine.gallery.pages.names import decode_name
from dedup_assets.engine.inputs.containers.names import split_frame

FACTS_SCHEMA = {
    "size_bytes": pl.Int64,
    "modified": pl.Int64,
    "width": pl.Int64,
    "height": pl.Int64,
    "thumbnail": pl.Boolean,
    "container": pl.Int64,
    "problem": pl.String,
    "secret": pl.Int8,
}


@dataclass(frozen=True)
class ShownFile:
    """What a page shows of one file.

    Attributes:
        name: full path or URL.
        thumbnail: content of a JPEG file; None if there is none, or if it is a separate file.
        width: pixels of the original in its displayed orientation; None if unknown.
        height: as `width`.
        size_bytes: size of the original file; None if unknown.
        modified: when the original was last changed, in its own time zone; None if unknown.
        problem: why the file cannot be shown; None if it can, or if that is unknown.
        address: address of the thumbnail, relative to the page, if it is a separate file.
        link: address that opens the original, or its container; None if a browser cannot open it.
        container: the archive or video that holds the image; `modified` is then that of the container.
        content: SHA-256 in hex of the bytes of a local file; None if unknown, or if it has changed since it was read.
        blank: whether this is a placeholder without a file. Its card has every part that a card can have, for scripts
            to clone and fill.
    """

    name: bytes
    thumbnail: bytes | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    modified: datetime | None = None
    problem: str | None = None
    address: str | None = None
    link: str | None = None
    container: bytes | None = None
    content: str | None = None
    blank: bool = False

    @property
    def has_thumbnail(self) -> bool:
        """Whether there is a picture to show."""
        return self.thumbnail is not None or self.address is not None

    @property
    def container_kind(self) -> str:
        """The kind of the container, in a word; empty without one."""
        if self.container is None:
            return ""
        return "video" if split_frame(self.name) else "archive"


BLANK_FILE = ShownFile(
    b"", width=1, height=1, size_bytes=1, modified=datetime.fromtimestamp(0, UTC), address="", link="#", blank=True
)

Illustrate = Callable[[bytes], ShownFile]
"""Reads what a page shows of a file, by its name; never raises. The caller passes it, because pages decode nothing."""


def tabulate(files: Iterable[ShownFile]) -> pl.DataFrame:
    """Facts of files as columns; unknown ones are null.

    Returns:
        `size_bytes`, `modified` (seconds since 1970), `width`, `height`, `thumbnail` (whether there is one),
        `container` (length, in UTF-16 units, of the part of the shown name that names the container), `problem`,
        `secret` (1 if credentials of the name are not shown, else null).
    """
    rows = (
        (
            file.size_bytes,
            None if file.modified is None else int(file.modified.timestamp()),
            file.width,
            file.height,
            file.has_thumbnail,
            None
            if file.container is None
            else len(decode_name(file.container).encode("utf-16-le", "surrogatepass")) // 2,
            file.problem and redacted(file.problem),
            1 if holds_secrets(file.name) else None,
        )
        for file in files
    )
    return pl.DataFrame(list(rows), schema=FACTS_SCHEMA, orient="row")
