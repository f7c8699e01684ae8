"""Sources to pictures for the model or for a page, by decoding processes: a file that ends one is bad, and no other.

A process that crashes may have been damaged by the file before, or killed for the memory that others took; so the image
that it was at is tried once more in a fresh one, whose word stands. What runs out of time is not tried again.

Small files are answered for together, for a line an image costs a twentieth of the time of one. Where the process ends
before it says that line, nobody knows what it was at, and all of them are asked for one by one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import BoundingBox, ErrorCode, Source
from dedup_assets.engine.inputs.containers import DECODER
from dedup_assets.engine.inputs.reading import MAX_FILE_BYTES, video_of
from dedup_assets.engine.pictures.decoding import DecodingLimits, thumbnail_room
from dedup_assets.engine.stores import is_url
from dedup_assets.engine.workers import Ended, Request, Worker, WorkerPool, keep_workers, open_pool
from dedup_assets.engine.workers.pool import Lent

Content = bytes | ImageError | Source
"""An image file; or why there is none; or where a decoding process reads it."""

_RGB = 3
_BYTES_PER_PIXEL = 16  # the most that a decoder was seen to take
_LIBRARIES_BYTES = 512 << 20
_SMALL_BYTES = 2 << 20  # of files that are answered for together


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


@dataclass(frozen=True)
class LookingTask:
    """What is wanted of each image for a page.

    Attributes:
        side: px, the longer one of its thumbnail; 0 for facts alone, from the header of a local file.
        limits: of which pictures no thumbnail is made.
        seconds: that one image may take.
    """

    side: int
    limits: DecodingLimits
    seconds: float


@dataclass(frozen=True)
class Decoded:
    """What decoding gave.

    Attributes:
        pictures: (n_good, height, width, 3) uint8 RGB; valid until the process that made them is asked again.
        problems: for each source why it is bad, or None.
    """

    pictures: NDArray[np.uint8]
    problems: list[ImageError | None]


@dataclass(frozen=True)
class Look:
    """What one image looks like. Attributes that are unknown are None.

    Attributes:
        width: pixels, as displayed.
        height: likewise.
        size_bytes: of the file.
        thumbnail: a JPEG file; None where there is a problem, or facts alone were wanted.
        problem: why the image cannot be shown.
    """

    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    thumbnail: bytes | None = None
    problem: ImageError | None = None


def decode_all(contents: Sequence[Content], task: DecodingTask, lent: Lent) -> Decoded:
    """Decode some images, each good or bad whatever happens.

    Args:
        contents: few: their pictures are held in memory.
        task: what to make of them.
        lent: the decoding process to ask; replaced where it ends.

    Raises:
        WorkerError: no process can be started in its place.
    """
    call = _Decoding(contents, task, lent)
    call.complete()
    return Decoded(call.pictures(), call.problems)


def look_at_all(contents: Sequence[Content], task: LookingTask, lent: Lent) -> list[Look]:
    """Make thumbnails of some images, or read their facts, each good or bad whatever happens.

    Args:
        contents: few, as for `decode_all`; sources where facts alone are wanted.
        task: what is wanted.
        lent: as for `decode_all`.

    Raises:
        WorkerError: no process can be started in its place.
    """
    call = _Looking(contents, task, lent)
    call.complete()
    problems = zip(call.problems, call.looks, strict=True)
    return [Look(problem=problem) if problem else look for problem, look in problems]


class _Call(ABC):
    """The images of one call, those that are left, and what became of the others."""

    def __init__(self, contents: Sequence[Content], task: DecodingTask | LookingTask, lent: Lent) -> None:
        self._contents, self._lent = contents, lent
        self._seconds = task.seconds
        self.problems: list[ImageError | None] = [
            content if isinstance(content, ImageError) else None for content in contents
        ]
        self._left = [place for place, content in enumerate(contents) if not isinstance(content, ImageError)]
        self._again = False
        self._together = self._answered_at_once(contents)

    def complete(self) -> None:
        """Ask until each image has an answer."""
        while self._left:
            try:
                self._ask()
            except Ended as end:
                self._recover(end)

    def _answered_at_once(self, contents: Sequence[Content]) -> int:
        return len(contents) if sum(map(_small_bytes, contents)) <= _SMALL_BYTES else 1

    @abstractmethod
    def _request(self, contents: Sequence[Content]) -> Request:
        """What to ask for; `memory_size` is what it takes of the memory that both see."""

    @abstractmethod
    def _take(self, place: int, answer: list[Any]) -> None:
        """Note what was said of a good image."""

    def _save(self) -> None:  # noqa: B027 - most keep nothing there
        """Keep what is in the memory of the present process, which ended."""

    def _ask(self) -> None:
        asked = list(self._left)
        chosen = [self._contents[place] for place in asked]
        request = self._request(chosen) | {"together": self._together}
        worker = self._lent.ready()
        worker.memory.view(request["memory_size"])
        given = [content for content in chosen if isinstance(content, bytes)]
        for place, answer in zip(asked, worker.ask(request, given), strict=True):
            if answer and isinstance(answer[0], str):
                self.problems[place] = ImageError(ErrorCode(answer[0]), answer[1])
            else:
                self._take(place, answer)
            self._left.remove(place)
            self._again = False

    def _recover(self, end: Ended) -> None:
        """Go on with a fresh process, without the image that ended this one if that was to blame."""
        self._save()
        self._lent.replace()
        if not self._left:  # it ended after its last answer
            return
        if self._together > 1:
            self._together = 1
            return
        if not (end.overdue or self._again):
            self._again = True
            return
        self._again = False
        first = self._contents[self._left[0]]
        video = video_of(first) if isinstance(first, Source) else None
        problem = self._judge(end)
        for place in list(self._left):
            content = self._contents[place]
            # Other frames of this stretch of video would run into the same place.
            if content is first or (video and isinstance(content, Source) and video_of(content) == video):
                self.problems[place] = problem
                self._left.remove(place)

    def _judge(self, end: Ended) -> ImageError:
        if end.overdue:
            reason = f"decoding took more than {self._seconds:g} seconds and was ended"
            return ImageError(ErrorCode.UNREADABLE, reason)
        if end.by_itself:
            return ImageError(ErrorCode.CORRUPT_IMAGE, f"the decoder crashed, twice: the process {end.how}")
        return ImageError(
            ErrorCode.UNREADABLE,
            f"the decoding process was killed, twice, maybe for lack of memory: it {end.how}",
        )


class _Decoding(_Call):
    def __init__(self, contents: Sequence[Content], task: DecodingTask, lent: Lent) -> None:
        super().__init__(contents, task, lent)
        self._task = task
        self._saved: list[NDArray[np.uint8]] = []
        self._good = 0  # in the memory of the present process

    def pictures(self) -> NDArray[np.uint8]:
        """Those of the good images."""
        return np.concatenate([*self._saved, self._fresh()]) if self._saved else self._fresh()

    def _request(self, contents: Sequence[Content]) -> Request:
        self._good = 0
        return decoding_request(contents, self._task)

    def _take(self, place: int, answer: list[Any]) -> None:
        del place, answer
        self._good += 1

    def _save(self) -> None:
        self._saved.append(self._fresh().copy())
        self._good = 0

    def _fresh(self) -> NDArray[np.uint8]:
        height, width = self._task.size
        if not self._good:
            return np.empty((0, height, width, _RGB), np.uint8)
        return pictures_in(self._lent.worker, self._good, self._task)


class _Looking(_Call):
    def __init__(self, contents: Sequence[Content], task: LookingTask, lent: Lent) -> None:
        self._task = task
        super().__init__(contents, task, lent)
        self.looks = [Look()] * len(contents)
        self._room = self._place = 0

    def _answered_at_once(self, contents: Sequence[Content]) -> int:
        return super()._answered_at_once(contents) if self._task.side else len(contents)  # headers

    def _request(self, contents: Sequence[Content]) -> Request:
        self._place = 0
        self._room = max(len(contents) * thumbnail_room(self._task.side), 1)
        return {
            "do": "look" if self._task.side else "describe",
            "side": self._task.side,
            "memory_size": self._room,
            **_said_of(contents, self._task),
        }

    def _take(self, place: int, answer: list[Any]) -> None:
        width, height, size_bytes, length = answer
        start, self._place = self._place, self._place + length
        thumbnail = self._lent.worker.memory.view(self._room)[start : self._place] if length else None
        self.looks[place] = Look(width, height, size_bytes, thumbnail)


def decoding_request(contents: Sequence[Content], task: DecodingTask) -> Request:
    """What to ask a decoding process for; it answers for each image [], or code and reason where it is bad."""
    box, (height, width) = task.box, task.size
    return {
        "do": "decode",
        "size": task.size,
        "box": box and [box.row, box.col, box.width, box.height],
        "memory_size": len(contents) * height * width * _RGB,
        **_said_of(contents, task),
    }


def pictures_in(worker: Worker, images: int, task: DecodingTask) -> NDArray[np.uint8]:
    """(images, height, width, 3) uint8 RGB in the memory of a process: good pictures that it made, or will make."""
    height, width = task.size
    size = images * height * width * _RGB
    return np.frombuffer(worker.memory.view(size), np.uint8, size).reshape(images, height, width, _RGB)


def open_decoders(threads: int) -> AbstractContextManager[WorkerPool]:
    """Decoding processes, as many as `threads`."""
    return open_pool(DECODER, threads)


def keep_decoders(threads: int, *, early: bool = False) -> AbstractContextManager[None]:
    """Within the block decoding processes stay, for whoever needs them next; `early`: start them now."""
    return keep_workers(DECODER, threads, early=early)


def _small_bytes(content: Content) -> int:
    """Size of a file that may be answered for with others: much where it is not known, or an archive is read for it."""
    if isinstance(content, Source):
        alone = content.size_bytes < 0 or content.container is not None or is_url(content.name)
        return _SMALL_BYTES if alone else content.size_bytes
    return len(content) if isinstance(content, bytes) else 0


def _said_of(contents: Sequence[Content], task: DecodingTask | LookingTask) -> Request:
    """What every request says."""
    # Of one process: the largest file that is read, and the largest picture, decoded.
    most = _LIBRARIES_BYTES + MAX_FILE_BYTES + task.limits.max_pixels * _BYTES_PER_PIXEL
    return {
        "limits": [task.limits.min_side, task.limits.max_pixels],
        "sources": [_fields(content) if isinstance(content, Source) else None for content in contents],
        "memory_bytes": most,
        "seconds": task.seconds,
    }


def _fields(source: Source) -> list[object]:
    container = None if source.container is None else source.container.decode("latin-1")
    return [source.name.decode("latin-1"), source.size_bytes, source.version, container, source.place]
