"""A crowd of identical vectors is searched once and has the neighbours that a search for each row finds."""

import tracemalloc

import faiss
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedup_assets.engine.core.records import Neighbors
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import build_index, crowds, find_neighbors, indexes, search_train_set
from dedup_assets.engine.neighbors.crowds import find_crowds
from dedup_assets.engine.neighbors.inverted_file.layout import inverted_file_of


def some_vectors(rows: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(rows, 24)).astype(np.float32)


def neighbors_of(vectors: NDArray[np.float32], **values: object) -> Neighbors:
    search = Settings.parse(**values).search
    return find_neighbors(vectors, build_index(vectors, search, 2), search, 2)


def test_crowds_are_the_rows_of_equal_vectors_in_order() -> None:
    vectors = some_vectors(1000)
    vectors[10:200:2] = vectors[10]
    vectors[300:364] = vectors[300]
    vectors[500:563] = vectors[500]  # one too few
    found = [crowd.rows.tolist() for crowd in find_crowds(vectors, np.arange(1000))]
    assert found == [list(range(10, 200, 2)), list(range(300, 364))]
    assert find_crowds(vectors, np.arange(400, 600)) == []


@given(st.integers(0, 23), st.integers(0, 2**31 - 1))
@settings(max_examples=25)
def test_vectors_that_differ_in_one_value_are_no_crowd(place: int, seed: int) -> None:
    vectors = np.repeat(some_vectors(1, seed), 100, axis=0)
    vectors[:, place] += np.arange(100, dtype=np.float32)
    assert find_crowds(vectors, np.arange(100)) == []


@pytest.mark.parametrize("values", [{}, {"range_search": True, "range_search_limit": 90}, {"nearest_neighbors_k": 130}])
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("exact_rows", [100, 20_000])
def test_neighbours_are_those_of_a_search_for_each_row(
    values: dict[str, object], distance: str, exact_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "_EXACT_ROWS", exact_rows)
    vectors = some_vectors(600)
    vectors[100:220] = vectors[100]
    vectors[300:500:2] = vectors[300]
    vectors[300:500:2][::9] += 1e-3
    shared = neighbors_of(vectors, distance=distance, **values)
    monkeypatch.setattr(crowds, "_FEWEST", 10_000)
    each = neighbors_of(vectors, distance=distance, **values)
    assert shared.edges.select("from", "similarity").equals(each.edges.select("from", "similarity"))
    assert shared.edges.filter(pl.col("from") == pl.col("to")).is_empty()


def test_each_of_a_crowd_has_the_first_others_as_neighbours() -> None:
    vectors = some_vectors(300)
    vectors[50:250] = vectors[50]
    edges = neighbors_of(vectors, nearest_neighbors_k=3).edges
    assert edges.filter(pl.col("from") == 50)["to"].to_list() == [51, 52, 53]
    assert edges.filter(pl.col("from") == 249)["to"].to_list() == [50, 51, 52]


def test_a_crowd_in_a_scored_set_finds_the_train_set() -> None:
    train = some_vectors(300)
    queries = np.repeat(train[7:8], 100, axis=0)
    search = Settings.parse().search
    edges = search_train_set(queries, train, build_index(train, search, 1), search, 1).edges
    assert edges.height == 200
    assert edges.group_by("from", maintain_order=True).first()["to"].unique().to_list() == [7]


def test_memory_grows_with_a_crowd_and_not_with_its_square(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "_EXACT_ROWS", 100)
    peaks = []
    for size in (1500, 6000):
        vectors = some_vectors(size + 500)
        vectors[:size] = vectors[0]
        search = Settings.parse().search
        index = build_index(vectors, search, 1)
        tracemalloc.start()
        find_neighbors(vectors, index, search, 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 8 * peaks[0]


def near_copies(size: int, others: int, distance: float) -> NDArray[np.float32]:
    """A crowd whose members differ in all directions alike, so that k-means tells them apart badly, among others."""
    random = np.random.default_rng(5)
    vectors = random.normal(size=(size + others, 64)).astype(np.float32)
    vectors[:size] = vectors[0] + distance * vectors[:size]
    return vectors[random.permutation(len(vectors))]


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("apart", [0.03, 0.3])
def test_no_inverted_list_holds_most_of_a_crowd_of_near_copies(
    distance: str, apart: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "_EXACT_ROWS", 100)
    vectors = near_copies(800, 800, apart)
    search = Settings.parse(distance=distance).search
    built = [build_index(vectors, search, threads) for threads in (1, 2)]
    lists = inverted_file_of(built[0].index)
    held = [lists.rows(number) for number in range(lists.list_count)]
    assert np.array_equal(np.sort(np.concatenate(held)), np.arange(1600))
    assert all((np.diff(rows) > 0).all() for rows in held)
    assert max(map(len, held)) <= 16 * 1600 / 80  # 2 * sqrt(1600) lists, before long ones are cut
    assert np.array_equal(*(faiss.serialize_index(index.index) for index in built))
    edges = [find_neighbors(vectors, built[0], search, threads).edges for threads in (1, 2)]
    assert edges[0].equals(edges[1])
    assert edges[0].height == 3200


def test_memory_does_not_grow_with_the_square_of_near_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "_EXACT_ROWS", 100)
    peaks = []
    for size in (0, 3000):
        vectors = near_copies(size, 4000 - size, 0.03)
        search = Settings.parse().search
        index = build_index(vectors, search, 1)
        tracemalloc.start()
        find_neighbors(vectors, index, search, 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
