"""Exact search by cosine: for each row the k best by (similarity, row), whatever rows are searched together.

Matrix products in float32 propose rows; their last bits depend on the shape of the matrices. So all rows are proposed
that may be among the best in spite of these errors, and the similarities of these, computed from two vectors alone,
decide. Neighbours found in one search, or in parts, or kept while rows came and went, are therefore the same.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.neighbors.edges import closest
from dedup_assets.engine.neighbors.recall import SearchData
from dedup_assets.engine.neighbors.similarity import DECIMALS, prepared, similarities
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA

_QUERIES = 256  # rows of one matrix product, which takes 16 MB with its copy; more are no faster
_BLOCK_ROWS = 8192  # vectors compared at a time
_SCORED_ROWS = 8192  # pairs whose vectors are copied at a time
_ERROR_PER_VALUE = 2.0**-24  # of two cosines in float32: products and lengths are added in at least four sums
_ROUNDING = 10.0**-DECIMALS


def uncertainty(dimension: int) -> float:
    """How far two products in float32 may be apart, at most, while their rounded similarities are equal or reversed."""
    return _ROUNDING + dimension * _ERROR_PER_VALUE


def search_exactly(data: SearchData, rows: NDArray[np.int64], search: SearchSettings, threads: int) -> pl.DataFrame:
    """Edges from the given queries to the best rows by cosine, ties by row.

    Args:
        data: the vectors of the search.
        rows: (q,) queries.
        search: k and spare.
        threads: most threads that compute.

    Returns:
        Columns as in `EDGES_SCHEMA`, ordered by (from, similarity descending, to); k + spare per query, or as many as
        there are.
    """
    if not len(rows) or not len(data.vectors):
        return pl.DataFrame(schema=EDGES_SCHEMA)
    parts = [_SomeQueries(data, rows[start : start + _QUERIES], search) for start in range(0, len(rows), _QUERIES)]
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads, thread_name_prefix="exact") as pool:
        for start in range(0, len(data.vectors), _BLOCK_ROWS):
            block = data.vectors[start : start + _BLOCK_ROWS]
            scale = _inverse_lengths(block)
            list(pool.map(partial(_SomeQueries.compare, start=start, block=block, scale=scale), parts))
        return pl.concat(pool.map(_SomeQueries.edges, parts))


def _inverse_lengths(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) float32; 1 for a vector of zeros. With few queries this takes a third of the time of unit vectors."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    return np.reciprocal(np.where(lengths > 0, lengths, 1), dtype=np.float32)


class _SomeQueries:
    """Some queries, with the rows that may be among the best of each so far."""

    def __init__(self, data: SearchData, rows: NDArray[np.int64], search: SearchSettings) -> None:
        self._data = data
        self._rows = rows
        self._search = search
        self._kept = search.k + search.spare
        self._wanted = self._kept + data.is_self_search  # a query finds itself
        self._queries = prepared(data.queries[rows], search.distance)
        self._bars = np.full(len(rows), -np.inf, np.float32)
        self._margin = np.float32(uncertainty(data.vectors.shape[1]))
        self._found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []

    def compare(self, start: int, block: NDArray[np.float32], scale: NDArray[np.float32]) -> None:
        """Note the rows of a block that may be among the best; `scale` holds 1 / their lengths."""
        likeness = self._queries @ block.T
        likeness *= scale
        if likeness.shape[1] >= self._wanted:
            best = np.partition(likeness, -self._wanted, axis=1)[:, -self._wanted]
            self._bars = np.maximum(self._bars, best)
        flat = np.flatnonzero(likeness >= (self._bars - self._margin)[:, None])
        query, place = np.divmod(flat, likeness.shape[1])
        self._found.append((query, place + start, likeness.reshape(-1)[flat]))

    def edges(self) -> pl.DataFrame:
        """Edges from the queries to their best rows."""
        query, found, likeness = (np.concatenate(column) for column in zip(*self._found, strict=True))
        some = likeness >= (self._bars - self._margin)[query]
        if self._data.is_self_search:
            some &= self._rows[query] != found
        query, found = query[some], found[some]
        scores = np.empty(len(query))
        for start in range(0, len(query), _SCORED_ROWS):
            part = slice(start, start + _SCORED_ROWS)
            vectors = prepared(self._data.vectors[found[part]], self._search.distance)
            scores[part] = similarities(self._queries[query[part]], vectors[:, None, :], self._search.distance)[:, 0]
        table = pl.DataFrame({"from": self._rows[query], "to": found, "similarity": scores})
        best = closest(table, self._kept)
        return best.select(pl.col(name).cast(kind) for name, kind in EDGES_SCHEMA.items())
