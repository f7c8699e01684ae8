"""Which pairs may be one picture: a search of its own, wider than that of similarity.csv.

Of edited copies, 99.2 % are among the 10 nearest at a cosine of 0.45, 85 % at 0.7, and 35 % among the 2 nearest.
"""

import hashlib
import logging
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.records import Features, SearchIndex
from dedup_assets.engine.core.search_settings import EVIDENCE_NEIGHBORS as NEAREST
from dedup_assets.engine.core.search_settings import Distance
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.matching.crossing import Crossing
from dedup_assets.engine.matching.rounds import BANDS
from dedup_assets.engine.neighbors import SearchData, as_inverted_file
from dedup_assets.engine.neighbors.row_ranges import RowRangeSearcher
from dedup_assets.engine.neighbors.search import search_all
from dedup_assets.engine.neighbors.similarity import DECIMALS, prepared, similarities
from dedup_assets.engine.work_dir import WorkDir, ledger_file
from dedup_assets.engine.workers import thread_count

_LOG = logging.getLogger(__name__)
_SAME_VECTOR = 1 - 1e-6  # similarity of vectors that are equal, or nearly so
_GROWTH = 8  # times the neighbours, each time that a crowd is searched for again
_MOST_NEIGHBORS = 1024
_ROWS_TOGETHER = 4096  # that are searched for with so many neighbours
_MOST_SIBLINGS = 64  # in other sets: captions of one picture, frames of one film
_BLOCK_ROWS = 16_384  # pairs whose vectors are copied at a time
_SCHEMA = {"a": pl.UInt32, "b": pl.UInt32, "alike": pl.Float64}


def candidate_searcher(
    settings: Settings, features: Features, index: SearchIndex, work_dir: WorkDir
) -> RowRangeSearcher:
    """The search for candidates, by ranges of rows; arguments as for `find_candidates`."""
    return RowRangeSearcher(_wider(settings), features, index, work_dir)


def _wider(settings: Settings) -> Settings:
    return settings.model_copy(update={"nearest_neighbors_k": NEAREST, "range_search": False})


def find_candidates(
    settings: Settings,
    features: Features,
    index: SearchIndex,
    work_dir: WorkDir,
    *,
    crossing: Crossing | None = None,
    prune: bool = True,
) -> pl.DataFrame:
    """Find the pairs of images that are worth a comparison.

    The search is stored and resumed by ranges of rows as that of `similarity` is, beside it.

    Args:
        settings: method and metric of the search.
        features: of the work_dir.
        index: over these.
        work_dir: where searched ranges are kept.
        crossing: the sets; of images for evaluation the nearest in other sets are candidates, too.
        prune: delete searched ranges that no run needs any more; the caller must hold the work_dir for that.

    Returns:
        `a`, `b` (uint32 rows of the features, a < b) and `alike` (float64 cosine, whatever the metric of the search
        is), the most alike first, ties by (a, b). Empty if evidence is off.

    Raises:
        SearchError: the index cannot be searched.
        WorkDirError: a searched range cannot be stored.
    """
    if settings.evidence == "off" or len(features) < 2:  # noqa: PLR2004 - a pair
        return pl.DataFrame(schema=_SCHEMA)
    searcher = candidate_searcher(settings, features, index, work_dir)
    searcher.complete_all()
    neighbors = searcher.merge(measured=as_inverted_file(index.index) is not None)
    _warn_of_misses(neighbors.recall_at_k, settings.recall_target)
    edges = neighbors.edges
    if prune:
        searcher.prune()
    more = [_beyond_crowds(edges, features, index, _wider(settings), work_dir)]
    if crossing:
        more.append(_in_other_sets(edges, features, index, _wider(settings), crossing))
    edges = pl.concat([edges, *more])
    pairs = edges.select(
        a=pl.min_horizontal("from", "to"),
        b=pl.max_horizontal("from", "to"),
        alike=pl.col("similarity").cast(pl.Float64),
    ).unique(["a", "b"], keep="first", maintain_order=True)
    if settings.distance != "cosine":
        one, other = (pairs[side].to_numpy().astype(np.int64) for side in ("a", "b"))
        pairs = pairs.with_columns(alike=pl.Series(pair_similarities(features.vectors, one, other, "cosine")))
    pairs = pairs.with_columns(pl.col("alike").round(DECIMALS)).filter(pl.col("alike") >= BANDS[-1])
    return pairs.sort("alike", "a", "b", descending=[True, False, False]).cast(_SCHEMA)  # type: ignore[arg-type]


def _warn_of_misses(recall: float | None, target: float) -> None:
    """Say that copies may be missing. The index is tuned to these neighbours, too, so that hardly any are."""
    if recall is not None and recall < target:
        _LOG.warning(
            "the search for candidates found %.4f of the %d nearest images of a sample, less than recall_target=%g: "
            "copies may be missing; raise recall_target",
            recall,
            NEAREST,
            target,
        )


