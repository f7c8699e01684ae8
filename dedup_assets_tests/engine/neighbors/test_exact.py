"""Exact search gives the k best by (similarity, row), whatever is searched together, also among near-equal rows."""

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.core.records import RowRange
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import build_index, search_rows
from dedup_assets.engine.neighbors.similarity import normalized


def with_ties(rows: int, seed: int = 0) -> NDArray[np.float32]:
    """Rows of which many are equal, differ in the last bits only, or are equally far from others."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(rows, 64)).astype(np.float32)
    for _ in range(rows // 4):
        one, other = random.integers(0, rows, 2)
        noise = random.choice([0.0, 1e-7, 1e-6, 1e-4]) * random.normal(size=64)
        vectors[one] = vectors[other] * random.choice([1.0, 2.0, 3.0]) + noise
    return vectors


def by_definition(vectors: NDArray[np.float32], k: int) -> list[tuple[int, int]]:
    rows = normalized(vectors).astype(np.float64)
    likeness = np.round(rows @ rows.T, 6)
    np.fill_diagonal(likeness, -2)
    order = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
    return [(row, int(other)) for row, best in enumerate(order) for other in best]


@pytest.mark.parametrize("rows", [1, 2, 5, 700])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_neighbours_are_the_best_by_similarity_then_row(rows: int, k: int) -> None:
    vectors = with_ties(rows)
    search = Settings.parse(nearest_neighbors_k=k).search
    edges = search_rows(vectors, build_index(vectors, search, 1), search, 2, RowRange(0, rows))
    assert list(edges.select("from", "to").iter_rows()) == by_definition(vectors, min(k, rows - 1))


def test_rows_searched_one_by_one_have_the_neighbours_of_one_search() -> None:
    vectors = with_ties(300, seed=1)
    search = Settings.parse(nearest_neighbors_k=3).search
    index = build_index(vectors, search, 1)
    whole = search_rows(vectors, index, search, 2, RowRange(0, 300))
    single = [search_rows(vectors, index, search, 1, RowRange(row, row + 1)) for row in range(300)]
    assert pl.concat(single).equals(whole)
