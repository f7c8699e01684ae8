"""Search what changed: the neighbours of a former search are kept for rows that stayed.

Nothing is kept where that might give other neighbours than a search of all rows: in a range search, by metrics other
than the cosine, by indexes other than Flat and the inverted file, and where files of the former search are missing or
damaged. With Flat the neighbours are the same, byte for byte. With the inverted file they are as good as measured
(`truth`); where more than a fifth of the rows has changed since all were searched, all are searched again.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import Features, RowRange, SearchIndex
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors.alignment import Alignment, align, identify_rows
from dedup_assets.engine.neighbors.edges import join_lists
from dedup_assets.engine.neighbors.inverted_file.layout import as_inverted_file
from dedup_assets.engine.neighbors.keeping import Bars, keep_lists
from dedup_assets.engine.neighbors.reaching import reach_exactly
from dedup_assets.engine.neighbors.reaching_lists import reach_by_lists
from dedup_assets.engine.neighbors.recall import SearchData
from dedup_assets.engine.neighbors.search import is_exact, search_all
from dedup_assets.engine.neighbors.truth import keep_truth, truth_store
from dedup_assets.engine.work_dir import NeighborRanges, WorkDir
from dedup_assets.engine.work_dir.identity import digest_of, library_versions, settings_read
from dedup_assets.engine.work_dir.searched_rows import SearchFacts, former_searches, read_rows, write_rows

_LOG = logging.getLogger(__name__)
_RANGES = "neighbor_shards"
SPARE = 2
"""Stored neighbours beyond k, so that hardly any row is searched for again when some of its neighbours go."""

_MOST_CHANGED = 5  # one row in so many may have changed since all rows were searched


_last: dict[tuple[str, str], Alignment] = {}  # the last one, by the SHA-256 of both feature files; 8 bytes a row


@dataclass(frozen=True)
class KeptLists:
    """Neighbours of all rows, of which few were searched for.

    Attributes:
        edges: as `Neighbors.edges`, with spare ones.
        searched: (s,) int64 rows that were searched for, ascending.
        changed: rows that came and went since all rows were searched for.
        former: the search that the others are kept from.
        rows: former rows and those of now.
    """

    edges: pl.DataFrame
    searched: NDArray[np.int64]
    changed: int
    former: SearchFacts
    rows: Alignment


def kind_of_search(settings: Settings) -> str:
    """Identifies the settings and libraries that neighbours depend on."""
    return digest_of([settings_read(_RANGES, settings), library_versions(_RANGES)])


def searched_kind(settings: Settings, spare: int, *, exact: bool) -> str:
    """`SearchFacts.kind`: neighbours of one kind are stored in equal numbers, and are exact or not."""
    return digest_of([kind_of_search(settings), spare, exact])


def kept_truth(
    work_dir: WorkDir,
    former: str,
    now: str,
    rows: Alignment,
    vectors: NDArray[np.float32],
    search: SearchSettings,
    threads: int,
) -> pl.DataFrame | None:
    """The true neighbours of a sample: the stored ones, else from those of a former search; None if that has none.

    Args:
        work_dir: holds them.
        former: SHA-256 of the features of the former search.
        now: SHA-256 of the features of now.
        rows: former rows and those of now.
        vectors: (n, d) float32, of now.
        search: k, spare and metric.
        threads: most threads that compute.
    """
    store = truth_store(work_dir, now, search)
    if (known := store.read_truth()) is not None:
        return known
    if (before := truth_store(work_dir, former, search).read_truth()) is None:
        return None
    truth = keep_truth(before, rows, vectors, search, threads)
    store.write_truth(truth)
    return truth


def can_keep(index: SearchIndex, search: SearchSettings) -> bool:
    """Whether neighbours found by this index and these settings can be kept when rows come and go."""
    if search.range_from is not None or search.distance != "cosine" or index.by_fastdup:
        return False
    return is_exact(index, search) or as_inverted_file(index.index) is not None


def rows_of(work_dir: WorkDir, features: Features, sha256: str) -> pl.DataFrame:
    """What tells the rows of a feature file apart, computed once and kept."""
    rows = read_rows(work_dir, sha256)
    if rows is None or rows.height != len(features):
        rows = identify_rows(features)
        write_rows(work_dir, sha256, rows)
    return rows


def aligned(work_dir: WorkDir, facts: SearchFacts, features: Features, sha256: str, *, exact: bool) -> Alignment | None:
    """How the rows of a former search became those of now; None if it is not known, or too many changed.

    Args:
        work_dir: holds both.
        facts: of the former search.
        features: of now.
        sha256: of their file.
        exact: former changes do no harm.
    """
    rows = _alignment(work_dir, facts, features, sha256)
    if rows is None:
        return None
    changed = rows.changes + (0 if exact else facts.changed)
    if changed * _MOST_CHANGED > len(features):
        _LOG.info("%d of %d images have changed: all are searched", changed, len(features))
        return None
    return rows


def _alignment(work_dir: WorkDir, facts: SearchFacts, features: Features, sha256: str) -> Alignment | None:
    """As `aligned`, whatever has changed. The last one is kept: index, pairs and candidates ask for it in turn."""
    key = facts.features, sha256
    if (known := _last.get(key)) is not None:
        return known
    before = read_rows(work_dir, facts.features)
    if before is None or before.height != facts.rows:
        return None
    rows = align(before, rows_of(work_dir, features, sha256))
    _last.clear()
    _last[key] = rows
    return rows


def keep_neighbors(
    work_dir: WorkDir,
    now: SearchFacts,
    features: Features,
    index: SearchIndex,
    search: SearchSettings,
    threads: int,
) -> KeptLists | None:
    """Neighbours of all rows from those of a former search of the same kind; None if there is none that serves.

    Args:
        work_dir: holds the former search.
        now: what is searched now.
        features: whose rows are searched.
        index: over them; see `can_keep`.
        search: k, spare and metric.
        threads: most threads that compute.

    Raises:
        SearchError: the index cannot be searched.
    """
    exact = is_exact(index, search)
    for facts in former_searches(work_dir):
        if facts.kind != now.kind:
            continue
        rows = aligned(work_dir, facts, features, now.features, exact=exact)
        former = read_lists(work_dir, facts) if rows else None
        if rows is None or former is None:
            continue
        reach = partial(_reach, features.vectors, rows, index, search, threads, former)
        edges, short = keep_lists(former, np.arange(facts.rows), rows, reach, search.k, search.k + search.spare)
        again = np.union1d(rows.added, short)
        data = SearchData(features.vectors, features.vectors, is_self_search=True)
        edges = join_lists([edges, search_all(data, again, index, search, threads)])
        return KeptLists(edges, again, facts.changed + rows.changes, facts, rows)
    return None


def _reach(
    vectors: NDArray[np.float32],
    rows: Alignment,
    index: SearchIndex,
    search: SearchSettings,
    threads: int,
    former: pl.DataFrame,
    bars: Bars,
) -> pl.DataFrame:
    if (lists := as_inverted_file(index.index)) is None:
        return reach_exactly(vectors, rows.added, bars, search, threads)
    return reach_by_lists(lists, vectors, rows.added, bars, rows.moved(former), search, threads)


def read_lists(work_dir: WorkDir, facts: SearchFacts) -> pl.DataFrame | None:
    """The stored neighbours of a former search, with spare ones; None if some are missing or damaged."""
    ranges = NeighborRanges(work_dir, facts.fingerprint)
    try:
        edges = pl.concat([ranges.read(rows) for rows in _ranges(facts)], rechunk=True)
    except WorkDirError as error:
        _LOG.warning("neighbours of a former search cannot be kept: %s", error)
        return None
    inside = edges.is_empty() or max(edges["from"].max(), edges["to"].max()) < facts.rows  # type: ignore[type-var, operator]
    return edges if inside and edges["from"].is_sorted() else None


def _ranges(facts: SearchFacts) -> Iterator[RowRange]:
    for start in range(0, facts.rows, facts.width):
        yield RowRange(start, min(start + facts.width, facts.rows))
