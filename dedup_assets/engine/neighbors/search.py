"""The k nearest neighbours of every image, scored exactly, with the share of true neighbours that was found."""

from collections.abc import Iterator
from dataclasses import dataclass

import faiss
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.errors import SearchError
from dedup_assets.engine.neighbors.index import asked_for, prepare_queries, said_by_faiss, set_parameters
from dedup_assets.engine.neighbors.similarity import similarities
from dedup_assets.engine.records import Neighbors, OffsetRange, SearchIndex
from dedup_assets.settings import Distance, SearchSettings

_BLOCK_ROWS = 4096  # queries at a time: bounds memory to a few candidates' vectors each
_SAMPLE_ROWS = 500  # queries compared with exact search
_LSH_CANDIDATES = 64  # Hamming distance orders only roughly: so many are compared exactly
_MIN_EF_SEARCH = 64  # HNSW's default of 16 misses neighbours among many near-equal vectors
_EDGES_SCHEMA = {"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32}


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
        At most k edges a row, and recall@k measured on up to 500 rows against exact search.

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
        At most k edges a row: the edges of `Neighbors` that lead from these rows, in its order.

    Raises:
        SearchError: the index holds other vectors than these, or cannot be searched.
    """
    return _edges_of(_Question(vectors, vectors, among_themselves=True), index, search, threads, rows)


def measure_recall(
    vectors: NDArray[np.float32], edges: pl.DataFrame, search: SearchSettings, threads: int
) -> float | None:
    """Recall@k of the edges of all rows, on up to 500 rows compared with exact search; None where there is but one."""
    faiss.omp_set_num_threads(threads)
    return _recall(_Question(vectors, vectors, among_themselves=True), edges, search)


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
    question = _Question(tested, vectors, among_themselves=False)
    edges = _edges_of(question, index, search, threads, OffsetRange(0, len(tested)))
    return Neighbors(edges, len(tested), _recall(question, edges, search))


@dataclass(frozen=True)
class _Question:
    """Whose neighbours are sought among which vectors; asked `among_themselves`, a row does not find itself."""

    asked: NDArray[np.float32]
    vectors: NDArray[np.float32]
    among_themselves: bool


def _edges_of(
    question: _Question, index: SearchIndex, search: SearchSettings, threads: int, asked: OffsetRange
) -> pl.DataFrame:
    check_index(index, question.vectors)
    faiss.omp_set_num_threads(threads)
    _widen_search(index.index, search)
    set_parameters(index.index, search)
    rows = np.arange(asked.min_offset, asked.max_offset)
    return pl.concat([pl.DataFrame(schema=_EDGES_SCHEMA), *_search(question, rows, index.index, search)])


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
    question: _Question, rows: NDArray[np.int64], index: faiss.Index, search: SearchSettings
) -> Iterator[pl.DataFrame]:
    """Edges of the given rows, block by block."""
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = rows[start : start + _BLOCK_ROWS]
        queries = prepare_queries(question.asked[block], search.distance)
        try:
            _, found = index.search(queries, min(_wanted(search), len(question.vectors)))
        except (RuntimeError, MemoryError) as error:
            raise SearchError(f"{asked_for(search)} cannot be searched: {said_by_faiss(error)}") from None
        scores = _score(question.vectors, queries, found, search.distance)
        yield _edges(question, block, found, scores, search.k)


def _score(
    vectors: NDArray[np.float32], queries: NDArray[np.float32], found: NDArray[np.int64], distance: Distance
) -> NDArray[np.float64]:
    """Exact similarity of each query to each found row, one column at a time so that little is copied at once."""
    columns = [
        similarities(queries, prepare_queries(vectors[np.maximum(column, 0)], distance)[:, None, :], distance)
        for column in found.T
    ]
    return np.concatenate(columns, axis=1)


def _edges(
    question: _Question, rows: NDArray[np.int64], found: NDArray[np.int64], scores: NDArray[np.float64], k: int
) -> pl.DataFrame:
    """Drop gaps (-1) and, among themselves, the row itself; keep the k best, ties in order of the row."""
    table = pl.DataFrame(
        {"from": np.repeat(rows, found.shape[1]), "to": found.ravel(), "similarity": scores.ravel()},
    )
    others = table.filter(pl.col("to") >= 0)
    if question.among_themselves:
        others = others.filter(pl.col("to") != pl.col("from"))
    return _closest(others, k).select(pl.col(name).cast(kind) for name, kind in _EDGES_SCHEMA.items())


def _recall(question: _Question, edges: pl.DataFrame, search: SearchSettings) -> float | None:
    """Recall@k on evenly spread rows: the share of found edges at least as similar as the true k-th neighbour.

    Counted by similarity, not by row: among exact duplicates any choice of k is right.
    """
    if not len(question.asked) or (question.among_themselves and len(question.vectors) == 1):
        return None
    rows = np.unique(np.linspace(0, len(question.asked) - 1, _SAMPLE_ROWS).astype(np.int64))
    metric = faiss.METRIC_INNER_PRODUCT if search.distance == "cosine" else faiss.METRIC_L2
    dimension = question.vectors.shape[1]
    exact = faiss.IndexFlat(dimension, faiss.METRIC_L1 if search.distance == "manhattan" else metric)
    true = _exact(question, rows, exact, search)
    bar = true.group_by("from").agg(pl.col("similarity").min().alias("bar"), pl.len().alias("wanted"))
    found = edges.join(bar, on="from").filter(pl.col("similarity") >= pl.col("bar") - 1e-6)
    counted = found.group_by("from").len().join(bar, on="from").select(pl.min_horizontal("len", "wanted").sum()).item()
    return float(counted) / true.height


def _exact(question: _Question, rows: NDArray[np.int64], exact: faiss.Index, search: SearchSettings) -> pl.DataFrame:
    """True neighbours of the sampled rows, compared with all vectors block by block: never all in memory."""
    best = pl.DataFrame(schema=_EDGES_SCHEMA)
    queries = prepare_queries(question.asked[rows], search.distance)
    for start in range(0, len(question.vectors), _BLOCK_ROWS * 4):
        block = question.vectors[start : start + _BLOCK_ROWS * 4]
        exact.reset()
        exact.add(prepare_queries(block, search.distance))
        _, found = exact.search(queries, min(search.k + 1, len(block)))
        scores = _score(block, queries, found, search.distance)
        best = pl.concat([best, _edges(question, rows, found + start, scores, search.k)])
    return _closest(best, search.k)


def _closest(edges: pl.DataFrame, k: int) -> pl.DataFrame:
    """The k best edges of each row, ties in order of the row they lead to."""
    ordered = edges.sort("from", "similarity", "to", descending=[False, True, False])
    return ordered.group_by("from", maintain_order=True).head(k)
