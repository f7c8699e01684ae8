"""A search shared among processes by row ranges: each range is searched once, by the first process that reaches it.

One process that searches all row ranges and many processes that share them use `RowRangeSearcher.complete`, with one
index and one feature file, both memory-mapped. `merge` gives the same neighbours however the work was shared. Where a
former search is stored, `complete_all` keeps the neighbours of rows that stayed (`incremental`).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from operator import attrgetter

import polars as pl

from dedup_assets.engine.core.records import Features, Neighbors, RowRange, SearchIndex
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors.edges import first_edges
from dedup_assets.engine.neighbors.incremental import (
    SPARE,
    KeptLists,
    can_keep,
    keep_neighbors,
    kept_truth,
    kind_of_search,
    rows_of,
    searched_kind,
)
from dedup_assets.engine.neighbors.low_information import match_exact_copies_alone
from dedup_assets.engine.neighbors.recall import SearchData
from dedup_assets.engine.neighbors.search import check_index, is_exact, measure_recall, search_rows
from dedup_assets.engine.neighbors.truth import find_truth, recall_of, truth_store
from dedup_assets.engine.work_dir import NeighborRanges, WorkDir, files, index_file, ledger_file
from dedup_assets.engine.work_dir.hashed_tables import DamagedTableError
from dedup_assets.engine.work_dir.neighbor_ranges import features_sha256, fingerprint_of, index_sha256
from dedup_assets.engine.work_dir.searched_rows import SearchFacts, read_facts, write_facts
from dedup_assets.engine.workers import thread_count

_LOG = logging.getLogger(__name__)


def full_ranges(rows: int, width: int) -> list[RowRange]:
    """Ranges of `width` that cover all rows; the last may reach beyond, so that its key stays when rows are added."""
    return [RowRange(start, start + width) for start in range(0, rows, width)]


@dataclass(frozen=True)
class SearchOutcome:
    """How the neighbours of a row range were found.

    Attributes:
        rows: in the range.
        searched: number of them that were searched for.
        kept: number of the others, whose neighbours were kept from a search of other rows.
        found: number of rows whose neighbours another searcher had stored before; `searched` and `kept` say how.
    """

    rows: int
    searched: int
    kept: int = 0
    found: int = 0

    @classmethod
    def of(cls, outcomes: Sequence["SearchOutcome"]) -> "SearchOutcome":
        """That of several ranges together."""
        return cls(*(sum(map(attrgetter(each.name), outcomes)) for each in fields(cls)))


class RowRangeSearcher:
    """Searches row ranges of the features among all rows, as the settings say.

    Args:
        settings: method, k, metric, threads, width of a range, and the work_dir.
        features: of the work_dir; None: read from it, memory-mapped.
        index: faiss.index of the work_dir; None: read from it, memory-mapped where its kind allows.
        work_dir: None: that of the settings.

    Raises:
        WorkDirError: features or index are missing or damaged.
        SearchError: the index is of other vectors.
    """

    def __init__(
        self,
        settings: Settings,
        features: Features | None = None,
        index: SearchIndex | None = None,
        work_dir: WorkDir | None = None,
    ) -> None:
        folder = work_dir or WorkDir(settings.work_dir)
        self._threads = thread_count(settings.num_threads)
        self._width = settings.search_range_size
        self._folder = folder
        self._features = features or files.read_features(folder)
        self._vectors = self._features.vectors
        self._index = index or index_file.read_index(folder, settings.distance)
        check_index(self._index, self._vectors)
        spare = SPARE if can_keep(self._index, settings.search) else 0
        self._search = replace(settings.search, spare=spare)
        self._facts = self._describe(settings)
        self._store = NeighborRanges(folder, self._facts.fingerprint)
        self._truth = truth_store(folder, self._facts.features, self._search)
        self._made: dict[RowRange, SearchOutcome] = {}  # by this searcher

    def _describe(self, settings: Settings) -> SearchFacts:
        features, index = features_sha256(self._folder), index_sha256(self._folder)
        kind = kind_of_search(settings)
        return SearchFacts(
            fingerprint=fingerprint_of(features, index, [kind, self._search.spare, self._width]),
            kind=searched_kind(settings, self._search.spare, exact=is_exact(self._index, self._search)),
            features=features,
            index=index,
            rows=len(self._vectors),
            width=self._width,
            changed=0,
        )

    def cut(self) -> list[RowRange]:
        """The row ranges that cover the features, aligned to multiples of `search_range_size`."""
        rows = len(self._vectors)
        return [RowRange(start, min(start + self._width, rows)) for start in range(0, rows, self._width)]

    def complete_all(self) -> list[SearchOutcome]:
        """See that the neighbours of all rows are stored, and say how those of each range of `cut` were found.

        Where a range is missing, neighbours of a former search are kept for rows that stayed, and only the others are
        searched.

        Raises:
            SearchError: the index cannot be searched.
            WorkDirError: the result cannot be stored.
        """
        outcomes = self._complete(self.cut())
        if self._search.spare and read_facts(self._folder, self._facts.fingerprint) is None:
            self._note(changed=0, searched={})
        return outcomes

    def _complete(self, ranges: Sequence[RowRange]) -> list[SearchOutcome]:
        """Complete some ranges; all of them if neighbours can be kept, because those of all come at once."""
        missing = [rows for rows in self.cut() if not self._store.has(rows)]
        kept = self._keep() if set(missing).intersection(ranges) else None
        if kept is None:
            return [self.complete(rows) for rows in ranges]
        searched = {rows: int(((kept.searched >= rows.start) & (kept.searched < rows.stop)).sum()) for rows in missing}
        self._note(kept.changed, self._searched_by_others | {rows.key: count for rows, count in searched.items()})
        for rows, count in searched.items():
            self._take(rows, kept)
            self._made[rows] = SearchOutcome(len(rows), count, len(rows) - count)
        done = SearchOutcome.of([self._made[rows] for rows in missing])
        _LOG.info("searched %d of %d images; %d kept", done.searched, done.rows, done.kept)
        return [self.complete(rows) for rows in ranges]

    def _note(self, changed: int, searched: dict[str, int]) -> None:
        """Say what the ranges are of, so that a later search can keep their neighbours."""
        rows_of(self._folder, self._features, self._facts.features)
        write_facts(self._folder, replace(self._facts, changed=changed, searched=searched))

    @cached_property
    def _searched_by_others(self) -> dict[str, int]:
        facts = read_facts(self._folder, self._facts.fingerprint)
        return {} if facts is None else facts.searched

    def _take(self, rows: RowRange, kept: KeptLists) -> None:
        """Store the kept neighbours of a range."""
        source = kept.edges["from"]
        low, high = (int(source.search_sorted(row, side="left")) for row in (rows.start, rows.stop))
        self._store.write(rows, kept.edges[low:high])

    def _keep(self) -> KeptLists | None:
        if not self._search.spare:
            return None
        kept = keep_neighbors(self._folder, self._facts, self._features, self._index, self._search, self._threads)
        if kept is None or is_exact(self._index, self._search):
            return kept
        versions = kept.former.features, self._facts.features
        truth = kept_truth(self._folder, *versions, kept.rows, self._vectors, self._search, self._threads)
        if truth is None:
            return kept
        recall = recall_of(kept.edges, truth, self._search.k)
        if recall is not None and recall < self._search.recall_target:
            _LOG.info(
                "recall of kept neighbours is %.4f, below %g: all are searched", recall, self._search.recall_target
            )
            return None
        return kept

    def complete_from(self, wanted: RowRange) -> SearchOutcome:
        """Complete each range of `cut` that begins in `wanted`: a partition, whose width may be that of older settings.

        As `complete_all`, it keeps neighbours of a former search, and stores those of other ranges with them.

        Raises:
            SearchError: as `complete`.
            WorkDirError: as `complete`.
        """
        begin = [rows for rows in self.cut() if wanted.start <= rows.start < wanted.stop]
        return SearchOutcome.of(self._complete(begin))

    def complete(self, rows: RowRange) -> SearchOutcome:
        """See that the neighbours of a range are stored; search it if they are not.

        Args:
            rows: one of `cut`.

        Raises:
            ValueError: it is none of these.
            SearchError: the index cannot be searched.
            WorkDirError: the result cannot be stored.
        """
        if rows not in self.cut():
            raise ValueError(f"{rows}: must be one of cut(), because merge() looks for these alone")
        if not self._store.has(rows):
            self._store.write(rows, search_rows(self._vectors, self._index, self._search, self._threads, rows))
            self._made[rows] = SearchOutcome(len(rows), len(rows))
        return self._made.get(rows) or self._found(rows)

    def _found(self, rows: RowRange) -> SearchOutcome:
        """How the neighbours of a range were found that another searcher has stored."""
        searched = self._searched_by_others.get(rows.key, len(rows))
        return SearchOutcome(len(rows), searched, len(rows) - searched, found=len(rows))

    def merge(self, *, measured: bool = True) -> Neighbors:
        """The neighbours of all rows, from ranges that are complete by now, with recall@k measured on a sample.

        Images that show nothing are neighbours of their exact copies only (`low_information`); the recall is measured
        before their other neighbours are left out.

        Args:
            measured: whether the recall is wanted; it costs a search of the sample.

        Raises:
            SearchError: as `complete`.
            WorkDirError: a range is missing.
        """
        edges = pl.concat([self._read(rows) for rows in self.cut()], rechunk=True)
        if self._search.spare:
            edges = first_edges(edges, self._search.k)
        recall = self._recall(edges) if measured else None
        marks = ledger_file.read_low_information(self._folder, self._features.names)
        return match_exact_copies_alone(
            Neighbors(edges, len(self._vectors), recall),
            SearchData(self._vectors, self._vectors, is_self_search=True),
            (marks, marks),
            self._index,
            replace(self._search, spare=0),
            self._threads,
        )

    def _recall(self, edges: pl.DataFrame) -> float | None:
        try:
            return self._store.read_recall()
        except KeyError:
            recall = self._measured(edges)
            self._store.write_recall(recall)
            return recall

    def _measured(self, edges: pl.DataFrame) -> float | None:
        if not self._search.spare or is_exact(self._index, self._search):
            return measure_recall(self._vectors, edges, self._search, self._threads)
        if (truth := self._truth.read_truth()) is None:
            truth = find_truth(self._vectors, self._search, self._threads)
            self._truth.write_truth(truth)
        return recall_of(edges, truth, self._search.k)

    def _read(self, rows: RowRange) -> pl.DataFrame:
        try:
            return self._store.read(rows)
        except DamagedTableError:
            self.complete(rows)
            return self._store.read(rows)

    def prune(self) -> int:
        """Delete stored ranges that no run needs any more (`work_dir.used_sets`), and return the number of files."""
        return self._store.prune(self._facts.features, self._truth)
