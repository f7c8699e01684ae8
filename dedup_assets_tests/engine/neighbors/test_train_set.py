"""Scoring against a train set: edges lead to the train set, scores are exact, foreign indexes are checked."""

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import SearchError
from dedup_assets.engine.core.records import SearchIndex
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import build_index, check_index, search_train_set, usable_index


def search(**given: object) -> SearchSettings:
    return Settings.parse(**given).search


def some_vectors(seed: int, rows: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((rows, 24)).astype(np.float32)


TRAIN = some_vectors(0, 300)
QUERIES = np.concatenate([TRAIN[[7, 7, 150]] + 1e-4, some_vectors(1, 20)])


@pytest.mark.parametrize("distance", ["cosine", "euclidean", "squared_euclidean", "manhattan"])
@pytest.mark.parametrize(
    "method",
    [
        {"faiss_mode": "HNSW32"},
        {"nn_provider": "turi", "nnmodel": "brute_force"},
        {"nn_provider": "turi", "nnmodel": "ball_tree", "nearest_neighbors_k": 1},
        {"nn_provider": "turi", "nnmodel": "lsh"},
    ],
)
def test_near_copies_are_found_by_every_method_and_metric(distance: str, method: dict[str, object]) -> None:
    how = search(distance=distance, **method)
    found = search_train_set(QUERIES, TRAIN, build_index(TRAIN, how, threads=2), how, threads=2)
    best = found.edges.group_by("from", maintain_order=True).first()
    assert best["to"].head(3).to_list() == [7, 7, 150]
    assert best["similarity"].head(3).min() > 0.99  # type: ignore[operator]
    assert found.images == len(QUERIES)


def test_scores_are_those_of_exact_comparison() -> None:
    how = search(faiss_mode="SQ8", nearest_neighbors_k=3)
    edges = search_train_set(QUERIES, TRAIN, build_index(TRAIN, how, 1), how, 1).edges
    left, right = QUERIES[edges["from"]], TRAIN[edges["to"]]
    cosines = (left * right).sum(1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
    assert np.allclose(edges["similarity"], cosines, atol=1e-5)


def test_an_image_of_both_sets_finds_itself() -> None:
    how = search(nearest_neighbors_k=1)
    edges = search_train_set(TRAIN, TRAIN, build_index(TRAIN, how, 1), how, 1).edges
    assert (edges["from"] == edges["to"]).all()


@pytest.mark.parametrize("rows", [1, 2])
def test_a_train_set_smaller_than_k_gives_all_of_it(rows: int) -> None:
    how = search(nearest_neighbors_k=9)
    found = search_train_set(QUERIES, TRAIN[:rows], build_index(TRAIN[:rows], how, 1), how, 1)
    assert found.edges.height == len(QUERIES) * rows
    assert found.recall_at_k == 1


def test_queries_of_another_dimension_are_refused() -> None:
    how = search()
    with pytest.raises(SearchError, match="5 values, the train set of 24"):
        search_train_set(np.ones((1, 5), np.float32), TRAIN, build_index(TRAIN, how, 1), how, 1)


def test_an_index_over_other_vectors_is_refused() -> None:
    with pytest.raises(SearchError, match="holds 300 vectors"):
        check_index(build_index(TRAIN, search(), 1), TRAIN[:299])


def fastdup_index(vectors: NDArray[np.float32]) -> SearchIndex:
    index = faiss.IndexFlatIP(24)
    index.add(vectors)
    return SearchIndex(index, "cosine", by_fastdup=True)


def test_an_index_of_fastdup_over_these_vectors_is_used() -> None:
    index = fastdup_index(TRAIN / np.linalg.norm(TRAIN, axis=1, keepdims=True))
    assert usable_index(index, TRAIN, search(), 1) is index


@pytest.mark.parametrize("held", [np.concatenate([TRAIN, np.zeros((1, 24), np.float32)]), TRAIN[::-1], TRAIN])
def test_an_index_of_fastdup_over_other_vectors_is_built_anew(held: NDArray[np.float32]) -> None:
    how = search(faiss_mode="Flat")
    index = usable_index(fastdup_index(held.copy()), TRAIN, how, 1)
    check_index(index, TRAIN)
    edges = search_train_set(TRAIN[:5], TRAIN, index, how, 1).edges
    assert edges.filter(edges["from"] == edges["to"]).height == 5


def test_an_index_of_ours_is_used_as_it_is() -> None:
    index = SearchIndex(fastdup_index(TRAIN).index, "cosine")
    assert usable_index(index, TRAIN, search(), 1) is index
