"""The end of the pipe in the process of the pipeline: asks decoding processes, and asks again if one ends.

A file that ends its process is bad; the other files of the request are not. A process that crashes may have been
damaged by an earlier file, or killed because others took the memory. So the image that it was decoding is tried once
more in a fresh process, and that result counts. An image that runs out of time is not tried again.

Small files share one reply, because a reply per image costs 5 % of its decoding time. A process that ends before such a
reply does not say which image it was decoding, so all of them are then asked for one by one.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.image_facts import ImageFacts
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.decoders.kept_thumbnails import kept_by
from dedup_assets.engine.decoders.messages import (
    content_of,
    decoding_request,
    facts_of,
    low_information_of,
    pictures_in,
    preview_request,
    problem_of,
)
from dedup_assets.engine.decoders.tasks import Decoded, DecodingTask, LookTask, Preview, PreviewTask, Undecoded
from dedup_assets.engine.inputs.containers import DECODER
from dedup_assets.engine.inputs.reading import video_of
from dedup_assets.engine.stores import is_url
from dedup_assets.engine.workers import Ended, Request, WorkerPool, keep_workers, open_pool
from dedup_assets.engine.workers.pool import Lent

_SMALL_BYTES = 4 << 20  # total size of files that share one reply


def decode_all(images: Sequence[Undecoded], task: DecodingTask, lent: Lent) -> Decoded:
    """Decode some images; each is good or bad, whatever happens to the process.

    Args:
        images: few, because their pictures are held in memory together.
        task: what to make of them.
        lent: the decoding process; replaced where it ends.

    Raises:
        WorkerError: no process can be started in its place.
    """
    call = _Decoding(images, task, lent)
    call.complete()
    return Decoded(call.pictures(), call.problems, call.low_information, call.facts, call.content)


def make_previews(images: Sequence[Undecoded], task: PreviewTask, lent: Lent) -> list[Preview]:
    """Make thumbnails of some images, or read their headers; each is good or bad, whatever happens to the process.

    Args:
        images: few, as for `decode_all`; only local files where `task` wants no thumbnails.
        task: what is wanted.
        lent: as for `decode_all`.

    Raises:
        WorkerError: no process can be started in its place.
    """
    kept = kept_by(lent.pool)
    found = [kept.find(image, task) for image in images]
    call = _Previewing([image for image, preview in zip(images, found, strict=True) if preview is None], task, lent)
    call.complete()
    pairs = zip(call.problems, call.previews, strict=True)
    made = iter([Preview(problem=problem) if problem else preview for problem, preview in pairs])
    return [next(made) if preview is None else preview for preview in found]


def open_decoders(threads: int) -> AbstractContextManager[WorkerPool]:
    """Decoding processes for the block, at most `threads` at once."""
    return open_pool(DECODER, threads)


def keep_decoders(threads: int, *, early: bool = False) -> AbstractContextManager[None]:
    """Decoding processes that last as long as the block, for every `open_decoders` in it.

    Args:
        threads: how many at most; -1: one per usable core.
        early: start some at once.
    """
    return keep_workers(DECODER, threads, early=early)


class AskingCall(ABC):
    """The images of one call: those that still have no answer, and why others are bad."""

    def __init__(self, images: Sequence[Undecoded], task: DecodingTask | PreviewTask | LookTask, lent: Lent) -> None:
        self._images, self._lent = images, lent
        self._seconds = task.seconds
        self.problems: list[ImageError | None] = [image if isinstance(image, ImageError) else None for image in images]
        self._left = [place for place, image in enumerate(images) if not isinstance(image, ImageError)]
        self._is_second_try = False
        self._images_per_reply = self._first_images_per_reply(images)

    def complete(self) -> None:
        """Ask until each image has an answer."""
        while self._left:
            try:
                self._ask()
            except Ended as end:
                self._recover(end)

    def _first_images_per_reply(self, images: Sequence[Undecoded]) -> int:
        return len(images) if sum(map(_small_bytes, images)) <= _SMALL_BYTES else 1

    @abstractmethod
    def _request(self, images: Sequence[Undecoded]) -> Request:
        """The request for some images; `memory_size` is the room that its results take in the shared memory."""

    @abstractmethod
    def _take(self, place: int, answer: list[Any]) -> None:
        """Record the answer for a good image."""

    def _note(self, place: int, answer: list[Any]) -> None:  # noqa: B027 - most answers say nothing of this kind
        """Record what an answer says of an image whether it is good or bad."""

    def _save(self) -> None:  # noqa: B027 - most results are not in the shared memory
        """Copy the results out of the memory of the present process, which has ended."""

    def _ask(self) -> None:
        asked = list(self._left)
        images = [self._images[place] for place in asked]
        request = self._request(images) | {"together": self._images_per_reply}
        worker = self._lent.ready()
        worker.memory.view(request["memory_size"])
        files = [image for image in images if isinstance(image, bytes)]
        for place, answer in zip(asked, worker.ask(request, files), strict=True):
            if problem := problem_of(answer):
                self.problems[place] = problem
            else:
                self._take(place, answer)
            self._note(place, answer)
            self._left.remove(place)
            self._is_second_try = False

    def _recover(self, end: Ended) -> None:
        """Go on with a fresh process, without the image that ended this one if that image is to blame."""
        self._save()
        self._lent.replace()
        if not self._left:  # it ended after its last answer
            return
        if self._images_per_reply > 1:
            self._images_per_reply = 1
            return
        if not (end.overdue or self._is_second_try):
            self._is_second_try = True
            return
        self._is_second_try = False
        first = self._images[self._left[0]]
        video = video_of(first) if isinstance(first, Source) else None
        problem = self._judge(end)
        for place in list(self._left):
            image = self._images[place]
            # The other frames of a video come from the same pass over it, and would meet the same fault.
            if image is first or (video and isinstance(image, Source) and video_of(image) == video):
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


class _Decoding(AskingCall):
    def __init__(self, images: Sequence[Undecoded], task: DecodingTask, lent: Lent) -> None:
        super().__init__(images, task, lent)
        self._task, self._kept = task, kept_by(lent.pool)
        self._saved: list[NDArray[np.uint8]] = []
        self._good = 0  # pictures in the memory of the present process
        self.low_information: list[str | None] = [None] * len(images)
        self.facts: list[ImageFacts | None] = [None] * len(images)
        self.content: list[str | None] = [None] * len(images)

    def pictures(self) -> NDArray[np.uint8]:
        """The pictures of the good images."""
        return np.concatenate([*self._saved, self._fresh()]) if self._saved else self._fresh()

    def _request(self, images: Sequence[Undecoded]) -> Request:
        self._good = 0
        request = decoding_request(images, self._task)
        return request | {"thumbnails": []} if self._kept.is_full else request

    def _take(self, place: int, answer: list[Any]) -> None:
        self._kept.add(self._images[place], self._task, answer)
        self.low_information[place], self.facts[place] = low_information_of(answer), facts_of(answer)
        self._good += 1

    def _note(self, place: int, answer: list[Any]) -> None:
        self.content[place] = content_of(answer)

    def _save(self) -> None:
        self._saved.append(self._fresh().copy())
        self._good = 0

    def _fresh(self) -> NDArray[np.uint8]:
        if not self._good:
            return np.empty((0, *self._task.size, 3), np.uint8)
        return pictures_in(self._lent.worker, self._good, self._task)


class _Previewing(AskingCall):
    def __init__(self, images: Sequence[Undecoded], task: PreviewTask, lent: Lent) -> None:
        self._task = task
        super().__init__(images, task, lent)
        self.previews = [Preview()] * len(images)
        self._memory_size = self._next_byte = 0

    def _first_images_per_reply(self, images: Sequence[Undecoded]) -> int:
        return super()._first_images_per_reply(images) if self._task.side else len(images)  # only headers are read

    def _request(self, images: Sequence[Undecoded]) -> Request:
        request = preview_request(images, self._task)
        self._memory_size, self._next_byte = request["memory_size"], 0
        return request

    def _take(self, place: int, answer: list[Any]) -> None:
        width, height, size_bytes, length = answer
        start, self._next_byte = self._next_byte, self._next_byte + length
        memory = self._lent.worker.memory
        thumbnail = memory.view(self._memory_size)[start : self._next_byte] if length else None
        self.previews[place] = Preview(width, height, size_bytes, thumbnail)


def _small_bytes(image: Undecoded) -> int:
    """The size of an image that may share a reply; `_SMALL_BYTES` if it is unknown, in an archive or on a store."""
    if isinstance(image, Source):
        replies_alone = image.size_bytes < 0 or image.container is not None or is_url(image.name)
        return _SMALL_BYTES if replies_alone else image.size_bytes
    return len(image) if isinstance(image, bytes) else 0
