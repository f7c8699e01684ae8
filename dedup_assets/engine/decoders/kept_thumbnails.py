"""Thumbnails that extraction leaves for the gallery: a large picture is decoded once for its vector and its thumbnail.

They are kept as long as the decoding processes that made them, in a temporary file, and are found by name, size and
version of the file: of a file that has changed since, a new one is made.
"""

import os
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from threading import Lock
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, finalize

from dedup_assets.engine.core.records import Source
from dedup_assets.engine.decoders.messages import facts_of, problem_of, thumbnails_of
from dedup_assets.engine.decoders.tasks import DecodingTask, Preview, PreviewTask, Undecoded
from dedup_assets.engine.stores import local_version
from dedup_assets.engine.workers import WorkerPool

_MOST_FILES = 2048  # of a larger collection, making them would cost more than the gallery saves
_IN_MEMORY_BYTES = 1 << 20


class _Thumbnailed(NamedTuple):
    """Size in bytes and version of a file, its width and height, and place and length of each thumbnail by side."""

    size_bytes: int
    version: str
    width: int
    height: int
    places: dict[int, tuple[int, int]]


class KeptThumbnails:
    """The thumbnails of one pool of decoding processes. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[bytes, _Thumbnailed] = {}
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed with this object
        self._end, self._has_room = 0, True
        finalize(self, self._file.close)

    @property
    def is_full(self) -> bool:
        """Whether no more are kept."""
        return not self._has_room or len(self._kept) >= _MOST_FILES

    def add(self, image: Undecoded, task: DecodingTask, answer: list[Any]) -> None:
        """Keep the thumbnails that came with the picture of a local file, if there are any and its version is known."""
        if problem_of(answer) or not isinstance(image, Source) or not image.version or image.size_bytes < 0:
            return
        made, facts = thumbnails_of(answer), facts_of(answer)
        if not made or self.is_full:
            return
        with self._lock:
            places = {}
            try:
                for side, thumbnail in zip(task.thumbnails, made, strict=True):
                    self._file.seek(self._end)
                    self._file.write(thumbnail)
                    places[side] = (self._end, len(thumbnail))
                    self._end += len(thumbnail)
            except OSError:  # a full disk: the gallery decodes again
                self._has_room = False
                return
            self._kept[image.name] = _Thumbnailed(image.size_bytes, image.version, facts.width, facts.height, places)

    def find(self, image: Undecoded, task: PreviewTask) -> Preview | None:
        """The preview of a local file that is still what it was; None where it must be made."""
        kept = self._kept.get(image.name) if isinstance(image, Source) and image.container is None else None
        if kept is None or task.side not in kept.places or kept.width * kept.height > task.limits.max_pixels:
            return None
        with suppress(OSError, ValueError):  # that of a file that is gone says why
            facts = os.stat(image.name)  # type: ignore[union-attr]  # noqa: PTH116 - a Path of bytes does not exist
            if (facts.st_size, local_version(facts)) != (kept.size_bytes, kept.version):
                return None
            start, length = kept.places[task.side]
            with self._lock:
                self._file.seek(start)
                return Preview(kept.width, kept.height, kept.size_bytes, self._file.read(length))
        return None


_of_pools: "WeakKeyDictionary[WorkerPool, KeptThumbnails]" = WeakKeyDictionary()
_lock = Lock()


def kept_by(pool: WorkerPool) -> KeptThumbnails:
    """The thumbnails of a pool, none at first."""
    with _lock:
        return _of_pools.setdefault(pool, KeptThumbnails())
