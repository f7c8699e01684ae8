"""Images that show nothing have only exact copies as neighbours, and take no place among the neighbours of others."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedup_assets.engine.core.records import Neighbors
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import (
    SearchData,
    build_index,
    find_neighbors,
    match_exact_copies_alone,
    search_train_set,
)


def some_vectors(rows: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(rows, 16)).astype(np.float32)


def marks_of(*marks: str | None) -> pl.Series:
    return pl.Series(marks, dtype=pl.String)


def matched(vectors: NDArray[np.float32], marks: pl.Series, **values: object) -> Neighbors:
    search = Settings.parse(**values).search
    index = build_index(vectors, search, 1)
    found = find_neighbors(vectors, index, search, 1)
    data = SearchData(vectors, vectors, is_self_search=True)
    return match_exact_copies_alone(found, data, (marks, marks), index, search, 1)


def pairs_of(neighbors: Neighbors) -> set[tuple[int, int]]:
    return set(neighbors.edges.select("from", "to").iter_rows())


def test_images_that_show_nothing_match_equal_hashes_alone() -> None:
    vectors = some_vectors(12)
    vectors[:6] = 1  # six black pictures: two copies of one file, two other files, two frames of videos
    marks = marks_of("a", "b", "a", "c", "", "", *[None] * 6)
    found = matched(vectors, marks, nearest_neighbors_k=3)
    assert {pair for pair in pairs_of(found) if min(pair) < 6} == {(0, 2), (2, 0)}
    assert found.edges.filter(pl.col("from") == 0)["similarity"].to_list() == [1.0]
    assert found.edges.schema == {"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32}


def test_copies_are_matched_even_if_many_other_files_are_as_similar() -> None:
    vectors = np.ones((40, 16), np.float32)
    marks = marks_of(*[str(row) for row in range(38)], "copy", "copy")
    assert pairs_of(matched(vectors, marks)) == {(38, 39), (39, 38)}


@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(1, 4))
@settings(max_examples=30)
def test_the_others_have_the_neighbours_that_they_would_have_alone(flat: list[bool], k: int) -> None:
    check_the_others(flat, k)


def test_so_they_do_when_searched_again_in_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup_assets.engine.neighbors.low_information._EDGES_AT_ONCE", 50)
    check_the_others([row % 3 > 0 for row in range(90)], 3)


def check_the_others(flat: list[bool], k: int) -> None:
    vectors = some_vectors(len(flat))
    is_flat = np.array(flat)
    vectors[is_flat] = vectors[0] * 0.5 + 0.1 * vectors[is_flat]
    others = np.flatnonzero(~is_flat)
    marks = marks_of(*["" if each else None for each in flat])
    found = matched(vectors, marks, nearest_neighbors_k=k, faiss_mode="Flat")
    if len(others) == 0:
        assert found.edges.height == 0
        return
    search = Settings.parse(nearest_neighbors_k=k, faiss_mode="Flat").search
    alone = find_neighbors(vectors[others], build_index(vectors[others], search, 1), search, 1).edges
    expected = {(int(others[a]), int(others[b])) for a, b in alone.select("from", "to").iter_rows()}
    assert pairs_of(found) == expected
    order = found.edges.sort("from", "similarity", "to", descending=[False, True, False])
    assert found.edges.equals(order)


def test_without_such_images_neighbours_stay_what_they_are() -> None:
    vectors = some_vectors(30)
    search = Settings.parse().search
    expected = find_neighbors(vectors, build_index(vectors, search, 1), search, 1)
    assert matched(vectors, marks_of(*[None] * 30)).edges.equals(expected.edges)


def test_a_crowd_of_copies_costs_k_edges_each() -> None:
    found = matched(np.ones((3000, 16), np.float32), marks_of(*["same"] * 3000))
    assert found.edges.height == 6000
    assert found.edges.filter(pl.col("from") == 2999)["to"].to_list() == [0, 1]
    assert found.edges.filter(pl.col("from") == 0)["to"].to_list() == [1, 2]


@pytest.mark.parametrize("range_search", [False, True])
def test_a_scored_set_matches_copies_in_the_train_set(range_search: bool) -> None:
    train, queries = some_vectors(8), some_vectors(3, seed=1)
    train[:4] = queries[:2] = 1
    search = Settings.parse(range_search=range_search).search
    index = build_index(train, search, 1)
    found = search_train_set(queries, train, index, search, 1)
    marks = marks_of("x", "y", None), marks_of("z", "x", "", "x", *[None] * 4)
    data = SearchData(queries, train, is_self_search=False)
    edges = match_exact_copies_alone(found, data, marks, index, search, 1).edges
    assert edges.filter(pl.col("from") < 2).select("from", "to").rows() == [(0, 1), (0, 3)]
    assert edges.filter(pl.col("from") == 2).height == 2
    assert (edges.filter(pl.col("from") == 2)["to"] >= 4).all()
