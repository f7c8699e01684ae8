"""The other direction of a search: rows that new rows are near enough to, compared with what these rows have."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.neighbors.exact import uncertainty
from dedup_assets.engine.neighbors.keeping import Bars
from dedup_assets.engine.neighbors.similarity import prepared, similarities
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA

_BLOCK_ROWS = 16_384  # rows compared at a time
_ADDED_ROWS = 512  # new rows in one matrix product
_SCORED_ROWS = 8192  # pairs whose vectors are copied at a time


def reach_exactly(
    vectors: NDArray[np.float32], added: NDArray[np.int64], bars: Bars, search: SearchSettings, threads: int
) -> pl.DataFrame:
    """Edges from rows to new rows by exact search by cosine; see `keeping.Reach`.

    Args:
        vectors: (n, d) float32, all rows of now.
        added: (a,) int64 new rows.
        bars: of the rows that stayed, or of some of them.
        search: the metric.
        threads: most threads that compute.
    """
    blocks = [slice(start, start + _BLOCK_ROWS) for start in range(0, len(bars.rows), _BLOCK_ROWS)]
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads, thread_name_prefix="reach") as pool:
        found = pool.map(partial(_reach_block, vectors, added, bars, search), blocks)
        return pl.concat([pl.DataFrame(schema=EDGES_SCHEMA), *found])


def _reach_block(
    vectors: NDArray[np.float32], added: NDArray[np.int64], bars: Bars, search: SearchSettings, block: slice
) -> pl.DataFrame:
    rows, bar = bars.rows[block], bars.similarity[block]
    values = prepared(vectors[rows], search.distance)
    margin = np.float32(uncertainty(vectors.shape[1]))
    found = []
    for start in range(0, len(added), _ADDED_ROWS):
        some = added[start : start + _ADDED_ROWS]
        near = prepared(vectors[some], search.distance) @ values.T >= bar - margin
        near &= (bar < 1) | (some[:, None] < bars.row[block])  # nothing is more similar than 1
        query, place = np.nonzero(near)
        edges = score_pairs(vectors, rows[place], some[query], search)
        found.append(bars.sorted_before(edges))
    return pl.concat(found)


def score_pairs(
    vectors: NDArray[np.float32], source: NDArray[np.int64], target: NDArray[np.int64], search: SearchSettings
) -> pl.DataFrame:
    """Edges between pairs of rows, with their similarities."""
    scores = np.empty(len(source))
    for start in range(0, len(source), _SCORED_ROWS):
        part = slice(start, start + _SCORED_ROWS)
        one, other = (prepared(vectors[rows[part]], search.distance) for rows in (source, target))
        scores[part] = similarities(one, other[:, None, :], search.distance)[:, 0]
    table = pl.DataFrame({"from": source, "to": target, "similarity": scores})
    return table.cast(EDGES_SCHEMA)  # type: ignore[arg-type]
