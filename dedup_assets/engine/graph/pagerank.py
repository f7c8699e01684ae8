"""Pagerank of an undirected graph, some components at a time: what igraph needs an edge is needed for few of them."""

from collections.abc import Iterator

import igraph
import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.graph.edges import MILLION, UndirectedEdges

_DAMPING = 0.85  # Brin and Page 1998
_EDGES_AT_ONCE = 1 << 18
_LARGE = 1 << 20  # edges of a component for which igraph would take too much
_STILL = 1e-11  # of all rank, as igraph's
_SHARED_AT_ONCE = 1 << 16


def rank(images: int, edges: UndirectedEdges, first: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Pagerank of each image, weighted by similarity (igraph's PRPACK); the sum is 1.

    No rank flows from one component to another, but what images without an edge give to all alike. So each component's
    ranks are those that it has by itself times its size, and an image without an edge has the share that chance gives;
    all together are then scaled to sum 1.

    Args:
        images: how many.
        edges: between them.
        first: for each image the first one of its component.
    """
    if len(edges) <= _EDGES_AT_ONCE or edges.millionths.min() <= 0:  # an edge of no weight gives nothing on
        return _rank_together(images, edges.low, edges.high, edges.millionths)
    ranks = np.full(images, 1 - _DAMPING)
    order, ends = _by_component(edges, first)
    for start, stop in _batches(ends):
        some = order[start:stop]
        low, high = edges.low[some], edges.high[some]
        nodes = np.flatnonzero(_mentioned(images, low, high)).astype(np.uint32)
        inside = UndirectedEdges(
            np.searchsorted(nodes, low).astype(np.uint32),
            np.searchsorted(nodes, high).astype(np.uint32),
            edges.millionths[some],
        )
        if len(inside) > _LARGE:
            own = _rank_by_steps(len(nodes), inside)
        else:
            own = _rank_together(len(nodes), inside.low, inside.high, inside.millionths)
        ranks[nodes] = own * len(nodes)
    ranks /= ranks.sum()
    return ranks


def _mentioned(images: int, low: NDArray[np.uint32], high: NDArray[np.uint32]) -> NDArray[np.bool_]:
    mentioned = np.zeros(images, np.bool_)
    mentioned[low] = mentioned[high] = True
    return mentioned


def _rank_by_steps(images: int, edges: UndirectedEdges) -> NDArray[np.float64]:
    """The same from rank that flows along the edges until it stays: it takes longer, and no memory an edge."""
    strength = np.zeros(images)
    for block in edges.blocks():
        np.add.at(strength, edges.low[block], edges.millionths[block])
        np.add.at(strength, edges.high[block], edges.millionths[block])
    ranks = np.full(images, 1 / images)
    moved = 1.0
    while moved > _STILL:  # each step leaves less than _DAMPING of it
        given, taken = ranks / strength, np.zeros(images)
        for block in edges.blocks():
            low, high, weight = edges.low[block], edges.high[block], edges.millionths[block]
            np.add.at(taken, low, weight * given[high])
            np.add.at(taken, high, weight * given[low])
        after = (1 - _DAMPING) / images + _DAMPING * taken
        moved = float(np.abs(after - ranks).sum())
        ranks = after
    return ranks


def _by_component(edges: UndirectedEdges, first: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the edges, those of a component together; and where each component ends."""
    component = first[edges.low]
    order = np.argsort(component, kind="stable")
    component = component[order]
    return order, np.append(np.flatnonzero(component[1:] != component[:-1]) + 1, len(order))


def _batches(ends: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Whole components, as many as have `_EDGES_AT_ONCE` edges, or a larger one by itself."""
    start = 0
    while start < ends[-1]:
        fitting = int(np.searchsorted(ends, start + _EDGES_AT_ONCE, side="right")) - 1
        stop = int(ends[fitting]) if fitting >= 0 and ends[fitting] > start else int(ends[fitting + 1])
        yield start, stop
        start = stop


def _rank_together(
    images: int, low: NDArray[np.uint32], high: NDArray[np.uint32], millionths: NDArray[np.int32]
) -> NDArray[np.float64]:
    network = igraph.Graph(n=images, edges=np.column_stack([low, high]))
    # igraph takes weights as a list alone; similarities have few different values, which it can share.
    least = int(millionths.min()) if len(millionths) else 0
    shared = (np.arange(least, (int(millionths.max()) if len(millionths) else 0) + 1) / MILLION).tolist()
    weights: list[float] = []
    for start in range(0, len(millionths), _SHARED_AT_ONCE):
        places = millionths[start : start + _SHARED_AT_ONCE] - least
        weights.extend(map(shared.__getitem__, places.tolist()))
    ranks: NDArray[np.float64] = np.array(
        network.pagerank(directed=False, damping=_DAMPING, weights=weights), np.float64
    )
    return ranks
