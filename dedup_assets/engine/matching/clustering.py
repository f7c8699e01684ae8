"""Leader clustering of a few images: which are copies of which centre, asked pair by pair.

A job says which pairs it wants compared, and goes on with the results. So it knows nothing of pictures or processes,
and jobs that are independent of each other can be asked about together.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dedup_assets.engine.decoders.tasks import Compared
from dedup_assets.engine.groups import less_to_keep

Matrix = tuple[float, ...]
"""Nine numbers, the rows of a map from one image to another, each in units of its longer side."""

_TRIED_TOGETHER = (
    8  # pairs of one image that are asked about together: their looks are made even if the first is a copy
)


@dataclass(frozen=True)
class Question:
    """A pair to compare.

    Attributes:
        a: number of an image; the map leads from it to `b`.
        b: number of the other.
        hint: a map that is tried first.
        may_be_equal: so similar that all pixels may be equal.
    """

    a: int
    b: int
    hint: Matrix | None = None
    may_be_equal: bool = False


@dataclass(frozen=True)
class PairResult:
    """What the comparison of a pair found.

    Attributes:
        a: as of `Question`.
        b: as of `Question`.
        compared: None if there is no result, because an image cannot be read or has several frames.
    """

    a: int
    b: int
    compared: Compared | None

    @property
    def is_copy(self) -> bool:
        """Whether the two are one picture."""
        return self.compared is not None and self.compared.relation.is_same_picture

    @property
    def is_second_better(self) -> bool:
        """Whether what was done to the two makes `a` less worth keeping than `b`."""
        found = self.compared
        return found is not None and less_to_keep(found.edited, found.kind, found.overlap_a, found.overlap_b) < 0

    def matrix_from(self, image: int) -> "Matrix | None":
        """The map from one of the two to the other; None if it is unknown."""
        matrix = self.compared.matrix if self.compared else None
        return matrix if image == self.a else inverted(matrix)


Attempts = Sequence[Sequence[Question]]
Conversation = Generator[Attempts, list[list[PairResult]], "Clustered"]


@dataclass
class Clustered:
    """What a job found.

    Attributes:
        results: every pair that was compared, in the order of the comparisons.
        centers: for each image whose centre changed, its centre: itself, or one that it is a copy of.
        maps: for each of these that is no centre, the map from its centre to it.
        by_pair: the results by their two images.
    """

    results: list[PairResult] = field(default_factory=list)
    centers: dict[int, int] = field(default_factory=dict)
    maps: dict[int, Matrix] = field(default_factory=dict)

    by_pair: dict[frozenset[int], PairResult] = field(default_factory=dict)

    def add(self, results: Iterable[PairResult]) -> None:
        """Record results."""
        for result in results:
            self.results.append(result)
            self.by_pair[frozenset((result.a, result.b))] = result

    def find(self, one: int, other: int) -> PairResult | None:
        """The result of a pair, whichever image comes first."""
        return self.by_pair.get(frozenset((one, other)))


@dataclass(frozen=True)
class ClusterJob:
    """Stars that may be one picture.

    Attributes:
        centers: the centres of the stars, the best first.
        near: for each pair of them that is a candidate, both ways, how alike they are.
        members: the other images of a star, by its centre, with the map from the centre to each.
        known: what an earlier comparison of two images found; None if there was none.
        alike: the likeness from which all pixels may be equal.
    """

    centers: Sequence[int]
    near: Mapping[int, Mapping[int, float]]
    members: Mapping[int, Mapping[int, Matrix]]
    known: Callable[[int, int], PairResult | None]
    alike: float


def cluster(job: ClusterJob) -> Conversation:
    """Make stars of stars: each centre in turn joins the first centre before it that it is a copy of.

    It is compared with the centres among its neighbours, and with the centres of its neighbours, the most alike first.
    The members of a star that joins another are compared with the new centre; those that are no copies of it become
    centres. A centre that is alone joins the image instead where that one is better to keep, so that a picture within a
    frame that makes the largest file does not become the centre.
    """
    outcome = Clustered()
    place = {image: number for number, image in enumerate(job.centers)}
    center_of: dict[int, int] = {}
    for image in job.centers:
        center_of[image] = image
        likeness: dict[int, float] = {}
        for other, alike in job.near[image].items():
            center = center_of.get(other)
            if center is not None and center != image:
                likeness[center] = max(alike, likeness.get(center, -1.0))
        tried = [
            _question(job, center, image)
            for center in sorted(likeness, key=lambda each: (-likeness[each], place[each]))
            if job.known(center, image) is None and outcome.find(center, image) is None
        ]
        for start in range(0, len(tried), _TRIED_TOGETHER):
            (results,) = yield [tried[start : start + _TRIED_TOGETHER]]
            outcome.add(results)
            if results and results[-1].is_copy:
                yield from _join(job, results[-1], outcome, center_of)
                break
    return outcome


def foresee(job: ClusterJob) -> list[list[Question]]:
    """What `cluster` asks first about each centre if no two of them are copies, near ones one after the other."""
    place = {image: number for number, image in enumerate(job.centers)}
    attempts: list[list[Question]] = []
    seen: set[int] = set()
    for first in job.centers:
        reached = [first]
        while reached:
            image = reached.pop()
            if image in seen:
                continue
            seen.add(image)
            near = sorted(job.near[image], key=lambda other: (-job.near[image][other], place[other]))
            reached += [other for other in reversed(near) if other not in seen]
            tried = [_question(job, other, image) for other in near if place[other] < place[image]]
            attempts.append(tried[:_TRIED_TOGETHER])
    return [attempt for attempt in attempts if attempt]


def _question(job: ClusterJob, center: int, image: int) -> Question:
    return Question(center, image, None, job.near[image].get(center, 0.0) >= job.alike)


def _join(job: ClusterJob, found: PairResult, outcome: Clustered, center_of: dict[int, int]) -> Conversation:
    """Make a centre and its members copies of another centre."""
    center, image = found.a, found.b
    is_alone = center not in outcome.centers.values() and not job.members.get(center)
    if is_alone and found.is_second_better:
        center, image = image, center
    to_image = found.matrix_from(center)
    center_of[image] = outcome.centers[image] = center
    if to_image is not None:
        outcome.maps[image] = to_image
    members = job.members.get(image, {})
    before = {member: outcome.find(center, member) or job.known(center, member) for member in members}
    new = [member for member in members if before[member] is None]
    if new:
        answered = yield [[Question(center, member, compose(members[member], to_image))] for member in new]
        outcome.add(result for results in answered for result in results)
    for member in members:
        found_of = before[member] or outcome.find(center, member)
        matrix = found_of.matrix_from(center) if found_of and found_of.is_copy else None
        outcome.centers[member] = member if matrix is None else center
        if matrix is not None:
            outcome.maps[member] = matrix
    return outcome


def compose(second: Matrix | None, first: Matrix | None) -> Matrix | None:
    """The map that leads through `first` and then through `second`; None if one is unknown."""
    if first is None or second is None:
        return None
    return tuple((np.array(second).reshape(3, 3) @ np.array(first).reshape(3, 3)).ravel().tolist())


def inverted(matrix: Matrix | None) -> Matrix | None:
    """The map the other way round; None if it is unknown."""
    return None if matrix is None else tuple(np.linalg.inv(np.array(matrix).reshape(3, 3)).ravel().tolist())


@dataclass(frozen=True)
class KeepingJob:
    """A star whose centre is not the best image to keep.

    Attributes:
        best: the image that should be kept.
        others: images of the star that it was not compared with, with a map from it to each if one is known.
    """

    best: int
    others: Mapping[int, Matrix | None]


def prove_kept(job: KeepingJob) -> Conversation:
    """Compare the best image of a star with the others, until one is no copy of it: then the star keeps its centre."""
    outcome = Clustered()
    asked = [[Question(job.best, other, hint)] for other, hint in job.others.items()]
    for start in range(0, len(asked), _TRIED_TOGETHER):
        answered = yield asked[start : start + _TRIED_TOGETHER]
        outcome.add(result for results in answered for result in results)
        if not all(results and results[-1].is_copy for results in answered):
            break
    return outcome


def converse(talks: Sequence[Conversation], ask: Callable[[Attempts], list[list[PairResult]]]) -> list[Clustered]:
    """Hold several conversations at once, so that one request serves all of them.

    Args:
        talks: independent of each other.
        ask: answers the questions of all.
    """
    outcomes: dict[int, Clustered] = {}
    waiting: dict[int, Attempts] = {}
    answers: dict[int, list[list[PairResult]] | None] = dict.fromkeys(range(len(talks)))
    while answers:
        for number, given in answers.items():
            try:
                waiting[number] = talks[number].send(given)  # type: ignore[arg-type]  # the first one is None
            except StopIteration as end:
                outcomes[number] = end.value
        answered = iter(ask([attempt for attempts in waiting.values() for attempt in attempts]) if waiting else [])
        answers = {number: [next(answered) for _ in attempts] for number, attempts in waiting.items()}
        waiting = {}
    return [outcomes[number] for number in range(len(talks))]
