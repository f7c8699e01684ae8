"""Stars: a hub, and others that are each joined to the hub itself. There are no chains."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

_BITS = np.uint64(32)


@dataclass(frozen=True)
class CopyEdges:
    """Pairs of vertices that are copies of each other, each once.

    Attributes:
        low: (m,) int64, the smaller vertex.
        high: (m,) int64, the larger one; (low, high) ascend.
        worse: (m,) int8: which one is less worth keeping by what was done to it: below 0 the low one, above 0 the high
            one, 0 neither or unknown; see `keeping`.
        row: (m,) int64: the row of the evidence that says so.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    worse: NDArray[np.int8]
    row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.low)

    def take(self, places: NDArray[np.int64]) -> "CopyEdges":
        """Some of the edges, by their places in ascending order."""
        return CopyEdges(self.low[places], self.high[places], self.worse[places], self.row[places])

    @cached_property
    def _keys(self) -> NDArray[np.uint64]:
        return _keys(self.low, self.high)

    @cached_property
    def degree(self) -> NDArray[np.int64]:
        """(n,): number of edges of each vertex up to the largest one that has an edge."""
        return np.bincount(np.concatenate([self.low, self.high])).astype(np.int64)

    def find(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of the edge between each two vertices; -1 where there is none."""
        if not len(self):
            return np.full(len(one), -1, np.int64)
        wanted = _keys(np.minimum(one, other), np.maximum(one, other))
        places = np.minimum(np.searchsorted(self._keys, wanted), len(self) - 1)
        found: NDArray[np.int64] = np.where(self._keys[places] == wanted, places, -1)
        return found


def _keys(low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.uint64]:
    keys: NDArray[np.uint64] = (low.astype(np.uint64) << _BITS) | high.astype(np.uint64)
    return keys


def find_stars(count: int, edges: CopyEdges, rank: NDArray[np.int64], first: Sequence[int] = ()) -> NDArray[np.int64]:
    """Cut a graph into stars.

    The vertex with the most neighbours in no star becomes the next hub, with these neighbours; of equal ones that of
    the lowest rank. So the result depends on nothing but the graph and the ranks.

    Args:
        count: number of vertices.
        edges: between them.
        rank: (count,) distinct numbers; the lower, the better a vertex is as a hub.
        first: vertices that become hubs before all others, in this order, unless an earlier one has them.

    Returns:
        (count,) int64: the hub of each vertex; itself for a hub and for a vertex without a star.
    """
    hub = np.arange(count, dtype=np.int64)
    starts, neighbors = _adjacency(count, edges)
    degree = np.diff(starts)
    free = np.ones(count, np.bool_)
    ranks, degrees = rank.tolist(), degree.tolist()
    queue = [(-degrees[vertex], ranks[vertex], vertex) for vertex in np.flatnonzero(degree).tolist()]
    heapify(queue)
    wanted = deque(first)
    while wanted or queue:
        if wanted:
            vertex = wanted.popleft()
        else:
            known, _, vertex = heappop(queue)
            if -known != degrees[vertex]:
                continue
        if not free[vertex]:
            continue
        near = neighbors[starts[vertex] : starts[vertex + 1]]
        members = near[free[near]]
        free[vertex] = False
        free[members] = False
        hub[members] = vertex
        for member in members.tolist():
            for other in neighbors[starts[member] : starts[member + 1]].tolist():
                if free[other]:
                    degrees[other] -= 1
                    if degrees[other]:
                        heappush(queue, (-degrees[other], ranks[other], other))
    return hub


def _adjacency(count: int, edges: CopyEdges) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the neighbours of each vertex begin, and the neighbours of all vertices."""
    source = np.concatenate([edges.low, edges.high])
    target = np.concatenate([edges.high, edges.low])
    order = np.lexsort((target, source))
    starts = np.searchsorted(source[order], np.arange(count + 1))
    return starts.astype(np.int64), target[order].astype(np.int64)
