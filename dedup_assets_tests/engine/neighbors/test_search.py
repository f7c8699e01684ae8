"""Neighbours of every provider and metric equal those of a plain numpy reference."""

from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import SearchError
from dedup_assets.engine.core.records import Neighbors
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import build_index, find_neighbors
from dedup_assets.engine.neighbors.similarity import similarities

METRICS = ["cosine", "euclidean", "squared_euclidean", "manhattan"]
EXACT: list[dict[str, Any]] = [{"nn_provider": "turi"}, {"faiss_mode": "Flat"}]
APPROXIMATE: list[dict[str, Any]] = [
    {"faiss_mode": "HNSW32"},
    {"faiss_mode": "IVF8,Flat", "faiss_param": "nprobe=4"},
    {"faiss_mode": "SQ8"},
    {"nn_provider": "turi", "nnmodel": "ball_tree"},
    {"nn_provider": "turi", "nnmodel": "lsh"},
]
DUPLICATES = [(10, 11), (50, 250), (0, 299)]  # planted: the second is a copy of the first


@pytest.fixture(scope="module")
def photos() -> NDArray[np.float32]:
    """300 vectors in 30 clusters of ten, three exact copies among them."""
    random = np.random.default_rng(7)
    centres = np.repeat(random.normal(size=(30, 32)), 10, axis=0)
    vectors = (centres + 0.3 * random.normal(size=(300, 32))).astype(np.float32)
    for original, copy in DUPLICATES:
        vectors[copy] = vectors[original]
    return vectors


def reference(vectors: NDArray[np.float32], distance: str) -> NDArray[np.float64]:
    """All similarities in float64, by docs/reference.md, "Similarity"; -inf between a row and itself."""
    rows = vectors.astype(np.float64)
    if distance == "cosine":
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows / np.where(lengths > 0, lengths, 1)
        scores = rows @ rows.T
    else:
        difference = rows[:, None, :] - rows[None, :, :]
        length = np.abs(difference).sum(axis=2) if distance == "manhattan" else (difference**2).sum(axis=2)
        scores = 1 / (1 + (np.sqrt(length) if distance == "euclidean" else length))
    np.fill_diagonal(scores, -np.inf)
    return scores


def search(vectors: NDArray[np.float32], threads: int = 1, **values: Any) -> Neighbors:
    asked = Settings.parse(**values).search
    return find_neighbors(vectors, build_index(vectors, asked, threads), asked, threads)


def per_row(neighbors: Neighbors) -> dict[int, list[tuple[int, float]]]:
    rows: dict[int, list[tuple[int, float]]] = {}
    for row, other, score in neighbors.edges.iter_rows():
        rows.setdefault(row, []).append((other, score))
    return rows


