"""The k nearest neighbours of every image, scored exactly, with the share of true neighbours that was found."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import faiss
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import SearchError
from dedup_assets.engine.core.records import Neighbors, RowRange, SearchIndex
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.neighbors.crowds import find_crowds
from dedup_assets.engine.neighbors.edges import EDGE_ORDER, edges_of
from dedup_assets.engine.neighbors.exact import search_exactly
from dedup_assets.engine.neighbors.factory import faiss_message, index_label, set_parameters
from dedup_assets.engine.neighbors.inverted_file.layout import as_inverted_file
from dedup_assets.engine.neighbors.recall import (
    SearchData,
    evenly_spread,
    exact_neighbors,
    share_found,
    similarities_of,
)
from dedup_assets.engine.neighbors.reranking import search_inverted_file
from dedup_assets.engine.neighbors.similarity import DECIMALS, prepared
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA

_BLOCK_ROWS = 4096  # queries at a time, so that few candidates' vectors are in memory
_SAMPLE_ROWS = 500  # queries compared with exact search
_LSH_CANDIDATES = 64  # compared exactly, because the Hamming distance orders only roughly
_MIN_EF_SEARCH = 64  # HNSW's default of 16 misses neighbours among many near-equal vectors
_RANGE_GROWTH = 8  # times the neighbours, each time that a range search goes on
_RANGE_EDGES = 1 << 22  # edges of one search while a range search goes on


def find_neighbors(vectors: NDArray[np.float32], index: SearchIndex, search: SearchSettings, threads: int) -> Neighbors:
    """Find the k nearest neighbours of each row among all other rows.

    The index proposes candidates. Their similarities are computed from the vectors themselves, so that they are exact
    for compressed indexes too. A row is never its own neighbour; exact duplicates are neighbours.

    Args:
        vectors: (n, d) float32, the vectors that the index holds, in its order.
        index: over these vectors.
        search: k, metric and search parameters.
        threads: most threads that search.

    Returns:
        At most k edges per row (more in a range search), and recall@k measured on up to 500 rows against exact search.

    Raises:
        SearchError: the index holds other vectors than these, or cannot be searched.
    """
    edges = search_rows(vectors, index, search, threads, RowRange(0, len(vectors)))
    return Neighbors(edges, len(vectors), measure_recall(vectors, edges, search, threads))


def search_rows(
    vectors: NDArray[np.float32], index: SearchIndex, search: SearchSettings, threads: int, rows: RowRange
) -> pl.DataFrame:
    """Find the k nearest neighbours of some rows among all other rows.

    Args:
        vectors: (n, d) float32, the vectors that the index holds, in its order; may be memory-mapped.
        index: over these vectors; may be memory-mapped.
        search: k, metric and search parameters.
        threads: most threads that search.
        rows: whose neighbours are sought.

    Returns:
        The edges of `Neighbors` that lead from these rows, in its order: at most k per row, more in a range search.

    Raises:
        SearchError: the index holds other vectors than these, or cannot be searched.
    """
    data = SearchData(vectors, vectors, is_self_search=True)
    return search_all(data, np.arange(rows.start, rows.stop), index, search, threads)


def measure_recall(
    vectors: NDArray[np.float32], edges: pl.DataFrame, search: SearchSettings, threads: int
) -> float | None:
    """Recall@k of the edges of all rows, on up to 500 rows compared with exact search; None for a single row."""
    faiss.omp_set_num_threads(threads)
    return _recall(SearchData(vectors, vectors, is_self_search=True), edges, search)


def search_train_set(
    queries: NDArray[np.float32],
    vectors: NDArray[np.float32],
    index: SearchIndex,
    search: SearchSettings,
    threads: int,
) -> Neighbors:
    """Find the k nearest images of the train set for each image of the scored set (docs/reference.md, "Run modes").

    As `find_neighbors`, but an image of the scored set may find itself: a user wants to know whether it is in the train
    set too.

    Args:
        queries: (m, d) float32, of the scored set.
        vectors: (n, d) float32, of the train set: the vectors that the index holds, in its order.
        index: over the train set.
        search: k, metric and search parameters.
        threads: most threads that search.

    Returns:
        At most min(k, n) edges per query: `from` is a row of the scored set, `to` one of the train set; and recall@k.

    Raises:
        SearchError: the index holds other vectors than these, or the queries have another dimension.
    """
    if queries.shape[1] != vectors.shape[1]:
        raise SearchError(
            f"the test set has vectors of {queries.shape[1]} values, the train set of {vectors.shape[1]}; "
            "extract both with the same model"
        )
    data = SearchData(queries, vectors, is_self_search=False)
    edges = search_all(data, np.arange(len(queries)), index, search, threads)
    return Neighbors(edges, len(queries), _recall(data, edges, search))


def search_all(
    data: SearchData, rows: NDArray[np.int64], index: SearchIndex, search: SearchSettings, threads: int
) -> pl.DataFrame:
    """The k nearest of each query and, in a range search, all others in the range.

    The queries of a crowd (`crowds`) share one search.
    """
    crowds = find_crowds(data.queries, rows)
    if not crowds:
        return _search_each(data, rows, index, search, threads)
    alone = np.setdiff1d(rows, np.concatenate([crowd.rows for crowd in crowds]))
    firsts = np.array([crowd.rows[0] for crowd in crowds])
    itself = int(data.is_self_search)  # one more: a crowd's first query finds itself, a neighbour of the others only
    wider = replace(search, k=search.k + itself, range_limit=search.range_limit + itself)
    shared = _search_each(replace(data, is_self_search=False), firsts, index, wider, threads)
    members = pl.DataFrame(
        {"from": np.repeat(firsts, [len(crowd.rows) for crowd in crowds])}, schema={"from": pl.UInt32}
    ).with_columns(member=pl.Series(np.concatenate([crowd.rows for crowd in crowds]), dtype=pl.UInt32))
    edges = members.join(shared, on="from", maintain_order="left_right").drop("from").rename({"member": "from"})
    if data.is_self_search:
        edges = edges.filter(pl.col("from") != pl.col("to"))
    most = search.k + search.spare if search.range_from is None else max(search.k, search.range_limit)
    edges = within_range(edges.group_by("from", maintain_order=True).head(most), search)
    found = [_search_each(data, alone, index, search, threads)] if len(alone) else []
    return pl.concat([*found, edges.select(EDGES_SCHEMA.keys())]).sort(EDGE_ORDER, descending=[False, True, False])


def _search_each(
    data: SearchData, rows: NDArray[np.int64], index: SearchIndex, search: SearchSettings, threads: int
) -> pl.DataFrame:
    """As `search_all`, with a search for each query.

    In a range search a query whose farthest neighbour is still in the range may have more. It is searched again for
    more of them, until one is not in the range, no others are left, or `range_limit` is reached.
    """
    edges = _search_k(data, rows, index, search, threads)
    if search.range_from is None:
        return edges
    done: list[pl.DataFrame] = []
    most = min(max(search.k, search.range_limit), len(data.vectors) - data.is_self_search)
    k = search.k
    while k < most:
        unfinished = _unfinished(edges, k, search.range_from)
        done.append(edges.join(unfinished, on="from", how="anti"))
        k = min(_RANGE_GROWTH * k, most)
        again = unfinished["from"].to_numpy().astype(np.int64)
        wider = replace(search, k=k)
        at_once = max(1, _RANGE_EDGES // k)
        parts = [
            within_range(_search_k(data, again[start : start + at_once], index, wider, threads), search)
            for start in range(0, len(again), at_once)
        ]
        edges = pl.concat([pl.DataFrame(schema=EDGES_SCHEMA), *parts])
    return pl.concat([*done, edges]).sort(EDGE_ORDER, descending=[False, True, False])


def _unfinished(edges: pl.DataFrame, k: int, range_from: float) -> pl.DataFrame:
    found = edges.group_by("from", maintain_order=True).agg(pl.len(), pl.col("similarity").min())
    similar = pl.col("similarity").cast(pl.Float64).round(DECIMALS) >= range_from
    return found.filter((pl.col("len") == k) & similar).select("from")


def within_range(edges: pl.DataFrame, search: SearchSettings) -> pl.DataFrame:
    """The first k edges of each row, and of the others those in the range, if there is one."""
    if search.range_from is None:
        return edges
    near = pl.int_range(pl.len()).over("from") < search.k
    return edges.filter(near | (pl.col("similarity").cast(pl.Float64).round(DECIMALS) >= search.range_from))


def _search_k(
    data: SearchData, rows: NDArray[np.int64], index: SearchIndex, search: SearchSettings, threads: int
) -> pl.DataFrame:
    """Edges from the given queries to their k nearest."""
    check_index(index, data.vectors)
    faiss.omp_set_num_threads(threads)
    _widen_search(index.index, search)
    set_parameters(index.index, search)
    lists = as_inverted_file(index.index)
    if lists is not None:
        return search_inverted_file(data, rows, lists, search, threads)
    if is_exact(index, search):
        return search_exactly(data, rows, search, threads)
    return pl.concat([pl.DataFrame(schema=EDGES_SCHEMA), *_search_blocks(data, rows, index.index, search)])


def is_exact(index: SearchIndex, search: SearchSettings) -> bool:
    """Whether a search by this index compares all vectors, and equal input gives equal neighbours however it is cut."""
    return search.distance == "cosine" and isinstance(index.index, faiss.IndexFlat)


def check_index(index: SearchIndex, vectors: NDArray[np.float32]) -> None:
    """See that an index has a row of the right size for each vector. Raises SearchError if not."""
    if len(index) != len(vectors) or index.index.d != vectors.shape[1]:
        raise SearchError(
            f"faiss.index holds {len(index)} vectors of {index.index.d} values, but the features are "
            f"{len(vectors)} of {vectors.shape[1]}; build the index again with run_mode=2 or the asset faiss_index"
        )


def _candidates_wanted(search: SearchSettings) -> int:
    itself = 1
    if search.provider == "turi" and search.nnmodel == "lsh":
        return max(_LSH_CANDIDATES, 4 * search.k) + itself
    return search.k + itself


def _widen_search(index: object, search: SearchSettings) -> None:
    if isinstance(index, faiss.IndexHNSW) and "efSearch" not in search.faiss_param:
        index.hnsw.efSearch = max(_MIN_EF_SEARCH, 4 * search.k)


def _search_blocks(
    data: SearchData,
    rows: NDArray[np.int64],
    index: Any,  # noqa: ANN401 - faiss is untyped
    search: SearchSettings,
) -> Iterator[pl.DataFrame]:
    """Edges of the given queries by faiss' own search, block by block."""
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = rows[start : start + _BLOCK_ROWS]
        queries = prepared(data.queries[block], search.distance)
        try:
            _, found = index.search(queries, min(_candidates_wanted(search), len(data.vectors)))
        except (RuntimeError, MemoryError) as error:
            raise SearchError(f"{index_label(search)} cannot be searched: {faiss_message(error)}") from None
        scores = similarities_of(data.vectors, queries, found, search)
        yield edges_of(block, found, scores, search.k, is_self_search=data.is_self_search)


def _recall(data: SearchData, edges: pl.DataFrame, search: SearchSettings) -> float | None:
    """Recall@k on evenly spread queries; None where there is nothing to find."""
    if not len(data.queries) or (data.is_self_search and len(data.vectors) == 1):
        return None
    return share_found(edges, exact_neighbors(data, evenly_spread(len(data.queries), _SAMPLE_ROWS), search))
