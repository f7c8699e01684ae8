"""Search by an inverted file: its codes propose candidates, and the vectors themselves decide among these.

A row is crowded if all its candidates are near copies of it and about equally similar. The codes cannot order such
candidates, and closer rows may not be among them; so a crowded row is searched again for more candidates.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.neighbors.edges import EDGE_ORDER, edges_of
from dedup_assets.engine.neighbors.inverted_file.candidates import find_candidates
from dedup_assets.engine.neighbors.inverted_file.layout import InvertedFile
from dedup_assets.engine.neighbors.recall import SearchData, exact_neighbors, similarities_of
from dedup_assets.engine.neighbors.similarity import prepared
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA

_BLOCK_ROWS = 4096
_PROJECTED_ROWS = 16_384
_RERANKED_VALUES = 1 << 22  # values of candidates' vectors in memory at a time
_EXTRA_CANDIDATES = 8  # beyond 4 k: makes up for the errors of codes and projection
_MOST_SPARE = 128
_SCORED_SPARE = 4  # candidates beyond k that are scored exactly
_CROWD_LIKENESS = 0.9  # cosine of near copies
_CROWD_WIDTH = 0.05  # more than the error of codes and projection
_CROWD_WIDENING = 8  # times the candidates, for a crowded row


def search_inverted_file(
    data: SearchData, rows: NDArray[np.int64], lists: InvertedFile, search: SearchSettings, threads: int
) -> pl.DataFrame:
    """Edges from the given queries to their k nearest, ordered by (from, similarity descending, to).

    A query whose lists hold fewer than k others is compared with all vectors.
    """
    wanted = search.k + min(3 * search.k, _MOST_SPARE) + _EXTRA_CANDIDATES + 1
    found, crowded = [], [rows]
    for widening in (1, _CROWD_WIDENING):
        again = np.concatenate(crowded)
        crowded = []
        most = min(widening * wanted, len(data.vectors))
        for edges, left in _search_once(data, again, lists, search, threads, most):
            is_last = widening == _CROWD_WIDENING or most == len(data.vectors)
            found.append(edges if is_last else edges.filter(~pl.col("from").is_in(left)))
            crowded.append(left if not is_last else left[:0])
        if not sum(map(len, crowded)):
            break
    edges = pl.concat([pl.DataFrame(schema=EDGES_SCHEMA), *found])
    served = (
        edges.group_by("from").len().filter(pl.col("len") >= min(search.k, len(data.vectors) - data.is_self_search))
    )
    lacking = np.setdiff1d(rows, served["from"].to_numpy())
    if len(lacking):
        edges = pl.concat([edges.filter(~pl.col("from").is_in(lacking)), exact_neighbors(data, lacking, search)])
    return edges.sort(EDGE_ORDER, descending=[False, True, False])


def _search_once(
    data: SearchData, rows: NDArray[np.int64], lists: InvertedFile, search: SearchSettings, threads: int, wanted: int
) -> Iterator[tuple[pl.DataFrame, NDArray[np.int64]]]:
    """Edges of some queries from `wanted` candidates each, block by block; and the crowded ones among these queries."""
    with threadpool_limits(1, user_api="blas"):  # the last bits would depend on the number of threads
        parts = [rows[start : start + _PROJECTED_ROWS] for start in range(0, len(rows), _PROJECTED_ROWS)]
        queries = [lists.project(prepared(data.queries[part], search.distance)) for part in parts]
    with ThreadPoolExecutor(threads, thread_name_prefix="score") as pool:
        for place, found in find_candidates(lists, np.concatenate(queries), wanted, threads):
            blocks = [slice(start, start + _BLOCK_ROWS) for start in range(0, len(found), _BLOCK_ROWS)]
            score = partial(_edges_of_block, data, search, rows[place], found)
            with threadpool_limits(1, user_api="blas"):
                yield from pool.map(score, blocks)


def _edges_of_block(
    data: SearchData, search: SearchSettings, rows: NDArray[np.int64], found: NDArray[np.int64], block: slice
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    size = max(1, _RERANKED_VALUES // (found.shape[1] * data.vectors.shape[1]))
    parts = [
        slice(start, min(start + size, block.stop, len(found)))
        for start in range(block.start, min(block.stop, len(found)), size)
    ]
    reranked = [_rerank(data, search, rows[part], found[part]) for part in parts]
    best, crowded = (np.concatenate(columns) for columns in zip(*reranked, strict=True))
    scores = similarities_of(data.vectors, prepared(data.queries[rows[block]], search.distance), best, search)
    edges = edges_of(rows[block], best, scores, search.k + search.spare, is_self_search=data.is_self_search)
    return edges, rows[block][crowded]


def _rerank(
    data: SearchData, search: SearchSettings, rows: NDArray[np.int64], found: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The candidates most similar to each query by the vectors in float32, a few more than k; and which are crowded."""
    kept = search.k + 1 + _SCORED_SPARE
    if found.shape[1] <= kept:
        return found, np.zeros(len(found), np.bool_)
    queries = prepared(data.queries[rows], search.distance)
    candidates = data.vectors[np.maximum(found, 0).ravel()].reshape(*found.shape, queries.shape[1])
    if search.distance == "cosine":
        lengths = np.sqrt(np.einsum("nmd,nmd->nm", candidates, candidates))
        likeness = np.matmul(candidates, queries[:, :, None])[:, :, 0] / np.where(lengths > 0, lengths, 1)
        most, scale = 1.0, np.ones(len(queries), np.float32)
    else:  # the square of a distance between vectors of one length |q| is 2 |q|^2 (1 - cosine)
        away = candidates - queries[:, None, :]
        likeness = -np.einsum("nmd,nmd->nm", away, away)
        most, scale = 0.0, 2 * np.einsum("nd,nd->n", queries, queries)
    likeness[found < 0] = -np.inf
    best = np.argsort(-likeness, axis=1, kind="stable")
    least = likeness.min(axis=1)
    kth = np.take_along_axis(likeness, best[:, search.k, None], axis=1)[:, 0]
    crowded = (least >= most - (1 - _CROWD_LIKENESS) * scale) & (least >= kth - _CROWD_WIDTH * scale)
    reranked: NDArray[np.int64] = np.take_along_axis(found, best[:, :kept], axis=1)
    return reranked, crowded
