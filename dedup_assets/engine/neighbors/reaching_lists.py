"""The other direction of a search by an inverted file: rows that new rows are near enough to.

A new row is compared with the codes of the lists that it would be searched in. The product of codes estimates the
cosine: the rest of the vectors' length is not in the projection. How far the estimate is off is read from edges whose
cosine is known, so that hardly any neighbour is missed. The vectors themselves decide among the rows that are left.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.neighbors.inverted_file.candidates import nearest_lists
from dedup_assets.engine.neighbors.inverted_file.layout import InvertedFile
from dedup_assets.engine.neighbors.keeping import Bars
from dedup_assets.engine.neighbors.reaching import score_pairs
from dedup_assets.engine.neighbors.recall import evenly_spread
from dedup_assets.engine.neighbors.similarity import prepared
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA

_QUERIES = 1024  # new rows in one matrix product
_PROJECTED_ROWS = 8192
_LISTS_PER_TASK = 32
_KNOWN_EDGES = 20_000
_REACHED = 0.99  # share of known neighbours that the estimate lets pass


@dataclass(frozen=True)
class _Estimate:
    """A cosine from the product of projected vectors: `slope * product + offset` is too small in few cases."""

    slope: float
    offset: float

    def products(self, cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        """The least product of rows that may have these cosines."""
        return ((cosines - np.float32(self.offset)) / np.float32(self.slope)).astype(np.float32, copy=False)


def reach_by_lists(
    lists: InvertedFile,
    vectors: NDArray[np.float32],
    added: NDArray[np.int64],
    bars: Bars,
    known: pl.DataFrame,
    search: SearchSettings,
    threads: int,
) -> pl.DataFrame:
    """Edges from rows to new rows by an inverted file for cosines; see `keeping.Reach`.

    Args:
        lists: over all rows of now.
        vectors: (n, d) float32, all rows of now.
        added: (a,) int64 new rows.
        bars: of the rows that stayed.
        known: edges between rows of now, some of which show how cosines and codes differ.
        search: the metric.
        threads: most threads that compute.
    """
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads, thread_name_prefix="reach") as pool:
        scan = _Scan(lists, vectors, added, bars, _estimate(lists, vectors, known, search), search)
        tasks = [range(low, low + _LISTS_PER_TASK) for low in range(0, lists.list_count, _LISTS_PER_TASK)]
        return pl.concat([pl.DataFrame(schema=EDGES_SCHEMA), *pool.map(scan.edges_of, tasks)])


def _estimate(
    lists: InvertedFile, vectors: NDArray[np.float32], known: pl.DataFrame, search: SearchSettings
) -> _Estimate:
    some = known[evenly_spread(known.height, _KNOWN_EDGES).tolist()] if known.height else known
    one, other = (
        prepared(vectors[some[side].to_numpy()], search.distance) @ lists.projection.T for side in ("from", "to")
    )
    products, cosines = np.einsum("nd,nd->n", one, other), some["similarity"].to_numpy()
    if np.unique(products).size < 2:  # noqa: PLR2004 - a line needs two points
        return _Estimate(1.0, 1.0)
    slope = max(float(np.polyfit(products, cosines, 1)[0]), 0.5)
    return _Estimate(slope, float(np.quantile(cosines - slope * products, _REACHED)))


class _Scan:
    """New rows, the lists that each is compared with, and the bars of the others."""

    def __init__(
        self,
        lists: InvertedFile,
        vectors: NDArray[np.float32],
        added: NDArray[np.int64],
        bars: Bars,
        estimate: _Estimate,
        search: SearchSettings,
    ) -> None:
        self._lists, self._vectors, self._added = lists, vectors, added
        self._bars, self._search = bars, search
        self._least = np.full(len(vectors), np.inf, np.float32)
        self._least[bars.rows] = estimate.products(bars.similarity) / np.float32(lists.unit)
        self._is_one = np.zeros(len(vectors), np.bool_)
        self._is_one[bars.rows] = bars.similarity >= 1  # nothing is more similar
        self._tied = np.zeros(len(vectors), np.int64)
        self._tied[bars.rows] = bars.row
        parts = [added[start : start + _PROJECTED_ROWS] for start in range(0, len(added), _PROJECTED_ROWS)]
        projected = np.concatenate([prepared(vectors[part], search.distance) @ lists.projection.T for part in parts])
        self._queries = lists.quantize(projected)
        self._shifts = projected @ lists.shift / np.float32(lists.unit)
        centroids, bias = lists.centroid_codes()
        probes = nearest_lists(self._queries, centroids, bias, lists.nprobe)
        self._order = np.argsort(probes.ravel(), kind="stable") // probes.shape[1]
        self._ends = np.cumsum(np.bincount(probes.ravel(), minlength=lists.list_count))

    def edges_of(self, numbers: range) -> pl.DataFrame:
        """Edges from rows in some lists to new rows that are compared with these."""
        inside = (number for number in numbers if number < self._lists.list_count)
        found = [pair for number in inside for pair in self._pairs(number)]
        if not found:
            return pl.DataFrame(schema=EDGES_SCHEMA)
        source, target = (np.concatenate(rows) for rows in zip(*found, strict=True))
        return self._bars.sorted_before(score_pairs(self._vectors, source, target, self._search))

    def _pairs(self, number: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        members = self._order[self._ends[number - 1] if number else 0 : self._ends[number]]
        rows = self._lists.rows(number)
        if not len(rows) or not len(members):
            return
        codes, _ = self._lists.list_codes(number, 0)
        least, is_one, tied = self._least[rows], self._is_one[rows], self._tied[rows]
        for start in range(0, len(members), _QUERIES):
            part = members[start : start + _QUERIES]
            products = self._queries[part] @ codes.T
            products += self._shifts[part, None]
            query, place = np.divmod(np.flatnonzero(products >= least), len(rows))
            new = self._added[part[query]]
            near = ~is_one[place] | (new < tied[place])
            yield rows[place[near]], new[near]
