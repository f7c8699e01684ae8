"""Edges as arrays: similarities as whole millionths, and each undirected edge once.

Edges take little memory: each is one 64-bit key that sorts in place, and steps with larger temporary arrays use blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.records import Neighbors

MILLION = 1_000_000  # similarities have six decimals
BLOCK_EDGES = 1 << 20
_ROW_BITS = np.uint64(32)
_ROW = np.uint64((1 << 32) - 1)


@dataclass(frozen=True)
class Block:
    """Consecutive directed edges.

    Attributes:
        start: place of the first of them among all edges.
        source: (b,) uint32 rows that they lead from.
        target: (b,) uint32 rows that they lead to.
        millionths: (b,) int32 similarities, exactly as the files show them; 0.85 as float32 is less than 0.85.
    """

    start: int
    source: NDArray[np.uint32]
    target: NDArray[np.uint32]
    millionths: NDArray[np.int32]

    def above(self, limit: float, *, included: bool) -> NDArray[np.int64]:
        """Places in the block of edges more similar than the limit; if `included`, also of those equal to it."""
        similarity = self.millionths / MILLION
        return np.flatnonzero(similarity >= limit if included else similarity > limit)


@dataclass(frozen=True)
class UndirectedEdges:
    """Edges between two images, each once, sorted by (low, high).

    Attributes:
        low: (m,) uint32, the smaller row.
        high: (m,) uint32, the larger one.
        millionths: (m,) int32, the similarity; if the two directions differ, that of the edge found first.
    """

    low: NDArray[np.uint32]
    high: NDArray[np.uint32]
    millionths: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.low)

    def blocks(self) -> Iterator[slice]:
        """Slices of the edges, so that the temporary arrays of one step stay small."""
        return (slice(start, start + BLOCK_EDGES) for start in range(0, len(self), BLOCK_EDGES))


def blocks_of(edges: pl.DataFrame) -> Iterator[Block]:
    """The edges of `Neighbors`, block by block."""
    for start in range(0, edges.height, BLOCK_EDGES):
        some = edges.slice(start, BLOCK_EDGES)
        similarity = some["similarity"].to_numpy().astype(np.float64)
        millionths = np.rint(similarity * MILLION).astype(np.int32)
        yield Block(start, some["from"].to_numpy(), some["to"].to_numpy(), millionths)


def undirected(neighbors: Neighbors, ccthreshold: float) -> UndirectedEdges:
    """The edges more similar than `ccthreshold`, each once even if both sides found it."""
    keys = np.empty(neighbors.edges.height, np.uint64)
    millionths = np.empty(neighbors.edges.height, np.int32)
    size = 0
    for block in blocks_of(neighbors.edges):
        kept = block.above(ccthreshold, included=False)
        keys[size : size + len(kept)] = unordered(block.source[kept], block.target[kept])
        millionths[size : size + len(kept)] = block.millionths[kept]
        size += len(kept)
    order = np.argsort(keys[:size], kind="stable")
    keys = keys[order]
    first = np.flatnonzero(is_first(keys))
    keys, millionths = keys[first], millionths[order[first]]
    return UndirectedEdges((keys >> _ROW_BITS).astype(np.uint32), (keys & _ROW).astype(np.uint32), millionths)


def unordered(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """A number for each pair, the same for both orders; the numbers sort as (low, high)."""
    low, high = np.minimum(one, other).astype(np.uint64), np.maximum(one, other)
    return (low << _ROW_BITS) | high


def is_first(ordered: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each of the sorted numbers differs from the one before it."""
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first
