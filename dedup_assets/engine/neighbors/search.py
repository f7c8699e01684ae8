"""The k nearest neighbours of every image, scored exactly, with the share of true neighbours that was found."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import faiss
import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dedup_assets.engine.core.errors import SearchError
from dedup_assets.engine.core.records import Neighbors, OffsetRange, SearchIndex
from dedup_assets.engine.core.settings import SearchSettings
from dedup_assets.engine.neighbors.edges import EDGES_SCHEMA, edges_of
from dedup_assets.engine.neighbors.index import asked_for, said_by_faiss, set_parameters
from dedup_assets.engine.neighbors.lists import ListIndex, as_list_index, find_candidates
from dedup_assets.engine.neighbors.recall import Question, exact_neighbors, share_found, similarities_of, spread_rows
from dedup_assets.engine.neighbors.similarity import DECIMALS, prepared

_BLOCK_ROWS = 4096  # queries at a time: bounds memory to a few candidates' vectors each
_SAMPLE_ROWS = 500  # queries compared with exact search
_LSH_CANDIDATES = 64  # Hamming distance orders only roughly: so many are compared exactly
_MIN_EF_SEARCH = 64  # HNSW's default of 16 misses neighbours among many near-equal vectors
_LIST_CANDIDATES = 8  # more than 4 k: what codes and projection put out of order is found among so many
_PROJECTED_ROWS = 16_384
_NARROWED_VALUES = 1 << 22  # of candidates' vectors at a time
_MOST_SPARE = 128
_RANGE_GROWTH = 8  # a range search asks again for so many times the neighbours
_RANGE_EDGES = 1 << 22  # searched at once
_ORDER = ["from", "similarity", "to"]
_CROWD_LIKENESS = 0.9  # cosine of near copies
_CROWD_WIDTH = 0.05  # more than codes and projection are wrong by
_CROWD_WIDENING = 8  # so many times the candidates, for a row that is crowded by copies
_SPARE = 4  # candidates more than k that are scored exactly


def find_neighbors(vectors: NDArray[np.float32], index: SearchIndex, search: SearchSettings, threads: int) -> Neighbors:
    """Find the k nearest neighbours of each row among all other rows.

    The index proposes candidates; their similarities are computed from the vectors themselves, so that they are exact
    for compressed indexes too. A row is never its own neighbour; exact duplicates are neighbours.

    Args:
        vectors: (n, d) float32, the vectors that the index holds, in its order.
        index: over these vectors.
        search: k, metric and search parameters.
        threads: how many may search.

    Returns:
        At most k edges a row (more in a range search), and recall@k measured on up to 500 rows against exact search.

    Raises:
        SearchError: the index holds other vectors than these, or cannot be searched.
    """
    edges = search_rows(vectors, index, search, threads, OffsetRange(0, len(vectors)))
    return Neighbors(edges, len(vectors), measure_recall(vectors, edges, search, threads))


def search_rows(
    vectors: NDArray[np.float32], index: SearchIndex, search: SearchSettings, threads: int, rows: OffsetRange
) -> pl.DataFrame:
    """Find the k nearest neighbours of some rows among all other rows.

    Args:
        vectors: (n, d) float32, the vectors that the index holds, in its order; may be memory-mapped.
        index: over these vectors; may be memory-mapped.
        search: k, metric and search parameters.
        threads: how many may search.
        rows: whose neighbours are sought.

    Returns:
        At most k edges a row, in a range search more: the edges of `Neighbors` that lead from these rows, in its order.

    Raises:
        SearchError: the index holds other vectors than these, or cannot be searched.
    """
    question = Question(vectors, vectors, among_themselves=True)
    return search_all(question, np.arange(rows.min_offset, rows.max_offset), index, search, threads)


def measure_recall(
    vectors: NDArray[np.float32], edges: pl.DataFrame, search: SearchSettings, threads: int
) -> float | None:
    """Recall@k of the edges of all rows, on up to 500 rows compared with exact search; None where there is but one."""
    faiss.omp_set_num_threads(threads)
    return _recall(Question(vectors, vectors, among_themselves=True), edges, search)


def score_test_set(
    tested: NDArray[np.float32],
    vectors: NDArray[np.float32],
    index: SearchIndex,
    search: SearchSettings,
    threads: int,
) -> Neighbors:
    """Find the k nearest train images of each test image (RUN.md, run_mode 3 and 4).

    As `find_neighbors`, but a test image may find itself: being in the train set too is what is asked about.

    Args:
        tested: (m, d) float32, of the test set.
        vectors: (n, d) float32, of the train set: the vectors that the index holds, in its order.
        index: over the train set.
        search: k, metric and search parameters.
        threads: how many may search.

    Returns:
        At most min(k, n) edges a test image: `from` is a row of the test set, `to` one of the train set; and recall@k.

    Raises:
        SearchError: the index holds other vectors than these, or the test vectors have another dimension.
    """
    if tested.shape[1] != vectors.shape[1]:
        raise SearchError(
            f"the test set has vectors of {tested.shape[1]} values, the train set of {vectors.shape[1]}; "
            "extract both with the same model"
        )
    question = Question(tested, vectors, among_themselves=False)
    edges = search_all(question, np.arange(len(tested)), index, search, threads)
    return Neighbors(edges, len(tested), _recall(question, edges, search))


def search_all(
    question: Question, rows: NDArray[np.int64], index: SearchIndex, search: SearchSettings, threads: int
) -> pl.DataFrame:
    """The k nearest of each row and, for a range search, all that are similar enough.

    A row whose farthest neighbour is still similar enough may have more: it is searched again for more of them, until
    one is not, there are no others, or `range_limit` is reached.
    """
    edges = search_sample(question, rows, index, search, threads)
    if search.range_from is None:
        return edges
    done: list[pl.DataFrame] = []
    most = min(max(search.k, search.range_limit), len(question.vectors) - question.among_themselves)
    k = search.k
    while k < most:
        unfinished = _unfinished(edges, k, search.range_from)
        done.append(edges.join(unfinished, on="from", how="anti"))
        k = min(_RANGE_GROWTH * k, most)
        again = unfinished["from"].to_numpy().astype(np.int64)
        wider = replace(search, k=k)
        at_once = max(1, _RANGE_EDGES // k)
        parts = [
            similar_enough(search_sample(question, again[start : start + at_once], index, wider, threads), search)
            for start in range(0, len(again), at_once)
        ]
        edges = pl.concat([pl.DataFrame(schema=EDGES_SCHEMA), *parts])
    return pl.concat([*done, edges]).sort(_ORDER, descending=[False, True, False])


def _unfinished(edges: pl.DataFrame, k: int, range_from: float) -> pl.DataFrame:
    found = edges.group_by("from", maintain_order=True).agg(pl.len(), pl.col("similarity").min())
    similar = pl.col("similarity").cast(pl.Float64).round(DECIMALS) >= range_from
    return found.filter((pl.col("len") == k) & similar).select("from")


def similar_enough(edges: pl.DataFrame, search: SearchSettings) -> pl.DataFrame:
    """The first k edges of each row, and of the others those in the range."""
    near = pl.int_range(pl.len()).over("from") < search.k
    return edges.filter(near | (pl.col("similarity").cast(pl.Float64).round(DECIMALS) >= search.range_from))


def search_sample(
    question: Question, rows: NDArray[np.int64], index: SearchIndex, search: SearchSettings, threads: int
) -> pl.DataFrame:
    """Edges of any rows of those asked about; as `search_rows`."""
    check_index(index, question.vectors)
    faiss.omp_set_num_threads(threads)
    _widen_search(index.index, search)
    set_parameters(index.index, search)
    lists = as_list_index(index.index)
    if lists is None:
        blocks = _search(question, rows, index.index, search)
    else:
        blocks = _search_lists(question, rows, lists, search, threads)
    return pl.concat([pl.DataFrame(schema=EDGES_SCHEMA), *blocks])


def check_index(index: SearchIndex, vectors: NDArray[np.float32]) -> None:
    """See that an index has a row of the right size for each vector. Raises SearchError if not."""
    if len(index) != len(vectors) or index.index.d != vectors.shape[1]:
        raise SearchError(
            f"faiss.index holds {len(index)} vectors of {index.index.d} values, but the features are "
            f"{len(vectors)} of {vectors.shape[1]}; build the index again with run_mode=2 or the asset faiss_index"
        )


def _wanted(search: SearchSettings) -> int:
    itself = 1
    if search.provider == "turi" and search.nnmodel == "lsh":
        return max(_LSH_CANDIDATES, 4 * search.k) + itself
    return search.k + itself


def _widen_search(index: object, search: SearchSettings) -> None:
    if isinstance(index, faiss.IndexHNSW) and "efSearch" not in search.faiss_param:
        index.hnsw.efSearch = max(_MIN_EF_SEARCH, 4 * search.k)


def _search(
    question: Question,
    rows: NDArray[np.int64],
    index: Any,  # noqa: ANN401 - faiss is untyped
    search: SearchSettings,
) -> Iterator[pl.DataFrame]:
    """Edges of the given rows, block by block."""
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = rows[start : start + _BLOCK_ROWS]
        queries = prepared(question.asked[block], search.distance)
        try:
            _, found = index.search(queries, min(_wanted(search), len(question.vectors)))
        except (RuntimeError, MemoryError) as error:
            raise SearchError(f"{asked_for(search)} cannot be searched: {said_by_faiss(error)}") from None
        yield _edges(question, search, block, found)


def _search_lists(
    question: Question, rows: NDArray[np.int64], lists: ListIndex, search: SearchSettings, threads: int
) -> Iterator[pl.DataFrame]:
    """As `_search`, with candidates from lists that are read once for many rows; in the order of rows, all in all."""
    wanted = search.k + min(3 * search.k, _MOST_SPARE) + _LIST_CANDIDATES + 1
    found, crowded = [], [rows]
    for widening in (1, _CROWD_WIDENING):
        again = np.concatenate(crowded)
        crowded = []
        most = min(widening * wanted, len(question.vectors))
        for edges, left in _propose(question, again, lists, search, threads, most):
            is_last = widening == _CROWD_WIDENING or most == len(question.vectors)
            found.append(edges if is_last else edges.filter(~pl.col("from").is_in(left)))
            crowded.append(left if not is_last else left[:0])
        if not sum(map(len, crowded)):
            break
    yield pl.concat([pl.DataFrame(schema=EDGES_SCHEMA), *found]).sort(_ORDER, descending=[False, True, False])


def _propose(
    question: Question, rows: NDArray[np.int64], lists: ListIndex, search: SearchSettings, threads: int, wanted: int
) -> Iterator[tuple[pl.DataFrame, NDArray[np.int64]]]:
    """Edges of some rows, block by block, from so many candidates each; and which of these rows are crowded."""
    with threadpool_limits(1, user_api="blas"):  # its last bits would depend on the number of threads
        parts = [rows[start : start + _PROJECTED_ROWS] for start in range(0, len(rows), _PROJECTED_ROWS)]
        queries = [lists.project(prepared(question.asked[part], search.distance)) for part in parts]
    with ThreadPoolExecutor(threads, thread_name_prefix="score") as pool:
        for place, found in find_candidates(lists, np.concatenate(queries), wanted, threads):
            blocks = [slice(start, start + _BLOCK_ROWS) for start in range(0, len(found), _BLOCK_ROWS)]
            score = partial(_edges_of_candidates, question, search, rows[place], found)
            with threadpool_limits(1, user_api="blas"):
                yield from pool.map(score, blocks)


def _edges_of_candidates(
    question: Question, search: SearchSettings, rows: NDArray[np.int64], found: NDArray[np.int64], block: slice
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    size = max(1, _NARROWED_VALUES // (found.shape[1] * question.vectors.shape[1]))
    parts = [
        slice(start, min(start + size, block.stop, len(found)))
        for start in range(block.start, min(block.stop, len(found)), size)
    ]
    narrowed = [_narrowed(question, search, rows[part], found[part]) for part in parts]
    kept, crowded = (np.concatenate(columns) for columns in zip(*narrowed, strict=True))
    return _edges(question, search, rows[block], kept), rows[block][crowded]


def _narrowed(
    question: Question, search: SearchSettings, rows: NDArray[np.int64], found: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The candidates that are most like each row by the vectors themselves, in float32: a few more than k.

    Also whether a row is crowded: all its candidates are near copies of it, and about as like as the k-th of them, so
    that codes cannot tell which come first, and there may be closer ones that were not proposed.
    """
    kept = search.k + 1 + _SPARE
    if found.shape[1] <= kept:
        return found, np.zeros(len(found), np.bool_)
    queries = prepared(question.asked[rows], search.distance)
    candidates = question.vectors[np.maximum(found, 0).ravel()].reshape(*found.shape, queries.shape[1])
    if search.distance == "cosine":
        lengths = np.sqrt(np.einsum("nmd,nmd->nm", candidates, candidates))
        likeness = np.matmul(candidates, queries[:, :, None])[:, :, 0] / np.where(lengths > 0, lengths, 1)
        most, scale = 1.0, np.ones(len(queries), np.float32)
    else:  # of vectors of one length |q|, the square of a distance is 2 |q|^2 (1 - cosine)
        away = candidates - queries[:, None, :]
        likeness = -np.einsum("nmd,nmd->nm", away, away)
        most, scale = 0.0, 2 * np.einsum("nd,nd->n", queries, queries)
    likeness[found < 0] = -np.inf
    best = np.argsort(-likeness, axis=1, kind="stable")
    least = likeness.min(axis=1)
    kth = np.take_along_axis(likeness, best[:, search.k, None], axis=1)[:, 0]
    crowded = (least >= most - (1 - _CROWD_LIKENESS) * scale) & (least >= kth - _CROWD_WIDTH * scale)
    narrowed: NDArray[np.int64] = np.take_along_axis(found, best[:, :kept], axis=1)
    return narrowed, crowded


def _edges(
    question: Question, search: SearchSettings, rows: NDArray[np.int64], found: NDArray[np.int64]
) -> pl.DataFrame:
    scores = similarities_of(question.vectors, prepared(question.asked[rows], search.distance), found, search)
    return edges_of(rows, found, scores, search.k, among_themselves=question.among_themselves)


def _recall(question: Question, edges: pl.DataFrame, search: SearchSettings) -> float | None:
    """Recall@k on evenly spread rows; None where there is nothing to find."""
    if not len(question.asked) or (question.among_themselves and len(question.vectors) == 1):
        return None
    return share_found(edges, exact_neighbors(question, spread_rows(len(question.asked), _SAMPLE_ROWS), search))
