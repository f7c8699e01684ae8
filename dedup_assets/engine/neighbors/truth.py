"""The true neighbours of a sample of rows, which the recall of a search is measured on; kept while rows come and go.

They depend on the vectors alone, so that building an index, searching and measuring compute them once.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.neighbors.alignment import Alignment
from dedup_assets.engine.neighbors.edges import EDGE_ORDER, first_edges
from dedup_assets.engine.neighbors.exact import search_exactly
from dedup_assets.engine.neighbors.keeping import Bars, keep_lists
from dedup_assets.engine.neighbors.reaching import reach_exactly
from dedup_assets.engine.neighbors.recall import SearchData, evenly_spread, share_found
from dedup_assets.engine.work_dir import NeighborRanges, WorkDir
from dedup_assets.engine.work_dir.neighbor_ranges import fingerprint_of

_SAMPLE_ROWS = 500


def truth_store(work_dir: WorkDir, features: str, search: SearchSettings) -> NeighborRanges:
    """Where the true neighbours of a sample of some features are kept.

    Args:
        work_dir: holds them.
        features: SHA-256 of the feature file.
        search: k, spare and metric.
    """
    return NeighborRanges(work_dir, fingerprint_of(features, "", [search.widest.k, search.spare, search.distance]))


def find_truth(vectors: NDArray[np.float32], search: SearchSettings, threads: int) -> pl.DataFrame:
    """The true neighbours by cosine of some hundred rows, as many as of `SearchSettings.widest`.

    Args:
        vectors: (n, d) float32.
        search: k and spare.
        threads: most threads that compute.

    Returns:
        Edges in the order of `Neighbors.edges`.
    """
    data = SearchData(vectors, vectors, is_self_search=True)
    return search_exactly(data, evenly_spread(len(vectors), _SAMPLE_ROWS), search.widest, threads)


def keep_truth(
    former: pl.DataFrame, rows: Alignment, vectors: NDArray[np.float32], search: SearchSettings, threads: int
) -> pl.DataFrame:
    """The true neighbours of the rows of a former sample that stayed, and of new rows as their share of all is.

    Args:
        former: from `find_truth` or `keep_truth`, of former rows.
        rows: former rows and those of now.
        vectors: (n, d) float32, of now.
        search: as for the former sample.
        threads: most threads that compute.
    """

    def reach(bars: Bars) -> pl.DataFrame:
        return reach_exactly(vectors, rows.added, bars, search, threads)

    search = search.widest
    asked = former["from"].unique().sort().to_numpy().astype(np.int64)
    kept, short = keep_lists(former, asked, rows, reach, search.k, search.k + search.spare)
    share = round(_SAMPLE_ROWS * len(rows.added) / len(vectors))
    new = rows.added[evenly_spread(len(rows.added), share)] if share else rows.added[:0]
    data = SearchData(vectors, vectors, is_self_search=True)
    found = search_exactly(data, np.union1d(short, new), search, threads)
    return pl.concat([kept, found]).sort(EDGE_ORDER, descending=[False, True, False])


def recall_of(edges: pl.DataFrame, truth: pl.DataFrame, k: int) -> float | None:
    """Recall@k of edges from at least the rows of a sample; None where there is nothing to find."""
    true = first_edges(truth, k)
    return share_found(first_edges(edges, k), true) if true.height else None
