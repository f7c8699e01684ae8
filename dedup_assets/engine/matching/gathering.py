"""Gather evidence: exact copies, rounds of comparisons, the kept images, and the tables."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.freed_memory import return_freed_memory
from dedup_assets.engine.core.keep_rules import keep_rules
from dedup_assets.engine.core.match_records import Evidence, KeptFindings, Relation
from dedup_assets.engine.core.match_tables import EVIDENCE_SCHEMA, IMAGES_SCHEMA
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.records import Features, Pairs, RowRange
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.tasks import Looked
from dedup_assets.engine.groups.policy import named
from dedup_assets.engine.matching.clustering import (
    Attempts,
    Clustered,
    ClusterJob,
    Conversation,
    PairResult,
    cluster,
    converse,
    prove_kept,
)
from dedup_assets.engine.matching.crossing import Crossing
from dedup_assets.engine.matching.exact import ExactCopies, find_exact_copies
from dedup_assets.engine.matching.examining import Examiner, PixelExaminer
from dedup_assets.engine.matching.foreseeing import ForeseeingExaminer, Foreseen, questions_ahead
from dedup_assets.engine.matching.library import Library
from dedup_assets.engine.matching.measuring_detail import Spectra, measure_detail
from dedup_assets.engine.matching.open_comparers import OpenComparer, open_comparers
from dedup_assets.engine.matching.proofs import Proofs
from dedup_assets.engine.matching.remembering import Memory, RememberingExaminer
from dedup_assets.engine.matching.rounds import CandidatePairs, Rounds
from dedup_assets.engine.matching.sharing import pairs_of, read_shared
from dedup_assets.engine.matching.tabulating import Matches, Similarities
from dedup_assets.engine.work_dir import WorkDir, ledger_file
from dedup_assets.engine.workers import Lanes, thread_count

_IMAGES_TOGETHER, _FEWEST_TOGETHER = 32, 8  # of jobs that share requests
_KEEPING_ROUNDS = 2  # what is better is known beside a kept image only, so a second round finds what is better still
_NO_PLACES = np.empty(0, np.int64)
_T = TypeVar("_T")

OpenExaminer = Callable[[], AbstractContextManager[Examiner]]
"""Gives an examiner to one thread, for a while."""


def gather_evidence(
    settings: Settings,
    features: Features,
    candidates: pl.DataFrame,
    pairs: Pairs,
    work_dir: WorkDir,
    progress: ProgressReporter,
    crossing: Crossing | None = None,
) -> Evidence:
    """Compare the candidates by their pixels, from the most similar down, within the budget of the settings.

    Those in different sets have the same budget again, and each of them that is left out has a row: a leak that nothing
    has decided. The result is the same for any number of threads.

    Args:
        settings: budget, limits of decoding, crop and threads.
        features: names and vectors of the images.
        candidates: as `find_candidates` gives them.
        pairs: similarity.csv; each of its pairs gets a row.
        work_dir: knows the sizes of the images, and which show nothing.
        progress: counts pairs.
        crossing: the sets; None: there are none.

    Raises:
        WorkerError: no decoding process can be started.
        WorkDirError: a file of the work_dir is damaged.
    """
    if settings.evidence == "off":
        return Evidence(
            pl.DataFrame(schema=EVIDENCE_SCHEMA), pl.DataFrame(schema=IMAGES_SCHEMA), _counts(0, 0, 0, 0, [])
        )
    found = compare_candidates(settings, features, candidates, work_dir, progress, crossing=crossing)
    matching, memory = found.matching, found.memory
    matches = Matches(
        memory.library, found.exact, matching.proofs, matching.looked, settings.keep_policy, found.spectra
    )
    similarities = Similarities(features.vectors, settings.distance)
    evidence = matches.tabulate(similarities, _and_undecided(pairs, matching, similarities))
    unreadable = sum(looked.problem is not None for looked in matching.looked.values())
    counts = _counts(candidates.height, matching.compared, matching.left_out, unreadable, evidence.rows["relation"])
    remembered = KeptFindings(memory.table(), memory.made_with, memory.answered)
    return replace(evidence, counts=counts, findings=remembered)


@dataclass(frozen=True)
class ComparedCandidates:
    """What comparing the candidates has found.

    Attributes:
        exact: equal files.
        matching: the comparisons.
        spectra: the detail of images that may be enlargements.
        memory: knows all answers, those of earlier runs too.
    """

    exact: ExactCopies
    matching: "Matching"
    spectra: Spectra
    memory: Memory


def compare_candidates(
    settings: Settings,
    features: Features,
    candidates: pl.DataFrame,
    work_dir: WorkDir,
    progress: ProgressReporter,
    rows: RowRange | None = None,
    crossing: Crossing | None = None,
) -> ComparedCandidates:
    """Compare candidates by their pixels; arguments and errors as for `gather_evidence`.

    Args:
        settings: as there.
        features: as there.
        candidates: as there.
        work_dir: as there.
        progress: as there.
        rows: only the candidates that belong to these rows of the features, see `pairs_of`; None: all.
        crossing: as there.
    """
    threads = thread_count(settings.num_threads)
    library = Library.of(features.names, ledger_file.read_listed_sizes(work_dir), settings.image_seconds)
    content = ledger_file.read_content(work_dir, features.names)
    exact = find_exact_copies(library, features.vectors, content, threads)
    wanted = _between_pictures(candidates, exact, ledger_file.read_low_information(work_dir, features.names))
    budget = int(settings.evidence_pairs_per_image * len(features))
    if rows is not None:
        chosen = pairs_of(wanted, rows)
        wanted, budget = chosen, math.ceil(budget * len(chosen) / max(len(wanted), 1))
    with (
        progress.counting(min(budget, len(wanted)), "pairs"),
        open_comparers(settings, library, settings.box) as (lanes, open_comparer),
    ):
        return_freed_memory()  # of the search; comparing takes long
        rules = keep_rules(settings.keep_policy)
        across = np.flatnonzero(crossing.joined(exact.first).is_between(wanted.a, wanted.b)) if crossing else _NO_PLACES
        matching = Matching(wanted, library.rank_as_center, library.names, rules, budget, lanes, progress, across)
        memory = Memory.of(library, content, settings, work_dir, read_shared(settings, work_dir))
        matching.run(_examiners(memory, open_comparer))
        spectra = measure_detail(matching.proofs, matching.looked, memory, lanes, open_comparer)
    return ComparedCandidates(exact, matching, spectra, memory)


@dataclass
class Matching:
    """The comparisons of a run: rounds over the candidates, then those that prove a better image to keep.

    Args:
        candidates: pairs of images that are no exact copies.
        rank: of each image as a centre.
        names: (n,) binary.
        rules: which image of a group is kept, as `keep_rules` gives them.
        budget: most pairs that are compared.
        lanes: threads that work side by side.
        progress: counts pairs.
        across: places of the candidates that are in different sets.
    """

    candidates: CandidatePairs
    rank: "np.typing.NDArray[np.int64]"
    names: pl.Series
    rules: Sequence[str]
    budget: int
    lanes: Lanes
    progress: ProgressReporter
    across: NDArray[np.int64] = field(default_factory=lambda: _NO_PLACES)
    looked: dict[int, Looked] = field(default_factory=dict)

    def run(self, open_examiner: OpenExaminer) -> None:
        """Compare, and see to it that a better image than a star's centre is compared with the others of the star."""
        rounds = Rounds(self.candidates, self.rank, self.budget)
        self.named = named(self.names)

        def run_jobs(jobs: Sequence[ClusterJob]) -> list[Clustered]:
            foreseen = self._foresee(jobs, open_examiner) if rounds.finds_few else Foreseen()
            return self._hold(jobs, cluster, _images_of, open_examiner, foreseen)

        rounds.run(run_jobs)
        rounds.run_on(self.across, self.budget, run_jobs)
        self.left_out = rounds.count_left_out()
        self.undecided = rounds.left_out(self.across)
        for _ in range(_KEEPING_ROUNDS):
            jobs = self._prove(rounds).keeping_jobs(self.looked, self.named, self.rules)
            if not jobs:
                break
            outcomes = self._hold(jobs, prove_kept, lambda job: 1 + len(job.others), open_examiner)
            rounds.note(result for outcome in outcomes for result in outcome.results)
        while rounds.compare_between(self._prove(rounds).loose(self.looked, self.named, self.rules), run_jobs):
            pass
        self.compared = sum(result.compared is not None for result in self.proofs.results)

    def _prove(self, rounds: Rounds) -> Proofs:
        self.proofs = Proofs(len(self.rank), list(rounds.results))
        return self.proofs

    def _foresee(self, jobs: Sequence[ClusterJob], open_examiner: OpenExaminer) -> Foreseen:
        """Answers to what large jobs will probably ask, found in parallel."""

        def work(attempts: Attempts) -> tuple[list[list[PairResult]], dict[int, Looked]]:
            with open_examiner() as examiner:
                return examiner.examine(attempts), examiner.looked

        foreseen = Foreseen()
        for answers, looked in self.lanes.in_order(self._bundles(questions_ahead(jobs), len), work):
            foreseen.add(answers, looked)
        return foreseen

    def _hold(
        self,
        jobs: Sequence[_T],
        talk: Callable[[_T], Conversation],
        images_of: Callable[[_T], int],
        open_examiner: OpenExaminer,
        foreseen: Foreseen | None = None,
    ) -> list[Clustered]:
        """Do jobs in parallel, several small ones with one request; their outcomes in order."""

        def work(bundle: list[_T]) -> tuple[list[Clustered], dict[int, Looked]]:
            with open_examiner() as examiner:
                seer = ForeseeingExaminer(examiner.examine, foreseen or Foreseen())
                outcomes = converse([talk(job) for job in bundle], seer.examine)
                return outcomes, examiner.looked | seer.looked

        found: list[Clustered] = []
        for outcomes, looked in self.lanes.in_order(self._bundles(jobs, images_of), work):
            self.looked.update(looked)
            self.progress.advance(sum(len(outcome.results) for outcome in outcomes), 0)
            found += outcomes
        return found

    def _bundles(self, jobs: Sequence[_T], images_of: Callable[[_T], int]) -> Iterator[list[_T]]:
        """Jobs to do with the same requests; fewer in the last ones, so that the threads end at about the same time."""
        left = sum(map(images_of, jobs))
        bundle: list[_T] = []
        images = 0
        for job in jobs:
            most = min(max(left // self.lanes.threads, _FEWEST_TOGETHER), _IMAGES_TOGETHER)
            if bundle and images + images_of(job) > most:
                yield bundle
                bundle, left, images = [], left - images, 0
            bundle.append(job)
            images += images_of(job)
        if bundle:
            yield bundle


def _and_undecided(pairs: Pairs, matching: Matching, similarities: Similarities) -> Pairs:
    """The pairs, and those in different sets that were left out."""
    if not len(matching.undecided):
        return pairs
    one, other = matching.candidates.a[matching.undecided], matching.candidates.b[matching.undecided]
    named = {"from": matching.names.gather(one), "to": matching.names.gather(other)}
    return Pairs(pl.concat([pairs.rows, pl.DataFrame({**named, "distance": similarities.of(one, other)})]))


def _images_of(job: ClusterJob) -> int:
    return len(job.centers)


def _examiners(memory: Memory, open_comparer: OpenComparer) -> OpenExaminer:
    @contextmanager
    def open_examiner() -> Iterator[Examiner]:
        with open_comparer() as comparer:
            yield RememberingExaminer(PixelExaminer(comparer, memory.library.is_file), memory)

    return open_examiner


def _between_pictures(candidates: pl.DataFrame, exact: ExactCopies, marks: pl.Series) -> CandidatePairs:
    """The candidates as pairs of first images of exact copies, without pictures that show nothing."""
    a, b = (exact.first[candidates[side].to_numpy()] for side in ("a", "b"))
    shows = marks.is_null().to_numpy()
    kept = np.flatnonzero((a != b) & shows[a] & shows[b])
    low, high = np.minimum(a, b)[kept], np.maximum(a, b)[kept]
    alike = candidates["alike"].to_numpy()[kept]
    _, first = np.unique(np.stack([low, high]), axis=1, return_index=True)
    order = np.lexsort((high[first], low[first], -alike[first]))
    return CandidatePairs(low[first][order], high[first][order], alike[first][order])


def _counts(candidates: int, compared: int, left_out: int, unreadable: int, relations: Iterable[str]) -> dict[str, int]:
    counts = {"candidates": candidates, "compared": compared, "left_out": left_out, "unreadable": unreadable}
    counts |= {relation.value: 0 for relation in Relation if relation.is_evidence}
    for relation in relations:
        counts[relation] += 1
    return counts
