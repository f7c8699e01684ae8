"""Searching an inverted file many rows at a time: each list is read once for all rows that want it.

faiss searches an inverted file one row after the other. Where thousands of rows are searched at once, as in finding the
neighbours of a whole collection, it pays to turn the loops round: a list is unpacked once and compared with all rows
that probe it in one matrix product. What a row has found so far bars most of what comes later, so that only the few
better ones are looked at. The vectors in the lists are projected and quantized to 8 bits; they only propose candidates.

Codes and queries are whole numbers so small that float32 adds them without rounding: candidates depend neither on the
number of threads nor on how the work is cut.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

_PROBES_AT_ONCE = 1 << 24  # rows x lists: bounds memory to some 300 MB
_RANKED_ROWS = 128  # compared with all centroids at once: what is sorted stays in the cache
_PRODUCT_ROWS = 1024  # queries in one matrix product: with a list of some hundred rows it stays in the cache
_PASS_GROWTH = 4  # each pass searches so many times the lists of those before it, with the bar that they found
_LISTS_A_TASK = 32
_QUERY_STEPS = 511  # queries are whole numbers up to this: with 256 codes below 128 their sum stays below 2**24
_CODE_ZERO = 128
_SCORE_BITS = 21  # of a key: scores in steps of 16, from -2**20 to 2**20
_SCORE_STEP = 16
_WORD = 8  # comparisons looked at together
_NOTHING = -1
MOST_LISTS = 1 << 16
MOST_DIMENSIONS = 256


@dataclass(frozen=True)
class ListIndex:
    """A faiss index that this module can search: a projection before an inverted file of 8-bit codes.

    Attributes:
        projection: (m, d) float32.
        centroids: (lists, m) float32.
        scale: (m,) float32: how much one step of a code is.
        shift: (m,) float32: the value of code 128.
        by_product: by inner product; else by L2.
        nprobe: lists searched for a row.
        row_bits: how many bits number a row.
        inverted: faiss' inverted lists, perhaps memory-mapped.
    """

    projection: NDArray[np.float32]
    centroids: NDArray[np.float32]
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]
    by_product: bool
    nprobe: int
    row_bits: int
    inverted: Any

    @property
    def lists(self) -> int:
        """How many lists there are."""
        return len(self.centroids)

    def rows(self, number: int) -> NDArray[np.int64]:
        """The rows of the features in a list: a view."""
        size = self.inverted.list_size(number)
        return faiss.rev_swig_ptr(self.inverted.get_ids(number), size)

    def codes(self, number: int) -> NDArray[np.uint8]:
        """(size, m) codes of a list: a view."""
        size, width = self.inverted.list_size(number), self.inverted.code_size
        return faiss.rev_swig_ptr(self.inverted.get_codes(number), size * width).reshape(size, width)

    @property
    def unit(self) -> float:
        """One step of a quantized query, times one of a code: the unit of scores."""
        return float(((np.abs(self.shift) + _CODE_ZERO * self.scale) * self.scale).max()) / _QUERY_STEPS

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, m) whole numbers as float32, whose product with codes orders rows as their vectors do."""
        return self.quantize(vectors @ self.projection.T)

    def quantize(self, projected: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same from vectors that are projected already."""
        steps: NDArray[np.float32] = np.rint(projected * (self.scale / np.float32(self.unit)))
        return np.clip(steps, np.float32(-_QUERY_STEPS), np.float32(_QUERY_STEPS))

    def list_codes(self, number: int, padding: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Codes of a list around zero, with rows of zeros after them, and what is added to the scores (L2)."""
        codes = self.codes(number)
        vectors = np.zeros((len(codes) + padding, codes.shape[1]), np.float32)
        np.subtract(codes, np.float32(_CODE_ZERO), out=vectors[: len(codes)])
        return vectors, self._bias(vectors)

    def centroid_codes(self) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """The centroids as `list_codes` gives vectors."""
        codes = np.rint((self.centroids - self.shift) / self.scale)
        return codes, self._bias(codes)

    def _bias(self, codes: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """L2 orders rows y as q.y - |y|^2 / 2 does; None for inner products."""
        if self.by_product:
            return None
        lengths = np.einsum("nd,nd->n", vectors := codes * self.scale + self.shift, vectors)
        bias: NDArray[np.float32] = np.rint(lengths / np.float32(-2 * self.unit))
        return bias


def as_list_index(index: Any) -> ListIndex | None:  # noqa: ANN401 - faiss is untyped
    """What `find_candidates` searches, where the index is of that kind; else None."""
    if not isinstance(index, faiss.IndexPreTransform):
        return None
    chain: Any = index.chain
    inner, transform = faiss.downcast_index(index.index), faiss.downcast_VectorTransform(chain.at(0))
    if (
        chain.size() != 1
        or not isinstance(inner, faiss.IndexIVFScalarQuantizer)
        or type(transform) is not faiss.LinearTransform
    ):
        return None
    quantizer = faiss.downcast_index(inner.quantizer)
    if (
        inner.by_residual
        or inner.sq.qtype != faiss.ScalarQuantizer.QT_8bit
        or not isinstance(quantizer, faiss.IndexFlat)
    ):
        return None
    if inner.nlist > MOST_LISTS or inner.d > MOST_DIMENSIONS:
        return None
    trained = faiss.vector_to_array(inner.sq.trained).reshape(2, inner.d)
    scale = trained[1] / np.float32(255)
    return ListIndex(
        projection=faiss.vector_to_array(transform.A).reshape(inner.d, index.d),
        centroids=quantizer.reconstruct_n(0, inner.nlist),
        scale=scale,
        shift=trained[0] + (_CODE_ZERO + np.float32(0.5)) * scale,
        by_product=inner.metric_type == faiss.METRIC_INNER_PRODUCT,
        nprobe=min(inner.nprobe, inner.nlist),
        row_bits=int(index.ntotal).bit_length(),
        inverted=inner.invlists,
    )


def list_index(index: Any) -> ListIndex:  # noqa: ANN401
    """As `as_list_index`, of an index that is of that kind.

    Raises:
        TypeError: it is not.
    """
    if (lists := as_list_index(index)) is None:
        raise TypeError(f"{type(index).__name__} is no index of projected 8-bit lists")
    return lists


def find_candidates(
    index: ListIndex, queries: NDArray[np.float32], wanted: int, threads: int
) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """The rows most like each query by the codes of the index.

    Args:
        index: to search.
        queries: (n, m) float32, as `ListIndex.project` gives them.
        wanted: candidates for each query.
        threads: how many may search.

    Yields:
        A slice of the queries, and (size, wanted) int64 rows for them, -1 where there are too few, best first.
    """
    at_once = min(max(1, _PROBES_AT_ONCE // max(index.nprobe, wanted)), 1 << (64 - _SCORE_BITS - index.row_bits))
    with ThreadPoolExecutor(threads, thread_name_prefix="search") as pool:
        for start in range(0, len(queries), at_once):
            block = slice(start, min(start + at_once, len(queries)))
            with threadpool_limits(1, user_api="blas"):  # the pool's threads are all that may compute
                found = _Block(index, queries[block], wanted).search(pool, threads)
            yield block, found


class _Block:
    """Queries that are searched together, and the best rows for each so far.

    A row found is one uint64: the query, then its score, best first, then the row; sorting such keys sorts candidates
    of all queries at once, and equal scores by row.
    """

    def __init__(self, index: ListIndex, queries: NDArray[np.float32], wanted: int) -> None:
        self._index = index
        self._wanted = wanted
        self._queries = queries
        self._query_shift = np.uint64(_SCORE_BITS + index.row_bits)
        self._row_bits = np.uint64(index.row_bits)
        self._starts = np.arange(len(queries), dtype=np.uint64) << self._query_shift
        nothing = (np.uint64(1) << self._query_shift) - np.uint64(1)
        self._best = np.repeat(self._starts | nothing, wanted).reshape(len(queries), wanted)
        self._nothing = nothing

    def search(self, pool: ThreadPoolExecutor, threads: int) -> NDArray[np.int64]:
        """Probe lists in growing passes; the best rows of all."""
        probes = self._probe(pool)
        low, high = 0, 1
        while low < probes.shape[1]:
            self._pass(probes[:, low:high], pool, first=not low)
            low, high = high, min(high * _PASS_GROWTH, probes.shape[1])
        rows = (self._best & ((np.uint64(1) << self._row_bits) - np.uint64(1))).astype(np.int64)
        rows[(self._best & self._nothing) == self._nothing] = _NOTHING
        return rows

    def _probe(self, pool: ThreadPoolExecutor) -> NDArray[np.uint16]:
        """(n, nprobe) lists for each query, nearest first."""
        centroids, bias = self._index.centroid_codes()
        parts = [slice(start, start + _PRODUCT_ROWS) for start in range(0, len(self._queries), _PRODUCT_ROWS)]
        nearest = partial(nearest_lists, centroids=centroids, bias=bias, wanted=self._index.nprobe)
        return np.concatenate(list(pool.map(lambda part: nearest(self._queries[part]), parts)))

    def _pass(self, probes: NDArray[np.uint16], pool: ThreadPoolExecutor, *, first: bool) -> None:
        order = np.argsort(probes.ravel(), kind="stable")
        members = order // probes.shape[1]
        ends = np.cumsum(np.bincount(probes.ravel(), minlength=self._index.lists))
        bars = self._bars()

        def scan(numbers: range) -> list[NDArray[np.uint64]]:
            return [
                keys
                for number in numbers
                for keys in self._scan(
                    number, members[ends[number - 1] if number else 0 : ends[number]], bars, first=first
                )
            ]

        tasks = [
            range(low, min(low + _LISTS_A_TASK, self._index.lists))
            for low in range(0, self._index.lists, _LISTS_A_TASK)
        ]
        found = [keys for some in pool.map(scan, tasks) for keys in some]
        keys = np.concatenate([self._best.ravel(), *found])
        keys.sort()
        begins = np.searchsorted(keys, self._starts)
        self._best = keys[begins[:, None] + np.arange(self._wanted)]

    def _bars(self) -> NDArray[np.float32]:
        """What a score must exceed to be among the best of its query."""
        place = (self._best[:, -1] & self._nothing) >> self._row_bits
        steps = (1 << (_SCORE_BITS - 1)) - place.astype(np.int64)
        return (steps * _SCORE_STEP + (_SCORE_STEP - 1)).astype(np.float32)

    def _scan(
        self, number: int, members: NDArray[np.int64], bars: NDArray[np.float32], *, first: bool
    ) -> Iterator[NDArray[np.uint64]]:
        """Keys of what a list holds that is better than the bar of its query."""
        rows = self._index.rows(number)
        if not len(rows) or not len(members):
            return
        vectors, bias = self._index.list_codes(number, -len(rows) % _WORD)
        for start in range(0, len(members), _PRODUCT_ROWS):
            part = members[start : start + _PRODUCT_ROWS]
            scores = self._queries[part] @ vectors.T
            if bias is not None:
                scores += bias
            scores[:, len(rows) :] = -np.inf
            if first and len(rows) > self._wanted:
                worst = np.partition(scores, -self._wanted, axis=1)[:, -self._wanted, None]
                better = scores >= worst
            else:
                better = scores > bars[part, None]
            words = np.flatnonzero(better.reshape(-1).view(np.uint64))
            if len(words):
                word, bit = np.nonzero(better.reshape(-1, _WORD)[words])
                flat = words[word] * _WORD + bit
                query, place = np.divmod(flat, scores.shape[1])
                steps = np.floor(scores.reshape(-1)[flat] * np.float32(1 / _SCORE_STEP)).astype(np.int64)
                yield self._keys(part[query], steps, rows[place])

    def _keys(
        self, queries: NDArray[np.int64], steps: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> NDArray[np.uint64]:
        limit = (1 << (_SCORE_BITS - 1)) - 1
        places = ((limit + 1) - np.clip(steps, -limit + 1, limit)).astype(np.uint64)
        keys = self._starts[queries]
        keys |= places << self._row_bits
        keys |= rows.astype(np.uint64)
        return keys


def nearest_lists(
    queries: NDArray[np.float32], centroids: NDArray[np.float32], bias: NDArray[np.float32] | None, wanted: int
) -> NDArray[np.uint16]:
    """(n, wanted) lists whose centroids score best, best first, equal ones in order of their number."""
    parts = [queries[start : start + _RANKED_ROWS] for start in range(0, len(queries), _RANKED_ROWS)]
    return np.concatenate([_rank_lists(part, centroids, bias, wanted) for part in parts])


def _rank_lists(
    queries: NDArray[np.float32], centroids: NDArray[np.float32], bias: NDArray[np.float32] | None, wanted: int
) -> NDArray[np.uint16]:
    scores = queries @ centroids.T
    if bias is not None:
        scores += bias
    if wanted == 1:
        best: NDArray[np.uint16] = scores.argmax(axis=1).astype(np.uint16)[:, None]
        return best
    keys = scores.astype(np.int64)
    keys *= -MOST_LISTS
    keys += np.arange(len(centroids))
    if wanted < len(centroids):
        keys = np.partition(keys, wanted - 1, axis=1)[:, :wanted]
    keys.sort(axis=1)
    return (keys % MOST_LISTS).astype(np.uint16)
