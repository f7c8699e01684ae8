"""Thumbnails of the gallery before: files whose content had one then are not decoded again.

A gallery lists the contents of the files that its thumbnails show. What a file holds is known from the run, as long as
its size and version are those that the run has hashed; its name does not matter. A thumbnail is taken over if its bytes
are those that the list names.
"""

import hashlib
import io
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.own_files import GALLERY
from dedup_assets.engine.decoders.tasks import Preview, PreviewTask
from dedup_assets.engine.gallery.spool import Spool
from dedup_assets.engine.stores import local_version
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.tables import UNUSABLE

_LIST = "thumbs/contents.parquet"
_SCHEMA = pl.Schema(
    {
        "content": pl.String,
        "side": pl.Int64,
        "width": pl.Int64,
        "height": pl.Int64,
        "path": pl.String,
        "sha256": pl.String,
    }
)
_THUMBNAIL = re.compile(r"thumbs/(?:\d{3,}|map/\d{3,}|leaks)/\d+\.jpg")
_MADE_WITH = "made_with"


class Hashed(NamedTuple):
    """A local file as the run has read it: size in bytes, version, and the SHA-256 of its bytes in hex."""

    size_bytes: int
    version: str
    content: str

    def is_still(self, name: bytes) -> bool:
        """Whether the file of this name is as it was."""
        try:
            facts = os.stat(name)  # noqa: PTH116 - a Path of bytes does not exist
        except (OSError, ValueError):
            return False
        return (facts.st_size, local_version(facts)) == (self.size_bytes, self.version)


class ThumbnailMemory:
    """The thumbnails of the gallery before, and a list of those of the new one.

    Args:
        listed: as `Results.listed`; None: nothing is known of the files, and nothing is noted.
        former: a table of `_SCHEMA`.
        place: the work_dir and the folder of the former gallery; None if there is none.
        made_with: identifies the code that makes thumbnails.
    """

    def __init__(
        self, listed: pl.DataFrame | None, former: pl.DataFrame, place: tuple[WorkDir, str] | None, made_with: str
    ) -> None:
        self._listed, self._place, self._made_with = listed, place, made_with
        self._former = {(content, side): rest for content, side, *rest in former.iter_rows()}
        self._rows: list[tuple[Any, ...]] = []

    @classmethod
    def of(cls, listed: pl.DataFrame | None, work_dir: WorkDir, folder: str, made_with: str) -> "ThumbnailMemory":
        """The memory of a published gallery.

        Args:
            listed: as above.
            work_dir: holds the gallery. On a store nothing is taken over: each thumbnail would be a request.
            folder: that the gallery's pages load; empty if there is no gallery.
            made_with: as above.
        """
        former, published = pl.DataFrame(schema=_SCHEMA), work_dir.in_generation("")
        if not (folder and work_dir.is_local):
            return cls(listed, former, None, made_with)
        with suppress(WorkDirError, *UNUSABLE):
            content = published.read_placed(f"{GALLERY}/{folder}/{_LIST}", follow=False) or b""
            if content and pl.read_parquet_metadata(io.BytesIO(content)).get(_MADE_WITH) == made_with:
                former = pl.read_parquet(content).select(list(_SCHEMA)).cast(_SCHEMA)
        return cls(listed, former, (published, f"{GALLERY}/{folder}"), made_with)

    def hashed(self, names: Iterable[bytes]) -> Mapping[bytes, Hashed]:
        """What the run has read of local files; files without a version or a content are left out."""
        if self._listed is None:
            return {}
        wanted = pl.Series(list(names), dtype=pl.Binary)
        rows = self._listed.filter(pl.col("filename").is_in(wanted.implode())).drop_nulls("content")
        rows = rows.filter(pl.col("version").fill_null("") != "")
        return {name: Hashed(*rest) for name, *rest in rows.select("filename", *Hashed._fields).iter_rows()}

    def find(self, name: bytes, file: Hashed | None, task: PreviewTask) -> Preview | None:
        """The thumbnail that the former gallery has of a file's content; None where it must be made.

        Args:
            name: of the file.
            file: as the run has read it; None if that is not known.
            task: what is wanted.
        """
        known = None if file is None else self._former.get((file.content, task.side))
        if file is None or known is None or self._place is None or not file.is_still(name):
            return None
        width, height, path, sha256 = known
        if width * height > task.limits.max_pixels or not _THUMBNAIL.fullmatch(path):
            return None
        work_dir, folder = self._place
        with suppress(WorkDirError):
            thumbnail = work_dir.read_placed(f"{folder}/{path}", follow=False)
            if thumbnail is not None and hashlib.sha256(thumbnail).hexdigest() == sha256:
                return Preview(width, height, file.size_bytes, thumbnail)
        return None

    def note(self, content: str | None, side: int, size: tuple[int | None, int | None], path: str, jpeg: bytes) -> None:
        """Note a thumbnail of the new gallery.

        Args:
            content: of the file that it shows; None if that is not known.
            side: px, its longer side at most.
            size: width and height of the picture, in pixels.
            path: of the thumbnail, in the folder that pages load.
            jpeg: the thumbnail.
        """
        if self._listed is not None and content is not None and None not in size:
            self._rows.append((content, side, *size, path, hashlib.sha256(jpeg).hexdigest()))

    def add_list(self, spool: Spool) -> None:
        """Add the list of the noted thumbnails to the files of the gallery."""
        if self._listed is not None:
            rows = pl.DataFrame(self._rows, schema=_SCHEMA, orient="row").unique(
                ["content", "side"], keep="first", maintain_order=True
            )
            file = io.BytesIO()
            rows.sort("content", "side").write_parquet(file, metadata={_MADE_WITH: self._made_with})
            spool.add(_LIST, file.getvalue())


NO_MEMORY = ThumbnailMemory(None, pl.DataFrame(schema=_SCHEMA), None, "")
"""Knows no thumbnail, and notes none."""
