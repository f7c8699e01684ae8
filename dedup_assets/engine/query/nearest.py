"""The rows most similar to a few vectors, by the stored index; the vectors themselves decide about its candidates.

`neighbors.search` searches for thousands of rows at once. Here one vector waits for its answer: faiss' own search of a
compressed index takes a twentieth of the time of a search list by list.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.records import SearchIndex
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.neighbors import SearchData, as_inverted_file
from dedup_assets.engine.neighbors.recall import exact_neighbors
from dedup_assets.engine.neighbors.search import search_all
from dedup_assets.engine.neighbors.similarity import prepared, similarities

PROBES = 3.0
"""Lists that are searched, as a multiple of those that the index is tuned to for its own rows: an image from elsewhere
lies farther from the rows that resemble it."""

_SPARE = 3  # candidates for each wanted row, because codes order only roughly
_EXTRA_CANDIDATES = 16
_WIDENING = 8  # times the candidates, where those at hand do not settle which rows are nearest
_MOST_CANDIDATES = 4096
_CROWD_LIKENESS = 0.9  # cosine of near copies
_LEAST = 1e-12
_CROWD_WIDTH = 0.05  # more than the error of codes and projection

Near = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Rows and their similarities, the most similar first, ties by row."""


class NearestRows:
    """Searches the rows of stored results. May be called from several threads.

    Args:
        vectors: (n, d) float32, as the model gave them; may be memory-mapped.
        index: over these; None to compare all of them.
        search: method and metric; `k` is not used.
        excluded: (n,) rows that are never found; None if there are none.
    """

    def __init__(
        self,
        vectors: NDArray[np.float32],
        index: SearchIndex | None,
        search: SearchSettings,
        excluded: NDArray[np.bool_] | None = None,
    ) -> None:
        self._vectors, self._index, self._search, self._excluded = vectors, index, search, excluded
        lists = None if self._index is None else as_inverted_file(self._index.index)
        self._lists = 0 if lists is None else lists.list_count
        self._probed = 0 if lists is None else max(1, round(lists.nprobe * PROBES))
        self._is_quick = lists is not None or (
            self._index is not None and isinstance(self._index.index, faiss.IndexFlat)
        )

    def find(self, vector: NDArray[np.float32], k: int) -> Near:
        """The k rows most similar to a vector.

        Args:
            vector: (d,) float32, as the model gave it.
            k: most rows.

        Raises:
            SearchError: the index cannot be searched.
        """
        rows_held = len(self._vectors)
        most, widening = min(k * _SPARE + _EXTRA_CANDIDATES, rows_held), 1
        while True:
            rows, alike = self._candidates(vector, most, widening)
            is_last = most >= min(rows_held, max(_MOST_CANDIDATES, k)) and self._probed * widening >= self._lists
            if is_last or (len(rows) >= k and not self._is_crowded(vector, alike, k)):
                return rows[:k], alike[:k]
            widening *= _WIDENING
            most = min(most * _WIDENING, rows_held, max(_MOST_CANDIDATES, k))

    def _candidates(self, vector: NDArray[np.float32], wanted: int, widening: int) -> Near:
        """Candidates of the index, but for excluded rows, with their exact similarities."""
        found = self._ask(vector, wanted, widening) if self._is_quick else self._search_as_a_run_does(vector, wanted)
        rows = np.sort(found[found >= 0]).astype(np.int64)
        if self._excluded is not None:
            rows = rows[~self._excluded[rows]]
        query, held = (prepared(some, self._search.distance) for some in (vector[None], self._vectors[rows]))
        alike = similarities(query, held[None], self._search.distance)[0]
        order = np.argsort(-alike, kind="stable")
        return rows[order], alike[order]

    def _ask(self, vector: NDArray[np.float32], wanted: int, widening: int) -> NDArray[np.int64]:
        """Candidates by faiss' own search; -1 where there are fewer."""
        probing = _probing(min(self._probed * widening, self._lists)) if self._lists else None
        query = prepared(vector[None], self._search.distance)
        with _one_thread():
            found: NDArray[np.int64] = self._index.index.search(query, wanted, params=probing)[1][0]  # type: ignore[union-attr]
        return found

    def _search_as_a_run_does(self, vector: NDArray[np.float32], wanted: int) -> NDArray[np.int64]:
        """By the methods of a run, for indexes that people named; by comparing all vectors where there is no index."""
        data = SearchData(np.ascontiguousarray(vector[None]), self._vectors, is_self_search=False)
        search, asked = replace(self._search, k=wanted, range_from=None), np.zeros(1, np.int64)
        with _one_thread():
            edges = (
                exact_neighbors(data, asked, search)
                if self._index is None
                else search_all(data, asked, self._index, search, 1)
            )
        return edges["to"].to_numpy().astype(np.int64)

    def _is_crowded(self, vector: NDArray[np.float32], alike: NDArray[np.float64], k: int) -> bool:
        """Whether rows beyond the candidates may be nearer than the k-th: the codes cannot order near copies."""
        if not self._lists:
            return False
        least, kth = (self._cosine(vector, float(alike[place])) for place in (-1, k - 1))
        return least >= _CROWD_LIKENESS and least >= kth - _CROWD_WIDTH

    def _cosine(self, vector: NDArray[np.float32], similarity: float) -> float:
        """The cosine of vectors of one length that have this similarity."""
        if self._search.distance == "cosine":
            return similarity
        length = 1 / max(similarity, _LEAST) - 1
        squared = length if self._search.distance == "squared_euclidean" else length**2
        return 1 - squared / max(2 * float(vector @ vector), _LEAST)


def _probing(nprobe: int) -> Any:  # noqa: ANN401 - faiss is untyped
    kinds: Any = faiss  # its stubs lack the fields
    return kinds.SearchParametersPreTransform(index_params=kinds.SearchParametersIVF(nprobe=nprobe))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let faiss use one thread in this thread, so that callers side by side share the cores."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
