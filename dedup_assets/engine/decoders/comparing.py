"""The pipeline's end for looks and comparisons: asks one decoding process, and asks again if it ends.

A pair whose comparison ends its process twice has no result; the other pairs do.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.decoders.asking import AskingCall
from dedup_assets.engine.decoders.messages import (
    LOOKS_KEPT,
    Attempt,
    compared_of,
    comparing_request,
    fineness_request,
    look_request,
    looked_of,
    pixels_request,
)
from dedup_assets.engine.decoders.tasks import Compared, Looked, LookTask, Undecoded
from dedup_assets.engine.workers import Ended, Request
from dedup_assets.engine.workers.pool import Lent

_LOOKS_TOGETHER = 32  # per request: files that this process reads are held in memory together
_PAIRS_TOGETHER = 32  # of one attempt per request, so that their looks are kept until they are compared
_IMAGES_TOGETHER = 40  # of several attempts per request, likewise

Found = tuple[int, int, Compared | None]
"""The numbers of two images, and what their comparison found; None if there is no result."""


class Comparer:
    """Compares images by their numbers, in one decoding process.

    Args:
        task: how images are looked at.
        lent: the process; replaced where it ends.
        read: gives for the numbers of images where a process reads each, or its bytes.
    """

    def __init__(self, task: LookTask, lent: Lent, read: Callable[[Sequence[int]], Sequence[Undecoded]]) -> None:
        self._task, self._lent, self._read = task, lent, read
        self._kept: OrderedDict[int, None] = OrderedDict()  # looks that the process certainly has, as it orders them
        self.looked: dict[int, Looked] = {}

    def look(self, images: Iterable[int]) -> None:
        """See that the process has a look of each image, at most 256; `looked` says what they are.

        Raises:
            WorkerError: no process can be started in the place of one that ended.
        """
        wanted = [image for image in dict.fromkeys(images) if not self._is_bad(image)]
        missing = [image for image in wanted if image not in self._kept]
        for start in range(0, len(missing), _LOOKS_TOGETHER):
            self._look_at(missing[start : start + _LOOKS_TOGETHER])
        for image in wanted:
            if image in self._kept:
                self._kept.move_to_end(image)

    def compare(self, attempts: Sequence[Sequence[Attempt]]) -> list[list[Found]]:
        """Compare pairs, for each attempt up to the first copy.

        Args:
            attempts: independent of each other. A pair with an image that cannot be looked at has no result.

        Raises:
            WorkerError: as `look`.
        """
        found: list[list[Found]] = [[] for _ in attempts]
        left = {place: list(attempt) for place, attempt in enumerate(attempts) if attempt}
        failures = 0
        while left:
            asked = self._prepare(left, found)
            if not asked:
                continue
            try:
                self._ask(asked, left, found, is_second_try=failures > 0)
            except Ended:
                self._lent.replace()
                self._kept.clear()
                failures += 1
                if failures > 1:
                    self._give_up(next(place for place in asked if place in left), left, found)
                    failures = 0
                continue
            failures = 0
        return found

    def hash_pixels(self, images: Sequence[int]) -> list[str | None]:
        """The size and the SHA-256 of the decoded pixels of each image; None where it cannot be decoded.

        Raises:
            WorkerError: as `look`.
        """
        call = _Hashing(self._read(images), self._task, self._lent)
        self._complete(call)
        return call.digests

    def measure_fineness(self, images: Sequence[int]) -> list[list[float] | None]:
        """What `pictures.fineness` measures of each image; None where it cannot be decoded.

        Raises:
            WorkerError: as `look`.
        """
        call = _Measuring(self._read(images), self._task, self._lent)
        self._complete(call)
        return call.spectra

    def _complete(self, call: "_LookCall") -> None:
        call.complete()
        if call.has_ended:  # the process that kept looks is another one now
            self._kept.clear()

    def _is_bad(self, image: int) -> bool:
        return image in self.looked and self.looked[image].problem is not None

    def _look_at(self, images: list[int]) -> None:
        call = _Looking(self._read(images), images, self._task, self._lent)
        self._complete(call)
        for place, (image, looked) in enumerate(zip(images, call.looked, strict=True)):
            problem = call.problems[place]
            self.looked[image] = Looked(problem=problem) if problem else looked
            if problem is None and image in call.keys_in_process:
                self._kept[image] = None
                self._kept.move_to_end(image)
        while len(self._kept) > LOOKS_KEPT:
            self._kept.popitem(last=False)

    def _prepare(self, left: dict[int, list[Attempt]], found: list[list[Found]]) -> list[int]:
        """Look at the images of the next pairs; returns the attempts to ask about together."""
        asked: list[int] = []
        images: dict[int, None] = {}
        for place, attempt in left.items():
            some = {image: None for a, b, _ in attempt[:_PAIRS_TOGETHER] for image in (a, b)}
            if asked and len(images | some) > _IMAGES_TOGETHER:
                break
            images |= some
            asked.append(place)
        self.look(images)
        for place in asked:
            for a, b, _ in [pair for pair in left[place] if self._is_bad(pair[0]) or self._is_bad(pair[1])]:
                found[place].append((a, b, None))
            left[place] = [pair for pair in left[place] if not (self._is_bad(pair[0]) or self._is_bad(pair[1]))]
            if not left[place]:
                del left[place]
        return [place for place in asked if place in left]

    def _ask(
        self, asked: list[int], left: dict[int, list[Attempt]], found: list[list[Found]], *, is_second_try: bool
    ) -> None:
        """Ask about the next pairs of some attempts and record the answers; in a second try one by one."""
        most, together = (1, 1) if is_second_try else (_PAIRS_TOGETHER, len(asked))
        request = comparing_request([left[place][:most] for place in asked], self._task)
        worker = self._lent.ready()
        for place, answer in zip(asked, worker.ask(request | {"together": together}), strict=True):
            self._take(place, answer, left, found)

    def _take(self, place: int, answer: list[Any], left: dict[int, list[Attempt]], found: list[list[Found]]) -> None:
        """Record the results of the next pairs of an attempt; pairs that are left will be asked about again."""
        done = False
        for (a, b, _), fields in zip(left[place], answer, strict=False):
            if fields is None:
                self._kept.pop(a, None)
                self._kept.pop(b, None)
                break
            compared = compared_of(fields)
            found[place].append((a, b, compared))
            done = done or compared.relation is Relation.COPY
        left[place] = left[place][sum(fields is not None for fields in answer) :]
        if done or not left[place]:
            del left[place]

    def _give_up(self, place: int, left: dict[int, list[Attempt]], found: list[list[Found]]) -> None:
        """Leave the next pair of an attempt without a result, because it has ended two processes."""
        a, b, _ = left[place].pop(0)
        found[place].append((a, b, None))
        if not left[place]:
            del left[place]


class _LookCall(AskingCall):
    """A call that knows whether a process ended during it, and with it its looks."""

    def __init__(self, images: Sequence[Undecoded], task: LookTask, lent: Lent) -> None:
        super().__init__(images, task, lent)
        self.look_task = task
        self.has_ended = False

    def _save(self) -> None:
        self.has_ended = True


class _Looking(_LookCall):
    def __init__(self, images: Sequence[Undecoded], keys: Sequence[int], task: LookTask, lent: Lent) -> None:
        super().__init__(images, task, lent)
        self._keys = keys
        self.looked = [Looked()] * len(images)
        self.keys_in_process: set[int] = set()

    def _request(self, images: Sequence[Undecoded]) -> Request:
        return look_request(images, [self._keys[place] for place in self._left], self.look_task)

    def _take(self, place: int, answer: list[Any]) -> None:
        self.looked[place] = looked_of(answer)
        self.keys_in_process.add(self._keys[place])

    def _save(self) -> None:
        super()._save()
        self.keys_in_process.clear()


class _Hashing(_LookCall):
    def __init__(self, images: Sequence[Undecoded], task: LookTask, lent: Lent) -> None:
        super().__init__(images, task, lent)
        self.digests: list[str | None] = [None] * len(images)

    def _request(self, images: Sequence[Undecoded]) -> Request:
        return pixels_request(images, self.look_task)

    def _take(self, place: int, answer: list[Any]) -> None:
        self.digests[place] = " ".join(map(str, answer))


class _Measuring(_LookCall):
    def __init__(self, images: Sequence[Undecoded], task: LookTask, lent: Lent) -> None:
        super().__init__(images, task, lent)
        self.spectra: list[list[float] | None] = [None] * len(images)

    def _request(self, images: Sequence[Undecoded]) -> Request:
        return fineness_request(images, self.look_task)

    def _take(self, place: int, answer: list[Any]) -> None:
        self.spectra[place] = answer[0]
