"""From the most similar candidates down: which are compared next, and when no more are.

Images are numbers. A picture that is a copy of another one is represented by it from then on, so a candidate pair is a
pair of centres, and pairs within a star are not compared.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.joining import join
from dedup_assets.engine.matching.clustering import Clustered, ClusterJob, Matrix, PairResult

BANDS = (0.8, 0.7, 0.6, 0.5, 0.45)
"""Likeness down to which pairs are compared before those below: copies are known before the doubtful ones come."""

EQUAL_FROM = 0.99
"""Likeness from which all pixels of two images may be equal, although one was decoded at a smaller size.

Of 61 photographs beside PNG files of their pixels it was 0.9972 at least, and of patterns as fine as a pixel 0.9953.
"""

_LEAST_WINDOW = 512  # pairs
_WINDOW_SHARE = 0.03  # of the images
_FEWEST_COPIES = 200  # pairs per copy: where copies are rarer, the rest is left out
_FEW_COPIES = 4  # pairs per copy: where copies are rarer, questions can be foreseen
_BITS = np.uint64(32)


@dataclass(frozen=True)
class CandidatePairs:
    """Unordered pairs of images, the most alike first.

    Attributes:
        a: (m,) int64, the smaller number.
        b: (m,) int64, the larger one.
        alike: (m,) float64 cosine.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    alike: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.a)


RunJobs = Callable[[Sequence[ClusterJob]], Iterable[Clustered]]
"""Does independent jobs, and gives their outcomes in order."""


