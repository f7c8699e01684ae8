"""Answering questions about pairs: equal bytes first, then equal pixels, then a comparison."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.decoders.comparing import Comparer
from dedup_assets.engine.decoders.tasks import Compared, Looked
from dedup_assets.engine.matching.clustering import Attempts, PairResult, Question

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
EQUAL_PIXELS = Compared(Relation.PIXELS, 1.0, _IDENTITY, 1.0, 1.0, 0.0, 0, "", "")
"""What is found of two images whose pixels are equal."""
EQUAL_BYTES = replace(EQUAL_PIXELS, relation=Relation.EXACT)
"""What is found of two images whose files are equal."""

_Pair = tuple[int, int]


class Examiner(Protocol):
    """Who answers questions about pairs."""

    def examine(self, attempts: Attempts) -> list[list[PairResult]]:
        """Compare the pairs of each attempt in order, up to the first that is one picture."""

    @property
    def looked(self) -> dict[int, Looked]:
        """What is known of the files of the images that were looked at."""


def answer(
    attempts: Attempts, known: Sequence[Mapping[int, PairResult]], ask: Callable[[Attempts], list[list[PairResult]]]
) -> list[list[PairResult]]:
    """The results of each attempt up to its first copy, where some are known.

    Args:
        attempts: pairs to compare.
        known: for each attempt the results that are known, by the place of their pair, in order.
        ask: gives the results of others.
    """
    asked = [
        [pair for place, pair in enumerate(attempt[: _first_copy(results)]) if place not in results]
        for attempt, results in zip(attempts, known, strict=True)
    ]
    wanted = [attempt for attempt in asked if attempt]
    found = iter(ask(wanted) if wanted else [])
    answered = [{(each.a, each.b): each for each in next(found)} if attempt else {} for attempt in asked]
    return [_in_order(*each) for each in zip(attempts, known, answered, strict=True)]


def _first_copy(results: Mapping[int, PairResult]) -> int | None:
    """The place of the first known copy; what comes after it is not asked."""
    return next((place for place, result in results.items() if result.is_copy), None)


def _in_order(
    attempt: Sequence[Question], known: Mapping[int, PairResult], answered: Mapping[tuple[int, int], PairResult]
) -> list[PairResult]:
    results: list[PairResult] = []
    for place, pair in enumerate(attempt):
        results.append(known.get(place) or answered[pair.a, pair.b])
        if results[-1].is_copy:
            break
    return results


class PixelExaminer:
    """Compares by bytes and pixels, in one decoding process.

    Args:
        comparer: the process.
        is_file: whether an image is a file of its own or in an archive; otherwise it is a frame of a video.
    """

    def __init__(self, comparer: Comparer, is_file: Callable[[int], bool]) -> None:
        self._comparer, self._is_file = comparer, is_file
        self._digests: dict[int, str | None] = {}

    @property
    def looked(self) -> dict[int, Looked]:
        """As of `Examiner`."""
        return self._comparer.looked

    def look(self, images: Sequence[int]) -> None:
        """See that `looked` has each image, at most 256."""
        self._comparer.look(image for image in images if image not in self.looked)

    def examine(self, attempts: Attempts) -> list[list[PairResult]]:
        """As of `Examiner`. Equal first frames of files with several prove nothing, so these have no result."""
        pairs = [pair for attempt in attempts for pair in attempt]
        self._comparer.look(image for pair in pairs for image in (pair.a, pair.b))
        known = self._known_at_once(pairs)
        known |= self._equal_pixels(
            [pair for pair in pairs if (pair.a, pair.b) not in known and self._may_be_equal(pair)]
        )
        asked = [
            [pair for pair in _until_copy(attempt, known) if (pair.a, pair.b) not in known] for attempt in attempts
        ]
        found = self._comparer.compare([[(pair.a, pair.b, pair.hint) for pair in attempt] for attempt in asked])
        return [
            _merged(attempt, known | {(a, b): compared for a, b, compared in results})
            for attempt, results in zip(attempts, found, strict=True)
        ]

    def _known_at_once(self, pairs: Sequence[Question]) -> dict[_Pair, Compared | None]:
        """What needs no pixels: equal bytes, and images that cannot be read or have several frames."""
        known: dict[_Pair, Compared | None] = {}
        for pair in pairs:
            a, b = self.looked[pair.a], self.looked[pair.b]
            if a.problem or b.problem:
                known[pair.a, pair.b] = None
            elif a.content == b.content:
                are_files = self._is_file(pair.a) and self._is_file(pair.b)
                known[pair.a, pair.b] = EQUAL_BYTES if are_files else EQUAL_PIXELS
            elif a.frames != 1 or b.frames != 1:
                known[pair.a, pair.b] = None
        return known

    def _may_be_equal(self, pair: Question) -> bool:
        """Whether all pixels may be equal, so that decoding both in full size is worth its time."""
        a, b = self.looked[pair.a], self.looked[pair.b]
        looks_equal = a.look == b.look or (pair.may_be_equal and a.is_jpeg != b.is_jpeg)
        return looks_equal and (a.width, a.height) == (b.width, b.height)

    def _equal_pixels(self, pairs: Sequence[Question]) -> dict[_Pair, Compared | None]:
        """The pairs whose pixels are all equal."""
        images = dict.fromkeys(image for pair in pairs for image in (pair.a, pair.b))
        new = [image for image in images if image not in self._digests]
        self._digests.update(zip(new, self._comparer.hash_pixels(new), strict=True))
        return {
            (pair.a, pair.b): EQUAL_PIXELS
            for pair in pairs
            if self._digests[pair.a] is not None and self._digests[pair.a] == self._digests[pair.b]
        }


def _until_copy(attempt: Sequence[Question], known: dict[_Pair, Compared | None]) -> list[Question]:
    """The pairs of an attempt before the first that is known to be one picture."""
    for place, pair in enumerate(attempt):
        if known.get((pair.a, pair.b)) is not None:
            return list(attempt[:place])
    return list(attempt)


def _merged(attempt: Sequence[Question], found: dict[_Pair, Compared | None]) -> list[PairResult]:
    """The results of an attempt in its order, up to the first copy."""
    results: list[PairResult] = []
    for pair in attempt:
        results.append(PairResult(pair.a, pair.b, found[pair.a, pair.b]))
        if results[-1].is_copy:
            break
    return results
