"""Comparisons that large jobs will ask for, made ahead by all threads.

Different photographs that resemble each other chain into jobs of hundreds of images, and a job asks one question after
the other. Where copies are rare, nearly all of its questions are known before. An answer depends on its question alone,
so it is the same whenever it is given; answers that no job asks for are dropped.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dedup_assets.engine.decoders.tasks import Looked
from dedup_assets.engine.matching.clustering import Attempts, ClusterJob, PairResult, Question, foresee
from dedup_assets.engine.matching.examining import answer

_LARGE = 32  # centres of a job, from which it takes long enough

Attempt = list[Question]


@dataclass
class Foreseen:
    """Answers that were found ahead.

    Attributes:
        results: of questions without a hint, by their two images.
        looked: what is known of these images.
    """

    results: dict[tuple[int, int], PairResult] = field(default_factory=dict)
    looked: dict[int, Looked] = field(default_factory=dict)

    def add(self, answers: Iterable[list[PairResult]], looked: dict[int, Looked]) -> None:
        """Record answers."""
        self.results.update(((each.a, each.b), each) for results in answers for each in results)
        self.looked.update(looked)


def questions_ahead(jobs: Iterable[ClusterJob]) -> list[Attempt]:
    """The questions that large jobs will ask if they find no copies."""
    return [attempt for job in jobs if len(job.centers) > _LARGE for attempt in foresee(job)]


class ForeseeingExaminer:
    """Answers what was foreseen, and asks another examiner otherwise.

    Args:
        ask: the other one.
        foreseen: what is known; not changed.

    Attributes:
        looked: what is known of the images that were asked about and foreseen.
    """

    def __init__(self, ask: Callable[[Attempts], list[list[PairResult]]], foreseen: Foreseen) -> None:
        self._ask, self._foreseen = ask, foreseen
        self.looked: dict[int, Looked] = {}

    def examine(self, attempts: Attempts) -> list[list[PairResult]]:
        """As of `examining.Examiner`."""
        images = {image for attempt in attempts for pair in attempt for image in (pair.a, pair.b)}
        self.looked.update((image, self._foreseen.looked[image]) for image in images & self._foreseen.looked.keys())
        known = [
            {place: found for place, pair in enumerate(attempt) if (found := self._find(pair))} for attempt in attempts
        ]
        return answer(attempts, known, self._ask)

    def _find(self, pair: Question) -> PairResult | None:
        return self._foreseen.results.get((pair.a, pair.b)) if pair.hint is None else None
