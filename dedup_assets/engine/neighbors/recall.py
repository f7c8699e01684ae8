"""What a search missed: the true neighbours of a sample of rows, and the share of them that was found."""

from dataclasses import dataclass

import faiss
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.neighbors.edges import closest, edges_of
from dedup_assets.engine.neighbors.similarity import prepared, similarities
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA

_BLOCK_ROWS = 16_384  # vectors compared at a time
_QUERIES = 256  # rows of one matrix product: its scores and their order take 50 MB
_TOLERANCE = 1e-6  # one step of the last decimal


@dataclass(frozen=True)
class SearchData:
    """The vectors of a search.

    Attributes:
        queries: (q, d) float32, whose neighbours are sought; may be memory-mapped.
        vectors: (n, d) float32, among which they are sought; may be memory-mapped.
        is_self_search: the queries are the vectors, and no row is its own neighbour.
    """

    queries: NDArray[np.float32]
    vectors: NDArray[np.float32]
    is_self_search: bool


def evenly_spread(rows: int, wanted: int, start: float = 0.0) -> NDArray[np.int64]:
    """At most `wanted` row numbers, evenly spread over `rows`; `start`, from 0 to 1, shifts them towards the next."""
    places = (np.arange(min(wanted, rows)) + start) * (rows - 1) / max(1, min(wanted, rows) - 1)
    return np.unique(np.minimum(places.astype(np.int64), rows - 1))


def exact_neighbors(data: SearchData, rows: NDArray[np.int64], search: SearchSettings) -> pl.DataFrame:
    """Edges from the given queries to their true k nearest, computed block by block in bounded memory."""
    best = pl.DataFrame(schema=EDGES_SCHEMA)
    bars = np.full(len(rows), -np.inf, np.float32)
    queries = prepared(data.queries[rows], search.distance)
    for start in range(0, len(data.vectors), _BLOCK_ROWS):
        block = prepared(data.vectors[start : start + _BLOCK_ROWS], search.distance)
        asked, found = _closest_rows(queries, block, bars, min(search.k + 1, len(block)), search)
        scores = similarities_of(block, queries[asked], found, search)
        some = edges_of(rows[asked], found + start, scores, search.k, is_self_search=data.is_self_search)
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

    `bars` holds the score that a neighbour of each query must reach, from the blocks before; this call raises it.
    """
    if search.distance == "cosine":  # numpy's matrix product is faster than faiss'
        parts = [slice(start, start + _QUERIES) for start in range(0, len(queries), _QUERIES)]
        found = [_closest_by_cosine(queries[part], block, bars[part], wanted, search.k) for part in parts]
        asked = [places + part.start for part, (places, _) in zip(parts, found, strict=True)]
        return np.concatenate(asked), np.concatenate([rows for _, rows in found])
    exact = faiss.IndexFlat(block.shape[1], faiss.METRIC_L1 if search.distance == "manhattan" else faiss.METRIC_L2)
    exact.add(block)
    return np.arange(len(queries)), exact.search(queries, wanted)[1]


def _closest_by_cosine(
    queries: NDArray[np.float32], block: NDArray[np.float32], bars: NDArray[np.float32], wanted: int, k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As `_closest_rows`, for some queries and their part of `bars`."""
    likeness = queries @ block.T
    asked = np.flatnonzero(likeness.max(axis=1) >= bars - _TOLERANCE)
    if len(asked) < len(likeness):
        likeness = likeness[asked]
    found = np.argpartition(likeness, -wanted, axis=1)[:, -wanted:]
    if wanted > k:  # a bar from fewer would be too high
        lowest = np.take_along_axis(likeness, found, axis=1).min(axis=1)
        bars[asked] = np.maximum(bars[asked], lowest)
    return asked, found


def similarities_of(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], found: NDArray[np.int64], search: SearchSettings
) -> NDArray[np.float64]:
    """Exact similarity of each query to each of its found rows.

    Args:
        vectors: (n, d) float32, as the model gave them.
        queries: (q, d) float32, prepared for the metric.
        found: (q, m) int64 rows; -1 counts as row 0.
        search: the metric.

    Returns:
        (q, m) float64, computed one column at a time so that few vectors are copied at once.
    """
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
