"""What a page knows about one file, and how two files differ."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from dedup_assets.engine.gallery.pages.names import split_name
from dedup_assets.engine.gallery.pages.quantities import format_duration, format_excess
from dedup_assets.engine.inputs.containers.names import split_frame

_ASPECT_TOLERANCE = 0.02  # scaled copies round their sides to whole pixels
_CLOCK_STEP = timedelta(seconds=2)  # FAT, and so most memory cards, keeps even seconds
_FACTS = {
    "size_bytes": pl.Int64,
    "modified": pl.Int64,
    "width": pl.Int64,
    "height": pl.Int64,
    "thumbnail": pl.Boolean,
    "container": pl.Int64,
    "problem": pl.String,
}


@dataclass(frozen=True)
class Picture:
    """What a page shows of one file.

    Attributes:
        name: full path or URL, as `os.fsdecode` gives it; may hold any character.
        thumbnail: a JPEG file; None if the picture could not be read any more.
        width: pixels of the original as a person sees it, None if unknown.
        height: as `width`.
        size_bytes: of the original file, None if unknown.
        modified: when the original was last changed, None if unknown; shown as it is, in its own time zone.
        problem: why there is no thumbnail.
        address: of the thumbnail, relative to the page, where it is a file of its own.
        link: opens the original, or what holds it; None where a browser cannot.
        container: the archive or video that holds it; then `modified` is that of the container.
    """

    name: str
    thumbnail: bytes | None
    width: int | None
    height: int | None
    size_bytes: int | None
    modified: datetime | None
    problem: str | None = None
    address: str | None = None
    link: str | None = None
    container: str | None = None

    @property
    def visible(self) -> bool:
        """Whether there is a thumbnail."""
        return self.thumbnail is not None or self.address is not None

    @property
    def container_kind(self) -> str:
        """What holds it, in a word; empty for a file of its own."""
        if self.container is None:
            return ""
        return "video" if split_frame(self.name.encode("utf-8", "surrogatepass")) else "archive"


Illustrate = Callable[[str], Picture]
"""Reads the picture of a name; given by the caller, since this package decodes nothing. Never raises for a bad file."""


def tabulate(pictures: Iterable[Picture]) -> pl.DataFrame:
    """Facts of files as columns, null where unknown.

    Returns:
        `size_bytes`, `modified` (seconds since 1970), `width`, `height`, `thumbnail`, `container` (UTF-16 units of the
        name that name what holds it), `problem`.
    """
    rows = (
        (
            picture.size_bytes,
            None if picture.modified is None else int(picture.modified.timestamp()),
            picture.width,
            picture.height,
            picture.visible,
            None if picture.container is None else len(picture.container.encode("utf-16-le", "surrogatepass")) // 2,
            picture.problem,
        )
        for picture in pictures
    )
    return pl.DataFrame(list(rows), schema=_FACTS, orient="row")


def describe_differences(a: Picture, b: Picture) -> tuple[str, ...]:
    """Return short phrases on what two files share and how they differ; facts that are unknown are left out."""
    phrases = (_compare_names(a, b), _compare_dimensions(a, b), _compare_sizes(a, b), _compare_dates(a, b))
    return tuple(phrase for phrase in phrases if phrase)


def _compare_names(a: Picture, b: Picture) -> str | None:
    return "same base name" if split_name(a.name)[1] == split_name(b.name)[1] else None


def _compare_dimensions(a: Picture, b: Picture) -> str | None:
    if not (a.width and a.height and b.width and b.height):
        return None
    if (a.width, a.height) == (b.width, b.height):
        return "same dimensions"
    if (a.width, a.height) == (b.height, b.width):
        return "width and height swapped"
    stretch = (a.width * b.height) / (a.height * b.width)
    shape = "" if abs(stretch - 1) <= _ASPECT_TOLERANCE else ", other aspect ratio"
    pixels = _compare_amounts(a.width * a.height, b.width * b.height, "pixels") or "same number of pixels"
    return f"{pixels}{shape}"


def _compare_sizes(a: Picture, b: Picture) -> str | None:
    if not a.size_bytes or not b.size_bytes:
        return None
    return _compare_amounts(a.size_bytes, b.size_bytes, "bytes") or "same file size"


def _compare_dates(a: Picture, b: Picture) -> str | None:
    if a.container or b.container:  # that date is not the image's
        return None
    if not (a.modified and b.modified) or (a.modified.utcoffset() is None) != (b.modified.utcoffset() is None):
        return None
    if abs(a.modified - b.modified) <= _CLOCK_STEP:
        return "same date"
    newer, gap = ("A", a.modified - b.modified) if a.modified > b.modified else ("B", b.modified - a.modified)
    return f"{newer} is {format_duration(gap)} newer"


def _compare_amounts(a: int, b: int, noun: str) -> str | None:
    if a == b:
        return None
    return f"{'A' if a > b else 'B'} has {format_excess(max(a, b), min(a, b), noun)}"
