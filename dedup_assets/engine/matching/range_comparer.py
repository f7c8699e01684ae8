"""Compare the candidates of ranges of rows, on one of many workers."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.records import Features, RowRange, SearchIndex
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.matching.candidates import find_candidates
from dedup_assets.engine.matching.crossing import Crossing
from dedup_assets.engine.matching.gathering import compare_candidates
from dedup_assets.engine.matching.sharing import open_shared
from dedup_assets.engine.work_dir import WorkDir


@dataclass(frozen=True)
class ComparedRange:
    """What a range of rows needed.

    Attributes:
        compared: number of pairs that were compared now.
        answered: number of questions that were answered by what was known.
    """

    compared: int = 0
    answered: int = 0


class RangeComparer:
    """Compares the candidates that belong to ranges of rows (`sharing.pairs_of`), and keeps what it finds.

    `evidence` reads it. Several workers may do so at once, each its ranges.

    Args:
        settings: as for `gather_evidence`.
        features: of the work_dir.
        index: over these.
        work_dir: where findings are kept.
        progress: counts pairs.
    """

    def __init__(
        self, settings: Settings, features: Features, index: SearchIndex, work_dir: WorkDir, progress: ProgressReporter
    ) -> None:
        self._settings, self._features, self._index = settings, features, index
        self._work_dir, self._progress = work_dir, progress
        self._store = open_shared(settings, work_dir)

    def complete(self, rows: RowRange) -> ComparedRange:
        """See that the pairs of a range are compared.

        Args:
            rows: of the features; those beyond the last one have no pairs.

        Raises:
            WorkerError: no decoding process can be started.
            WorkDirError: a file of the work_dir is damaged, or findings cannot be kept.
        """
        if self._settings.evidence == "off" or self._store.has(rows):
            return ComparedRange()
        found = compare_candidates(
            self._settings, self._features, self._candidates, self._work_dir, self._progress, rows, self._crossing
        )
        self._store.write(rows, found.memory.asked())
        return ComparedRange(found.memory.made, found.memory.answered)

    @cached_property
    def _candidates(self) -> pl.DataFrame:
        return find_candidates(
            self._settings, self._features, self._index, self._work_dir, crossing=self._crossing, prune=False
        )

    @cached_property
    def _crossing(self) -> Crossing:
        return Crossing.read(self._settings, self._features.names, self._work_dir)
