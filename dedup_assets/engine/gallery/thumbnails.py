"""Thumbnails and facts of files for the report. Other processes decode, so a harmful file costs only its thumbnail."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, groupby
from typing import TypeVar

import polars as pl

from dedup_assets.engine.core.records import Source
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import make_previews, open_decoders
from dedup_assets.engine.decoders.tasks import THUMBNAIL_SIDE, Preview, PreviewTask
from dedup_assets.engine.extraction.read_by_name import find_content
from dedup_assets.engine.gallery.pages import Illustrate, ShownFile
from dedup_assets.engine.gallery.spool import Spool
from dedup_assets.engine.gallery.thumbnail_memory import NO_MEMORY, Hashed, ThumbnailMemory
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.inputs.containers.names import archives_around
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.stores import is_url
from dedup_assets.engine.workers import Lanes, WorkerPool, thread_count

_G = TypeVar("_G")
_T = TypeVar("_T")

_TOGETHER = 8  # thumbnails per request; an image that this process reads is sent alone, because it may be large
_FRAMES = 64  # of a video, read in one pass
_FACTS = 64  # files per request for their headers


@dataclass(frozen=True)
class Effort:
    """Limits for reading the images of a page, and what need not be read.

    Attributes:
        limits: which images are not decoded.
        threads: number of images that are read and decoded at a time.
        seconds: most seconds per image.
        memory: the thumbnails of the gallery before.
    """

    limits: DecodingLimits
    threads: int
    seconds: float
    memory: ThumbnailMemory = NO_MEMORY

    @classmethod
    def of(cls, settings: Settings, memory: ThumbnailMemory = NO_MEMORY) -> "Effort":
        """The limits of these settings."""
        threads = thread_count(settings.num_threads)
        return cls(DecodingLimits(max_pixels=settings.max_pixels), threads, settings.image_seconds, memory)


def illustrator(expected: Iterable[bytes], effort: Effort) -> Illustrate:
    """A function that returns what a page shows of a file.

    Args:
        expected: names that are read now, in parallel; other names are read when the function gets them.
        effort: limits for reading.
    """
    known = dict(make_pictures(expected, effort))

    def illustrate(name: bytes) -> ShownFile:
        if name not in known:
            known.update(make_pictures([name], effort))
        return known[name]

    return illustrate


def make_pictures(
    names: Iterable[bytes], effort: Effort, side: int = THUMBNAIL_SIDE
) -> Iterator[tuple[bytes, ShownFile]]:
    """Read each image once, in parallel, and make its thumbnail; sorted by name, with only a few in memory at a time.

    A problem with an image is part of the yielded file, never an error.

    Args:
        names: names of images; they may repeat.
        effort: limits for reading.
        side: px, the longer side of a thumbnail.

    Raises:
        WorkerError: no decoding process can be started.
    """
    task = PreviewTask(side, effort.limits, effort.seconds)
    ordered = sorted(set(names))  # which brings the frames of a video together and in order
    hashed = effort.memory.hashed(ordered)

    def make(group: list[bytes], decoders: WorkerPool) -> list[tuple[bytes, ShownFile]]:
        found = {name: effort.memory.find(name, hashed.get(name), task) for name in group}
        if left := [name for name, preview in found.items() if preview is None]:
            contents = [find_content(name, effort.seconds) for name in left]
            with decoders.lend() as lent:
                found |= zip(left, make_previews(contents, task, lent), strict=True)
        return [(name, _shown(name, preview, hashed=hashed.get(name))) for name, preview in found.items() if preview]

    return _each(make, _cut(ordered), effort)


def add_thumbnail(path: str, file: ShownFile, side: int, spool: Spool, effort: Effort) -> None:
    """Add the thumbnail of a file, if it has one, to the files of the gallery, and note it for the next gallery.

    Args:
        path: for the thumbnail.
        file: as `make_pictures` gives it.
        side: px, the longer side of a thumbnail.
        spool: the files of the gallery.
        effort: has the memory of thumbnails.
    """
    if file.thumbnail is not None:
        spool.add(path, file.thumbnail)
        effort.memory.note(file.content, side, (file.width, file.height), path, file.thumbnail)


def describe_files(names: Sequence[bytes], effort: Effort) -> Iterator[ShownFile]:
    """Size, dimensions and date of each local image, from its header, in parallel; no thumbnails.

    An image on a store or in a container is not read: its size and dimensions are unknown.

    Raises:
        WorkerError: no decoding process can be started.
    """
    task = PreviewTask(0, effort.limits, effort.seconds)

    def describe(group: Sequence[bytes], decoders: WorkerPool) -> list[ShownFile]:
        pictures = [_unread(name) for name in group]
        local = [place for place, one in enumerate(pictures) if one.container is None and not is_url(group[place])]
        if local:
            with decoders.lend() as lent:
                previews = make_previews([Source(group[place], -1, "") for place in local], task, lent)
            for place, preview in zip(local, previews, strict=True):
                pictures[place] = _shown(group[place], preview, pictures[place])
        return pictures

    return _each(describe, (names[start : start + _FACTS] for start in range(0, len(names), _FACTS)), effort)


def _each(work: Callable[[_G, WorkerPool], list[_T]], groups: Iterable[_G], effort: Effort) -> Iterator[_T]:
    with open_decoders(effort.threads) as decoders:
        lanes = Lanes(effort.threads, abandon=decoders.close)
        yield from chain.from_iterable(lanes.in_order(groups, lambda group: work(group, decoders)))


def find_container(name: bytes) -> bytes | None:
    """The archive or video that holds an image, by its name; a folder that is named like an archive does not count."""
    if frame := split_frame(name):
        return frame[0]
    around = archives_around(name)
    return next((archive for archive in around if is_url(archive) or os.path.isfile(archive)), None)  # noqa: PTH113


def _cut(names: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Groups of names whose images are read with one request."""
    for kind, same in groupby(names, key=_pass_of):
        group = list(same)
        most = _FRAMES if kind else _TOGETHER if kind is None else 1
        yield from (group[start : start + most] for start in range(0, len(group), most))