def _beyond_crowds(
    edges: pl.DataFrame, features: Features, index: SearchIndex, settings: Settings, work_dir: WorkDir
) -> pl.DataFrame:
    """Edges from images whose nearest neighbours all have the same vector to the nearest with another one.

    Two pictures of which each has more than `NEAREST` exact copies would otherwise never be compared. One image of each
    such crowd is searched for again; a crowd of more than `_MOST_NEIGHBORS` hides what lies beyond it.
    """
    farthest = edges.group_by("from").agg(pl.len(), pl.col("similarity").min()).filter(pl.col("len") >= NEAREST)
    crowded = farthest.filter(pl.col("similarity") >= _SAME_VECTOR)["from"].sort()
    shows = ledger_file.read_low_information(work_dir, features.names).is_null()
    crowded = crowded.filter(shows.gather(crowded))
    first: dict[bytes, int] = {}
    for row in crowded.to_list():
        first.setdefault(hashlib.sha256(features.vectors[row].tobytes()).digest(), row)
    rows, k = np.array(sorted(first.values()), np.int64), NEAREST
    data = SearchData(features.vectors, features.vectors, is_self_search=True)
    found = [edges.clear()]
    while len(rows) and k < _MOST_NEIGHBORS:
        k = min(_GROWTH * k, _MOST_NEIGHBORS)
        search = replace(settings.search, k=k)
        nearest = search_all(data, rows, index, search, thread_count(settings.num_threads))
        others = nearest.filter(pl.col("similarity") < _SAME_VECTOR)
        found.append(others.group_by("from", maintain_order=True).head(NEAREST))
        rows = np.setdiff1d(rows, others["from"].unique().to_numpy())
    return pl.concat(found)


def _in_other_sets(
    edges: pl.DataFrame, features: Features, index: SearchIndex, settings: Settings, crossing: Crossing
) -> pl.DataFrame:
    """Edges from images for evaluation to the nearest in other sets, where others hide these.

    Of pictures that are as alike as copies, more are taken: any of them may be the one that an image was made from.
    """
    data = SearchData(features.vectors, features.vectors, is_self_search=True)
    search, k = settings.search, NEAREST
    found = [edges.clear()]
    rows = _hidden(edges, np.flatnonzero(crossing.is_asked), k, features, crossing)
    while len(rows) and k < _MOST_NEIGHBORS:
        k = min(_GROWTH * k, _MOST_NEIGHBORS)
        hidden = [rows[:0]]
        for some in np.split(rows, range(_ROWS_TOGETHER, len(rows), _ROWS_TOGETHER)):
            nearest = search_all(data, some, index, replace(search, k=k), thread_count(settings.num_threads))
            across = nearest.filter(_crosses(nearest, crossing))
            found.append(across.group_by("from", maintain_order=True).head(_MOST_SIBLINGS))
            hidden.append(_hidden(nearest, some, k, features, crossing))
        rows = np.concatenate(hidden)
    return pl.concat(found)


def _crosses(edges: pl.DataFrame, crossing: Crossing) -> pl.Series:
    one, other = (edges[side].to_numpy().astype(np.int64) for side in ("from", "to"))
    return pl.Series(crossing.is_between(one, other))


def _hidden(
    edges: pl.DataFrame, rows: NDArray[np.int64], k: int, features: Features, crossing: Crossing
) -> NDArray[np.int64]:
    """The rows that may have more candidates in other sets: all their k nearest are alike, and few are in these."""
    own = edges.filter(pl.col("from").is_in(pl.Series(rows, dtype=pl.UInt32).implode()))
    own = own.with_columns(across=_crosses(own, crossing))
    by_row = own.group_by("from").agg(pl.len(), pl.col("across").sum(), pl.col("to").sort_by("similarity").first())
    full = by_row.filter(pl.col("len") >= k).sort("from")
    one, farthest, across = (full[name].to_numpy().astype(np.int64) for name in ("from", "to", "across"))
    alike = pair_similarities(features.vectors, one, farthest, "cosine")
    has_few = (across < NEAREST) & (alike >= BANDS[-1]) | (across < _MOST_SIBLINGS) & (alike >= BANDS[0])
    return one[has_few]


def pair_similarities(
    vectors: NDArray[np.float32], one: NDArray[np.int64], other: NDArray[np.int64], distance: Distance
) -> NDArray[np.float64]:
    """The similarity of each two rows of (n, d) float32 vectors, (m,) float64 to six decimals."""
    found = [np.empty(0)]
    for start in range(0, len(one), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        left, right = prepared(vectors[one[block]], distance), prepared(vectors[other[block]], distance)
        found.append(similarities(left, right[:, None, :], distance)[:, 0])
    return np.concatenate(found)
