"""Query ranges to neighbours: each range of rows is searched once, by whoever comes first, and found by everyone else.

One process that searches all ranges and many that share them come through `RangeSearcher.complete`, against one index
and one feature file, both memory-mapped; `merge` then gives the same neighbours, whoever searched what.
"""

from dataclasses import asdict, dataclass, replace
from importlib.metadata import version

import polars as pl

from dedup_assets.engine.core.records import Features, Neighbors, OffsetRange, SearchIndex
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import build_index, check_index, measure_recall, search_rows
from dedup_assets.engine.work_dir import NeighborRanges, WorkDir, files, index_file
from dedup_assets.engine.work_dir.neighbor_ranges import features_and
from dedup_assets.engine.workers import thread_count


def full_ranges(rows: int, width: int) -> list[OffsetRange]:
    """Ranges of `width` that cover so many rows; the last may reach beyond, so that its key stays when rows come."""
    return [OffsetRange(start, start + width) for start in range(0, rows, width)]


@dataclass(frozen=True)
class SearchOutcome:
    """What one range needed: rows in it, and how many of them were searched now rather than found."""

    rows: int
    searched: int


def find_or_build_index(settings: Settings, features: Features, work_dir: WorkDir) -> SearchIndex:
    """The index of the settings over these features: faiss.index where it is that one already, else a new one.

    Args:
        settings: method, metric and threads.
        features: of the work_dir.
        work_dir: whose faiss.index may do; its config.json says what that was made of.

    Raises:
        SearchError: the index cannot be built.
        WorkDirError: config.json or faiss.index is damaged.
    """
    made_of = features_and(work_dir, _asked(settings))
    known = files.read_config(work_dir).get("index", {})
    if known.get("made_of") == made_of and work_dir.exists(index_file.INDEX):
        stored = index_file.read_index(work_dir, settings.distance)
        if known.get("written") == work_dir.version(index_file.INDEX):
            return replace(stored, made_of=made_of, is_stored=True)
    index = build_index(features.vectors, settings.search, thread_count(settings.num_threads))
    return replace(index, made_of=made_of)


def _asked(settings: Settings) -> dict[str, object]:
    """What index and neighbours depend on besides the features."""
    return {**asdict(settings.search), "faiss": version("faiss-cpu")}


class RangeSearcher:
    """Searches ranges of rows of the features among all rows, as the settings say.

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
        self._search = settings.search
        self._threads = thread_count(settings.num_threads)
        self._width = settings.search_range_size
        self._vectors = (features or files.read_features(folder)).vectors
        self._index = index or index_file.read_index(folder, settings.distance)
        check_index(self._index, self._vectors)
        self._store = NeighborRanges(folder, {**_asked(settings), "width": self._width})

    def cut(self) -> list[OffsetRange]:
        """The ranges of rows that cover the features, aligned to multiples of `search_range_size`."""
        rows = len(self._vectors)
        return [OffsetRange(start, min(start + self._width, rows)) for start in range(0, rows, self._width)]

    def complete_from(self, wanted: OffsetRange) -> SearchOutcome:
        """Complete each range of `cut` that begins in `wanted`: a partition, of whatever width it was registered with.

        Raises:
            SearchError: as `complete`.
            WorkDirError: as `complete`.
        """
        begin = [rows for rows in self.cut() if wanted.min_offset <= rows.min_offset < wanted.max_offset]
        outcomes = [self.complete(rows) for rows in begin]
        return SearchOutcome(sum(done.rows for done in outcomes), sum(done.searched for done in outcomes))

    def complete(self, rows: OffsetRange) -> SearchOutcome:
        """See that the neighbours of a range are stored; search it if nobody has.

        Args:
            rows: one of `cut`.

        Raises:
            ValueError: it is none of these.
            SearchError: the index cannot be searched.
            WorkDirError: the result cannot be stored.
        """
        if rows not in self.cut():
            raise ValueError(f"{rows}: must be one of cut(), so that whoever merges finds it")
        size = rows.max_offset - rows.min_offset
        if self._store.has(rows):
            return SearchOutcome(size, 0)
        self._store.write(rows, search_rows(self._vectors, self._index, self._search, self._threads, rows))
        return SearchOutcome(size, size)

    def merge(self) -> Neighbors:
        """The neighbours of all rows, from ranges that are complete by now, with recall@k measured on a sample.

        Raises:
            WorkDirError: a range is missing or damaged.
        """
        edges = pl.concat([self._store.read(rows) for rows in self.cut()], rechunk=True)
        if not self._store.has_recall():
            self._store.write_recall(measure_recall(self._vectors, edges, self._search, self._threads))
        return Neighbors(edges, len(self._vectors), self._store.read_recall())

    def prune(self) -> int:
        """Delete stored ranges of other features, another index or other settings; how many sets of them."""
        return self._store.prune()