@pytest.fixture(scope="module")
def true_of(photos: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """All similarities of the photos by metric."""
    return {distance: reference(photos, distance) for distance in METRICS}


@pytest.mark.parametrize(("method", "distance"), list(product(EXACT, METRICS)))
def test_exact_search_finds_just_the_k_most_similar_of_every_row(
    photos: NDArray[np.float32], true_of: dict[str, NDArray[np.float64]], method: dict[str, Any], distance: str
) -> None:
    neighbors = search(photos, distance=distance, nearest_neighbors_k=3, **method)
    true = true_of[distance]
    for row, found in per_row(neighbors).items():
        best = np.sort(true[row])[::-1][:3]
        assert np.allclose([score for _, score in found], best, atol=2e-6)
        assert np.allclose([true[row, other] for other, _ in found], best, atol=2e-6)
    assert neighbors.recall_at_k == 1


@pytest.mark.parametrize(("method", "distance"), list(product(EXACT + APPROXIMATE, METRICS)))
def test_every_method_and_metric_scores_exactly_and_finds_planted_duplicates(
    photos: NDArray[np.float32], true_of: dict[str, NDArray[np.float64]], method: dict[str, Any], distance: str
) -> None:
    if method.get("faiss_mode") == "SQ8" and distance == "manhattan":
        pytest.skip("faiss has no such index")
    neighbors = search(photos, distance=distance, **method)
    true = true_of[distance]
    rows = per_row(neighbors)
    assert sorted(rows) == list(range(300))
    for row, found in rows.items():
        assert len(found) == 2
        assert row not in [other for other, _ in found]
        assert found == sorted(found, key=lambda edge: (-edge[1], edge[0]))
        assert np.allclose([score for _, score in found], [true[row, other] for other, _ in found], atol=2e-6)
    for original, copy in DUPLICATES:
        assert rows[original][0] == (copy, 1.0)
        assert rows[copy][0] == (original, 1.0)
    assert neighbors.recall_at_k is not None
    assert neighbors.recall_at_k > 0.9


def test_similarity_is_larger_for_what_is_closer_whatever_the_metric() -> None:
    vectors = np.array([[1, 0], [1, 0.1], [1, 0.5], [-1, 3]], np.float32)
    for distance in METRICS:
        found = per_row(search(vectors, distance=distance, nearest_neighbors_k=3, faiss_mode="Flat"))
        assert [other for other, _ in found[0]] == [1, 2, 3]


@pytest.mark.parametrize("method", [*EXACT, {"faiss_mode": "HNSW32"}, *APPROXIMATE[3:]])
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_where_there_are_fewer_than_k_others_all_of_them_are_found(method: dict[str, Any], rows: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(rows, 16)).astype(np.float32)
    neighbors = search(vectors, nearest_neighbors_k=10, **method)
    expected = {(row, other) for row in range(rows) for other in range(rows) if row != other}
    assert set(neighbors.edges.select("from", "to").iter_rows()) == expected
    assert neighbors.images == rows
    assert (neighbors.recall_at_k is None) == (rows == 1)


@pytest.mark.parametrize("method", [*EXACT, {"faiss_mode": "HNSW32"}])
def test_among_many_exact_copies_each_has_k_others(method: dict[str, Any]) -> None:
    vectors = np.ones((200, 16), np.float32)
    vectors[100:] = -1
    for row, found in per_row(search(vectors, nearest_neighbors_k=4, **method)).items():
        assert len(found) == 4
        assert {other // 100 for other, _ in found} == {row // 100}
        assert {score for _, score in found} == {1.0}


@pytest.mark.parametrize("distance", METRICS)
@pytest.mark.parametrize("method", [*EXACT, *APPROXIMATE[:1]])
def test_a_vector_of_zeros_has_neighbours_without_likeness_and_harms_no_other(
    photos: NDArray[np.float32], method: dict[str, Any], distance: str
) -> None:
    vectors = photos.copy()
    vectors[20] = 0
    neighbors = search(vectors, distance=distance, **method)
    assert neighbors.edges["similarity"].is_finite().all()
    assert per_row(neighbors)[10][0] == (11, 1.0)
    if distance == "cosine":
        assert {score for _, score in per_row(neighbors)[20]} == {0.0}


def test_the_number_of_threads_and_the_run_change_no_result(photos: NDArray[np.float32]) -> None:
    for method in EXACT + APPROXIMATE:
        first, *others = (search(photos, threads, **method) for threads in (1, 1, 2))
        assert all(other.edges.equals(first.edges) for other in others)


def test_an_index_over_other_vectors_is_refused_with_both_sizes(photos: NDArray[np.float32]) -> None:
    asked = Settings.parse().search
    index = build_index(photos[:299], asked, 1)
    with pytest.raises(SearchError, match=r"holds 299 vectors of 32 values, but the features are 300 of 32"):
        find_neighbors(photos, index, asked, 1)
    with pytest.raises(SearchError, match=r"the features are 299 of 16"):
        find_neighbors(np.ascontiguousarray(photos[:299, :16]), index, asked, 1)


def test_what_faiss_refuses_while_searching_is_an_error_of_ours(photos: NDArray[np.float32]) -> None:
    asked = Settings.parse(faiss_mode="IVF8,Flat").search
    index = build_index(photos, asked, 1)
    index.index.nprobe = 0  # a faiss file from elsewhere may hold this value
    with pytest.raises(SearchError, match=r"faiss_mode='IVF8,Flat' cannot be searched: .*nprobe"):
        find_neighbors(photos, index, asked, 1)


def test_recall_is_the_share_of_true_neighbours_that_was_found(photos: NDArray[np.float32]) -> None:
    asked = Settings.parse(faiss_mode="IVF30,Flat").search
    vectors = np.random.default_rng(1).normal(size=(300, 32)).astype(np.float32)
    neighbors = find_neighbors(vectors, build_index(vectors, asked, 1), asked, 1)
    true = reference(vectors, "cosine")
    hits = sum(
        score >= np.sort(true[row])[-2] - 1e-6 for row, found in per_row(neighbors).items() for _, score in found
    )
    assert neighbors.recall_at_k == pytest.approx(hits / 600)


def test_edges_are_compact_and_ordered(photos: NDArray[np.float32]) -> None:
    edges = search(photos).edges
    assert dict(edges.schema) == {"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32}
    assert edges.equals(edges.sort("from", "similarity", "to", descending=[False, True, False]))


finite = st.floats(-1e3, 1e3, width=32)


@settings(max_examples=50)
@given(
    pair=st_numpy.arrays(np.float32, (2, 5), elements=finite),
    distance=st.sampled_from(METRICS),
)
def test_similarity_is_1_for_itself_symmetric_and_never_above_1(pair: NDArray[np.float32], distance: Any) -> None:
    if distance == "cosine":
        lengths = np.linalg.norm(pair, axis=1, keepdims=True)
        if not lengths.all():
            return
        pair = (pair / lengths).astype(np.float32)
    left, right = pair[:1], pair[1:]
    there = similarities(left, right[:, None, :], distance).item()
    assert there == similarities(right, left[:, None, :], distance).item()
    assert -1 <= there <= 1
    assert similarities(left, left[:, None, :], distance).item() == pytest.approx(1, abs=1e-6)
    assert there == round(there, 6)
