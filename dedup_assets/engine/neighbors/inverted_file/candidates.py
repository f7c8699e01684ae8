"""Candidates from an inverted file for thousands of rows at a time: each list is read once for all rows that probe it.

faiss searches an inverted file query by query. For the neighbours of a whole collection it is cheaper to swap the
loops: a list is unpacked once and compared with all queries that probe it in one matrix product.
`faiss.contrib.big_batch_search` has the same idea. This module adds a bar for each query, the worst score among its
best so far: most products are dropped by one comparison, and the few that remain are sorted together. The 17 candidates
of each of 200,000 vectors (894 lists of 96 dimensions, 19 of them probed, equal recall) take 5.5 s of CPU time here,
17.8 s by big_batch_search and 12.8 s by faiss' own search. The candidates also do not depend on the number of threads,
and equal scores are ordered by row.

The codes only propose candidates; `reranking` compares these by the vectors themselves.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dedup_assets.engine.neighbors.inverted_file.layout import MOST_LISTS, InvertedFile

_PROBES_AT_ONCE = 1 << 24  # queries x lists: bounds memory to some 300 MB
_RANKED_ROWS = 128  # queries compared with all centroids at once, so that what is sorted stays in the cache
_PRODUCT_ROWS = 1024  # queries in one matrix product, so that it stays in the cache with a list of some hundred rows
_PASS_GROWTH = 4  # lists of a pass, as a multiple of those of all passes before it, whose results set its bars
_LISTS_PER_TASK = 32
_TASKS_AHEAD = 4
_FEWEST_KEYS = 1 << 22  # found rows in memory, at least, before they are merged with the best
_SCORE_BITS = 21  # of a key: scores in steps of 16, from -2**20 to 2**20
_SCORE_STEP = 16
_WORD = 8  # comparisons that are read together as one uint64
_NOTHING = -1


def find_candidates(
    index: InvertedFile, queries: NDArray[np.float32], wanted: int, threads: int
) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Find the rows most similar to each query by the codes of the index.

    Args:
        index: the inverted file.
        queries: (n, m) float32, from `InvertedFile.project`.
        wanted: candidates for each query.
        threads: most threads that compute.

    Yields:
        A slice of the queries, and (size, wanted) int64 rows for them, best first, ties by row; -1 where there are
        fewer candidates.
    """
    at_once = min(max(1, _PROBES_AT_ONCE // max(index.nprobe, wanted)), 1 << (64 - _SCORE_BITS - index.row_bits))
    with ThreadPoolExecutor(threads, thread_name_prefix="search") as pool:
        for start in range(0, len(queries), at_once):
            block = slice(start, min(start + at_once, len(queries)))
            with threadpool_limits(1, user_api="blas"):  # so that no more threads compute than the pool has
                found = _QueryBlock(index, queries[block], wanted).search(pool)
            yield block, found


class _QueryBlock:
    """Queries that are searched together, and the best rows for each so far.

    A found row is one uint64: the query, then its score, best first, then the row. Sorting such keys sorts the
    candidates of all queries at once, and equal scores by row.
    """

    def __init__(self, index: InvertedFile, queries: NDArray[np.float32], wanted: int) -> None:
        self._index = index
        self._wanted = wanted
        self._queries = queries
        self._query_shift = np.uint64(_SCORE_BITS + index.row_bits)
        self._row_bits = np.uint64(index.row_bits)
        self._starts = np.arange(len(queries), dtype=np.uint64) << self._query_shift
        nothing = (np.uint64(1) << self._query_shift) - np.uint64(1)
        self._best = np.repeat(self._starts | nothing, wanted).reshape(len(queries), wanted)
        self._nothing = nothing

    def search(self, pool: ThreadPoolExecutor) -> NDArray[np.int64]:
        """(n, wanted) best rows, from passes over growing numbers of lists."""
        probes = self._probe(pool)
        low, high = 0, 1
        while low < probes.shape[1]:
            self._pass(probes[:, low:high], pool, is_first=not low)
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

    def _pass(self, probes: NDArray[np.uint16], pool: ThreadPoolExecutor, *, is_first: bool) -> None:
        order = np.argsort(probes.ravel(), kind="stable")
        members = order // probes.shape[1]
        ends = np.cumsum(np.bincount(probes.ravel(), minlength=self._index.list_count))
        bars = self._bars()

        def scan(numbers: range) -> list[NDArray[np.uint64]]:
            return [
                keys
                for number in numbers
                for keys in self._scan(
                    number, members[ends[number - 1] if number else 0 : ends[number]], bars, is_first=is_first
                )
            ]

        tasks = [
            range(low, min(low + _LISTS_PER_TASK, self._index.list_count))
            for low in range(0, self._index.list_count, _LISTS_PER_TASK)
        ]
        most, held = max(self._best.size, _FEWEST_KEYS), 0
        found: list[NDArray[np.uint64]] = []
        for keys in _in_order(pool, scan, tasks):
            found += keys
            held += sum(map(len, keys))
            if held > most:
                self._merge(found)
                found, held = [], 0
        self._merge(found)

    def _merge(self, found: list[NDArray[np.uint64]]) -> None:
        """Take the best of the found rows among the best of their queries."""
        keys = np.concatenate([self._best.ravel(), *found])
        keys.sort()
        begins = np.searchsorted(keys, self._starts)
        self._best = keys[begins[:, None] + np.arange(self._wanted)]

    def _bars(self) -> NDArray[np.float32]:
        """For each query the score that a row must exceed to be among its best."""
        place = (self._best[:, -1] & self._nothing) >> self._row_bits
        steps = (1 << (_SCORE_BITS - 1)) - place.astype(np.int64)
        return (steps * _SCORE_STEP + (_SCORE_STEP - 1)).astype(np.float32)

    def _scan(
        self, number: int, members: NDArray[np.int64], bars: NDArray[np.float32], *, is_first: bool
    ) -> Iterator[NDArray[np.uint64]]:
        """Keys of the rows in a list that exceed the bars of the queries (`members`) that probe it."""
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
            if is_first and len(rows) > self._wanted:
                better = _best_of(scores, self._wanted)
            else:
                better = scores > bars[part, None]
                if np.count_nonzero(better) > self._wanted * len(
                    part
                ):  # a crowd, of which most cannot be among the best
                    better &= _best_of(scores, self._wanted)
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


def _in_order(
    pool: ThreadPoolExecutor, scan: Callable[[range], list[NDArray[np.uint64]]], tasks: list[range]
) -> Iterator[list[NDArray[np.uint64]]]:
    """The keys of each task, in the order of the tasks; few tasks are ahead, because their keys are in memory."""
    ahead: deque[Future[list[NDArray[np.uint64]]]] = deque()
    for task in tasks:
        ahead.append(pool.submit(scan, task))
        if len(ahead) > _TASKS_AHEAD:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _best_of(scores: NDArray[np.float32], wanted: int) -> NDArray[np.bool_]:
    """Whether each score is among the best of its row; of equal scores at the limit only as many as are wanted.

    The rows of an inverted list ascend, so the first of equal scores are those of the lowest rows. Without the limit a
    list of identical vectors would give all of them to each query.
    """
    worst = np.partition(scores, -wanted, axis=1)[:, -wanted, None]
    best = scores >= worst
    crowded = np.flatnonzero(best.sum(axis=1) > wanted)
    if len(crowded):
        above = scores[crowded] > worst[crowded]
        equal = best[crowded] & ~above
        left = wanted - above.sum(axis=1, keepdims=True)
        best[crowded] = above | (equal & (np.cumsum(equal, axis=1, dtype=np.int32) <= left))
    return best


def nearest_lists(
    queries: NDArray[np.float32], centroids: NDArray[np.float32], bias: NDArray[np.float32] | None, wanted: int
) -> NDArray[np.uint16]:
    """(n, wanted) lists with the best centroids for each query, best first, ties by number of the list."""
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
