"""What a search missed: the true neighbours of a sample of rows, and the share of them that was found."""

from dataclasses import dataclass

import faiss
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.settings import SearchSettings
from dedup_assets.engine.neighbors.edges import EDGES_SCHEMA, closest, edges_of
from dedup_assets.engine.neighbors.similarity import prepared, similarities

_BLOCK_ROWS = 16_384  # vectors compared at a time
_TOLERANCE = 1e-6  # one step of the last decimal


@dataclass(frozen=True)
class Question:
    """Whose neighbours are sought among which vectors; asked `among_themselves`, a row does not find itself."""

    asked: NDArray[np.float32]
    vectors: NDArray[np.float32]
    among_themselves: bool


def spread_rows(rows: int, wanted: int, start: float = 0.0) -> NDArray[np.int64]:
    """At most `wanted` rows, evenly spread; `start`, from 0 to 1, shifts them towards those after them."""
    places = (np.arange(min(wanted, rows)) + start) * (rows - 1) / max(1, min(wanted, rows) - 1)
    return np.unique(np.minimum(places.astype(np.int64), rows - 1))


def exact_neighbors(question: Question, rows: NDArray[np.int64], search: SearchSettings) -> pl.DataFrame:
    """Edges to the true neighbours of the given rows, compared with all vectors block by block: never all in memory."""
    best = pl.DataFrame(schema=EDGES_SCHEMA)
    bars = np.full(len(rows), -np.inf, np.float32)
    queries = prepared(question.asked[rows], search.distance)
    for start in range(0, len(question.vectors), _BLOCK_ROWS):
        block = prepared(question.vectors[start : start + _BLOCK_ROWS], search.distance)
        asked, found = _closest_rows(queries, block, bars, min(search.k + 1, len(block)), search)
        scores = similarities_of(block, queries[asked], found, search)
        some = edges_of(rows[asked], found + start, scores, search.k, among_themselves=question.among_themselves)
        best = pl.concat([best, some])
    return closest(best, search.k)


def _closest_rows(
    queries: NDArray[np.float32],
    block: NDArray[np.float32],
    bars: NDArray[np.float32],
    wanted: int,
    search: SearchSettings,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the queries that may have neighbours in a block, and the rows of the block nearest to each of these.

    `bars` holds what a query's neighbours must reach, from one block before; it is raised.
    """
    if search.distance == "cosine":  # numpy's matrix product is quicker than that in faiss
        likeness = queries @ block.T
        asked = np.flatnonzero(likeness.max(axis=1) >= bars - _TOLERANCE)
        found = np.argpartition(likeness[asked], -wanted, axis=1)[:, -wanted:]
        if wanted > search.k:  # a bar from fewer would be too high
            lowest = np.take_along_axis(likeness[asked], found, axis=1).min(axis=1)
            bars[asked] = np.maximum(bars[asked], lowest)
        return asked, found
    exact = faiss.IndexFlat(block.shape[1], faiss.METRIC_L1 if search.distance == "manhattan" else faiss.METRIC_L2)
    exact.add(block)
    return np.arange(len(queries)), exact.search(queries, wanted)[1]


def similarities_of(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], found: NDArray[np.int64], search: SearchSettings
) -> NDArray[np.float64]:
    """Exact similarity of each query to each found row, one column at a time so that little is copied at once."""
    once = len(vectors) <= min(found.size, _BLOCK_ROWS)
    ready = prepared(vectors, search.distance) if once else vectors

    def candidates(column: NDArray[np.int64]) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = ready[np.maximum(column, 0)]
        return rows if once else prepared(rows, search.distance)

    columns = [similarities(queries, candidates(column)[:, None, :], search.distance) for column in found.T]
    return np.concatenate(columns, axis=1)


def share_found(edges: pl.DataFrame, true: pl.DataFrame) -> float:
    """Recall@k: the share of edges at least as similar as the true k-th neighbour of their row.

    Counted by similarity, not by row: among exact duplicates any choice of k is right.
    """
    bar = true.group_by("from").agg(pl.col("similarity").min().alias("bar"), pl.len().alias("wanted"))
    found = edges.join(bar, on="from").filter(pl.col("similarity") >= pl.col("bar") - _TOLERANCE)
    counted = found.group_by("from").len().join(bar, on="from").select(pl.min_horizontal("len", "wanted").sum()).item()
    return float(counted) / true.height
