"""Crowds: many queries with the same vector, which are searched once for all of them.

Thousands of identical pictures (placeholders, frames of a still video) lie in one inverted list, and searching it for
each of them takes time and memory that grow with their square.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FEWEST = 64  # identical queries that are a crowd; fewer are searched one by one
_SAMPLED_VALUES = 16  # values of each vector that distinguish nearly all vectors
_BLOCK_ROWS = 2048


@dataclass(frozen=True)
class Crowd:
    """Queries with the same vector.

    Attributes:
        rows: (m,) int64 queries, ascending; the search for the first serves all.
    """

    rows: NDArray[np.int64]


def find_crowds(vectors: NDArray[np.float32], rows: NDArray[np.int64]) -> list[Crowd]:
    """The crowds among some rows, in the order of their first row.

    Args:
        vectors: (n, d) float32; may be memory-mapped.
        rows: (q,) distinct rows of it, ascending.
    """
    step = max(1, vectors.shape[1] // _SAMPLED_VALUES)
    crowds = []
    for alike in _groups(rows, _hashes(vectors, rows, step)):
        for group in _groups(alike, _hashes(vectors, alike, 1)):
            same = group[_equals(vectors, group)]
            if len(same) >= _FEWEST:
                crowds.append(Crowd(same))
    return sorted(crowds, key=lambda crowd: int(crowd.rows[0]))


def _hashes(vectors: NDArray[np.float32], rows: NDArray[np.int64], step: int) -> NDArray[np.uint64]:
    """A number for each row from every `step`-th of its values; equal values, equal numbers."""
    random = np.random.default_rng(0).integers(1, 1 << 63, vectors.shape[1], np.int64)
    factors: NDArray[np.uint64] = np.asarray(2 * (random // 2) + 1, np.uint64)[::step]
    hashes = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = np.ascontiguousarray(vectors[rows[start : start + _BLOCK_ROWS]][:, ::step], dtype=np.float32)
        hashes[start : start + len(block)] = (block.view(np.uint32) * factors).sum(axis=1, dtype=np.uint64)
    return hashes


def _groups(rows: NDArray[np.int64], hashes: NDArray[np.uint64]) -> list[NDArray[np.int64]]:
    """Rows of equal hashes, where these are a crowd."""
    order = np.argsort(hashes, kind="stable")
    _, starts, counts = np.unique(hashes[order], return_index=True, return_counts=True)
    large = counts >= _FEWEST
    return [rows[order[start : start + count]] for start, count in zip(starts[large], counts[large], strict=True)]


def _equals(vectors: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the vector of each row is that of the first."""
    first = vectors[rows[0]]
    parts = [rows[start : start + _BLOCK_ROWS] for start in range(0, len(rows), _BLOCK_ROWS)]
    return np.concatenate([(vectors[part] == first).all(axis=1) for part in parts])
