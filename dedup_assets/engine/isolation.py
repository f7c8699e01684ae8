"""Sources to pictures of the model's size, by decoding processes: a file that ends its process is bad, and no other.

A process that crashes may have been damaged by the file before, or killed for the memory that others took; so the image
that it was at is tried once more in a fresh one, whose word stands. What runs out of time is not tried again.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.containers import DECODER
from dedup_assets.engine.decoding import DecodingLimits
from dedup_assets.engine.errors import ImageError
from dedup_assets.engine.reading import MAX_FILE_BYTES, video_of
from dedup_assets.engine.records import BoundingBox, ErrorCode, Source
from dedup_assets.engine.workers import Ended, Request, WorkerPool, keep_workers, open_pool
from dedup_assets.engine.workers.pool import Lent

Content = bytes | ImageError | Source
"""An image file; or why there is none; or where a decoding process reads it."""

_RGB = 3
_BYTES_PER_PIXEL = 16  # the most that a decoder was seen to take
_LIBRARIES_BYTES = 512 << 20


@dataclass(frozen=True)
class DecodingTask:
    """What becomes of each image.

    Attributes:
        size: (height, width) of the pictures.
        box: crop, in pixels of the full picture.
        limits: which pictures are refused.
        seconds: that one image may take.
    """

    size: tuple[int, int]
    box: BoundingBox | None
    limits: DecodingLimits
    seconds: float

    @property
    def memory_bytes(self) -> int:
        """That a decoding process may have: the largest file that is read, and the largest picture, decoded."""
        return _LIBRARIES_BYTES + MAX_FILE_BYTES + self.limits.max_pixels * _BYTES_PER_PIXEL


@dataclass(frozen=True)
class Decoded:
    """What decoding gave.

    Attributes:
        pictures: (n_good, height, width, 3) uint8 RGB; valid until the process that made them is asked again.
        problems: for each source why it is bad, or None.
    """

    pictures: NDArray[np.uint8]
    problems: list[ImageError | None]


def decode_all(contents: Sequence[Content], task: DecodingTask, lent: Lent) -> Decoded:
    """Decode some images, each good or bad whatever happens.

    Args:
        contents: few: their pictures are held in memory.
        task: what to make of them.
        lent: the decoding process to ask; replaced where it ends.

    Raises:
        WorkerError: no process can be started in its place.
    """
    call = _Call(contents, task, lent)
    while call.left:
        try:
            call.ask()
        except Ended as end:
            call.recover(end)
    return Decoded(call.pictures(), call.problems)


class _Call:
    """The images of one `decode_all`, those that are left, and what became of the others."""

    def __init__(self, contents: Sequence[Content], task: DecodingTask, lent: Lent) -> None:
        self._contents, self._task, self._lent = contents, task, lent
        self.problems: list[ImageError | None] = [
            content if isinstance(content, ImageError) else None for content in contents
        ]
        self.left = [place for place, content in enumerate(contents) if not isinstance(content, ImageError)]
        self._saved: list[NDArray[np.uint8]] = []
        self._good = 0  # in the memory of the present process
        self._again = False

    def ask(self) -> None:
        asked = list(self.left)
        task, self._good = self._task, 0
        height, width = task.size
        chosen = [self._contents[place] for place in asked]
        request: Request = {
            "do": "decode",
            "size": task.size,
            "box": task.box and [task.box.row, task.box.col, task.box.width, task.box.height],
            "limits": [task.limits.min_side, task.limits.max_pixels],
            "sources": [_fields(content) if isinstance(content, Source) else None for content in chosen],
            "memory_size": len(chosen) * height * width * _RGB,
            "memory_bytes": task.memory_bytes,
            "seconds": task.seconds,
        }
        worker = self._lent.ready()
        worker.memory.view(request["memory_size"])
        given = [content for content in chosen if isinstance(content, bytes)]
        for place, answer in zip(asked, worker.ask(request, given), strict=True):
            if answer:
                self.problems[place] = ImageError(ErrorCode(answer[0]), answer[1])
            else:
                self._good += 1
            self.left.remove(place)
            self._again = False

    def recover(self, end: Ended) -> None:
        """Go on with a fresh process, without the image that ended this one if that was to blame."""
        self._saved.append(self._fresh().copy())
        self._good = 0
        self._lent.replace()
        if not self.left:  # it ended after its last answer
            return
        if not (end.overdue or self._again):
            self._again = True
            return
        self._again = False
        first = self._contents[self.left[0]]
        video = video_of(first) if isinstance(first, Source) else None
        problem = self._judge(end)
        for place in list(self.left):
            content = self._contents[place]
            # Other frames of this stretch of video would run into the same place.
            if content is first or (video and isinstance(content, Source) and video_of(content) == video):
                self.problems[place] = problem
                self.left.remove(place)

    def pictures(self) -> NDArray[np.uint8]:
        return np.concatenate([*self._saved, self._fresh()]) if self._saved else self._fresh()

    def _fresh(self) -> NDArray[np.uint8]:
        height, width = self._task.size
        size = self._good * height * width * _RGB
        if not size:
            return np.empty((0, height, width, _RGB), np.uint8)
        memory = np.frombuffer(self._lent.worker.memory.view(size), np.uint8, size)
        return memory.reshape(self._good, height, width, _RGB)

    def _judge(self, end: Ended) -> ImageError:
        if end.overdue:
            reason = f"decoding took more than {self._task.seconds:g} seconds and was ended"
            return ImageError(ErrorCode.UNREADABLE, reason)
        if end.by_itself:
            return ImageError(ErrorCode.CORRUPT_IMAGE, f"the decoder crashed, twice: the process {end.how}")
        return ImageError(
            ErrorCode.UNREADABLE,
            f"the decoding process was killed, twice, maybe for lack of memory: it {end.how}",
        )


def open_decoders(threads: int) -> AbstractContextManager[WorkerPool]:
    """Decoding processes, as many as `threads`."""
    return open_pool(DECODER, threads)


def keep_decoders(threads: int, *, early: bool = False) -> AbstractContextManager[None]:
    """Within the block decoding processes stay, for whoever needs them next; `early`: start them now."""
    return keep_workers(DECODER, threads, early=early)


def _fields(source: Source) -> list[object]:
    container = None if source.container is None else source.container.decode("latin-1")
    return [source.name.decode("latin-1"), source.size_bytes, source.version, container, source.place]