@dataclass
class Rounds:
    """The stars so far, and the pairs that are left.

    Args:
        candidates: what is similar enough to be compared.
        rank: (n,) distinct int64: the lower, the better an image is as a centre.
        budget: most pairs that are compared.
    """

    candidates: CandidatePairs
    rank: NDArray[np.int64]
    budget: int
    results: list[PairResult] = field(default_factory=list)
    compared: int = 0
    copies: int = 0

    def __post_init__(self) -> None:
        self._center = np.arange(len(self.rank), dtype=np.int64)
        self._members: dict[int, dict[int, Matrix]] = {}
        self._asked: dict[int, PairResult] = {}
        self._asked_keys = np.empty(0, np.uint64)
        self._window = max(_LEAST_WINDOW, int(_WINDOW_SHARE * len(self.rank)))
        self._lately: list[tuple[int, int]] = []

    def run(self, run_jobs: RunJobs) -> None:
        """Compare the candidates, band by band, until all are decided, the budget is spent or copies are too rare."""
        for low in BANDS:
            while self.compared < self.budget and not self._is_barren():
                jobs = self._next_jobs(self._open_pairs(self._candidates_from(low)))
                if not jobs:
                    break
                self._record(list(run_jobs(jobs)))

    def run_on(self, chosen: NDArray[np.int64], budget: int, run_jobs: RunJobs) -> None:
        """Compare some candidates that `run` has left out, however rare copies are among them.

        Args:
            chosen: places of the candidates, in their order.
            budget: most pairs that are compared; what the others have left stays theirs.
            run_jobs: does the comparisons.
        """
        left = self.budget - self.compared
        self.budget = self.compared + budget
        while self.compared < self.budget and (jobs := self._next_jobs(self._open_pairs(chosen))):
            self._record(list(run_jobs(jobs)))
        self.budget = self.compared + left

    def count_left_out(self) -> int:
        """Pairs of candidates that are neither compared nor decided by the comparison of others."""
        return len(self._open_pairs(self._candidates_from(BANDS[-1])))

    def left_out(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of some candidates, by their places, that are neither compared nor decided likewise."""
        one, other = self._center[self.candidates.a[chosen]], self._center[self.candidates.b[chosen]]
        left: NDArray[np.int64] = chosen[(one != other) & ~np.isin(_keys(one, other), self._asked_keys)]
        return left

    def note(self, results: Iterable[PairResult]) -> None:
        """Record results of comparisons that change no star."""
        for result in results:
            self.results.append(result)
            self._asked[_key(result.a, result.b)] = result
        self._asked_keys = np.fromiter(self._asked, np.uint64, len(self._asked))

    def compare_between(self, loose: NDArray[np.bool_], run_jobs: RunJobs) -> bool:
        """Compare the candidates that the comparison of their centres decided although both are loose in the end.

        Copies of two images that are no copies of each other may be such copies. Stars stay as they are.

        Args:
            loose: (n,) the images that no star has.
            run_jobs: does the comparisons.

        Returns:
            Whether there was such a pair.
        """
        a, b = self.candidates.a, self.candidates.b
        one, other = self._center[a], self._center[b]
        decided = (one == other) | np.isin(_keys(one, other), self._asked_keys)
        asked = np.isin(_keys(a, b), self._asked_keys)
        chosen = np.flatnonzero(loose[a] & loose[b] & decided & ~asked)[: max(self.budget - self.compared, 0)]
        pairs = CandidatePairs(a[chosen], b[chosen], self.candidates.alike[chosen])
        jobs = [replace(self._job(part), members={}) for part in _components(pairs)] if len(pairs) else []
        results = [result for outcome in run_jobs(jobs) for result in outcome.results]
        self.compared += sum(result.compared is not None for result in results)
        self.note(results)
        return bool(jobs)

    @property
    def finds_few(self) -> bool:
        """Whether few of the pairs that were compared last are copies."""
        compared, copies = self._lately[-1] if self._lately else (0, 0)
        return copies * _FEW_COPIES < compared

    def _is_barren(self) -> bool:
        """Whether copies were too rare among the pairs that were compared last."""
        compared = copies = 0
        for some, found in reversed(self._lately):
            compared, copies = compared + some, copies + found
            if compared >= self._window:
                return copies * _FEWEST_COPIES < compared
        return False

    def _candidates_from(self, low: float) -> NDArray[np.int64]:
        """The places of the candidates that are at least that alike."""
        return np.arange(np.searchsorted(-self.candidates.alike, -low, side="right"))

    def _open_pairs(self, chosen: NDArray[np.int64]) -> CandidatePairs:
        """Pairs of centres of some candidates that were not compared; the most alike first."""
        one, other = self._center[self.candidates.a[chosen]], self._center[self.candidates.b[chosen]]
        apart = np.flatnonzero(one != other)
        keys = _keys(one[apart], other[apart])
        keys, first = np.unique(keys, return_index=True)  # the first of equal ones is the most alike
        left = ~np.isin(keys, self._asked_keys, assume_unique=True)
        keys, first = keys[left], first[left]
        order = np.argsort(first, kind="stable")
        keys, alike = keys[order], self.candidates.alike[chosen[apart[first[order]]]]
        return CandidatePairs((keys >> _BITS).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64), alike)

    def _next_jobs(self, pairs: CandidatePairs) -> list[ClusterJob]:
        if not len(pairs):
            return []
        some = _first_components(pairs, min(self._window, self.budget - self.compared))
        return [self._job(part) for part in _components(some)]

    def _job(self, pairs: CandidatePairs) -> ClusterJob:
        near: dict[int, dict[int, float]] = {}
        for a, b, alike in zip(pairs.a.tolist(), pairs.b.tolist(), pairs.alike.tolist(), strict=True):
            near.setdefault(a, {})[b] = alike
            near.setdefault(b, {})[a] = alike
        centers = sorted(near, key=self.rank.__getitem__)
        members = {center: dict(self._members[center]) for center in centers if center in self._members}
        return ClusterJob(centers, near, members, self._known, EQUAL_FROM)

    def _known(self, one: int, other: int) -> PairResult | None:
        return self._asked.get(_key(one, other))

    def _record(self, outcomes: list[Clustered]) -> None:
        results = [result for outcome in outcomes for result in outcome.results]
        self.results += results
        compared, copies = sum(each.compared is not None for each in results), sum(each.is_copy for each in results)
        self.compared += compared
        self.copies += copies
        self._lately.append((compared, copies))
        self._asked.update((_key(result.a, result.b), result) for result in results)
        self._asked_keys = np.fromiter(self._asked, np.uint64, len(self._asked))
        for outcome in outcomes:
            for image, center in outcome.centers.items():
                self._members.get(int(self._center[image]), {}).pop(image, None)
                self._center[image] = center
                if center != image:
                    self._members.setdefault(center, {})[image] = outcome.maps[image]


def _keys(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.uint64]:
    keys: NDArray[np.uint64] = (np.minimum(one, other).astype(np.uint64) << _BITS) | np.maximum(one, other).astype(
        np.uint64
    )
    return keys


def _key(a: int, b: int) -> int:
    return (min(a, b) << 32) | max(a, b)


def _component_of(pairs: CandidatePairs) -> NDArray[np.int64]:
    """For each pair the component that it is in: numbers in the order of the first pair of each."""
    images, place = np.unique(np.concatenate([pairs.a, pairs.b]), return_inverse=True)
    left, right = place[: len(pairs)], place[len(pairs) :]
    label = join(len(images), left, right)[left]
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    numbered: NDArray[np.int64] = number[inverse]
    return numbered


def _first_components(pairs: CandidatePairs, most: int) -> CandidatePairs:
    """Whole components up to `most` pairs, those with the most alike pair first; of a larger one its first pairs."""
    component = _component_of(pairs)
    order = np.argsort(component, kind="stable")
    size = np.cumsum(np.bincount(component))
    whole = int(np.searchsorted(size, most, side="right"))
    many = int(size[whole - 1]) if whole else most
    kept = order[:many]
    return CandidatePairs(pairs.a[kept], pairs.b[kept], pairs.alike[kept])


def _components(pairs: CandidatePairs) -> Iterator[CandidatePairs]:
    component = _component_of(pairs)
    order = np.argsort(component, kind="stable")
    for kept in np.split(order, np.cumsum(np.bincount(component))[:-1]):
        yield CandidatePairs(pairs.a[kept], pairs.b[kept], pairs.alike[kept])