def _pass_of(name: bytes) -> bytes | None:
    """The video of a frame; None for a local file; empty for an image that this process must read."""
    if frame := split_frame(name):
        return frame[0]
    return None if not is_url(name) and os.path.lexists(name) else b""


def _shown(name: bytes, preview: Preview, known: ShownFile | None = None, hashed: Hashed | None = None) -> ShownFile:
    file = known or _unread(name)
    if preview.problem:
        return replace(file, problem=str(preview.problem))
    size_bytes = None if split_frame(name) else preview.size_bytes  # a frame has no size of its own
    content = hashed.content if hashed is not None and hashed.is_still(name) else None
    found = replace(file, thumbnail=preview.thumbnail, width=preview.width, height=preview.height)
    return replace(found, size_bytes=size_bytes, content=content)


def _unread(name: bytes) -> ShownFile:
    container = find_container(name)
    return ShownFile(name, modified=_modified(container or name), container=container)


def known_sizes(names: pl.Series, listed: pl.DataFrame | None) -> pl.DataFrame:
    """`filename` and `size_bytes` of these files: as listed, else of local files as they are now."""
    sizes = pl.DataFrame({"filename": names})
    found = (
        sizes.with_columns(size_bytes=pl.lit(None, pl.Int64))
        if listed is None
        else sizes.join(listed.unique("filename", keep="last"), on="filename", how="left", maintain_order="left")
    )
    now = [size if size is not None else _size(name) for name, size in found.iter_rows()]
    return found.with_columns(size_bytes=pl.Series(now, dtype=pl.Int64))


def _size(name: bytes) -> int | None:
    if is_url(name):
        return None
    try:
        return os.stat(name).st_size  # noqa: PTH116 - a Path of bytes does not exist
    except (OSError, ValueError):
        return None


def _modified(name: bytes) -> datetime | None:
    if is_url(name):
        return None
    try:
        return datetime.fromtimestamp(int(os.stat(name).st_mtime), UTC)  # noqa: PTH116 - a Path of bytes does not exist
    except (OSError, ValueError, OverflowError):
        return None
