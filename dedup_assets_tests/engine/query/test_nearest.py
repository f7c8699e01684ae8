"""One vector at a time finds the rows that are nearest by the vectors themselves, whatever the index is."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import as_inverted_file, build_index
from dedup_assets.engine.neighbors.similarity import prepared, similarities
from dedup_assets.engine.query.nearest import NearestRows

K = 10


def spread(rows: int, seed: int = 0, dimension: int = 64) -> NDArray[np.float32]:
    """Vectors in clusters, as those of pictures are."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((200, dimension), np.float32)
    drawn = centres[random.integers(0, 200, rows)] + 0.7 * random.standard_normal((rows, dimension), np.float32)
    return drawn.astype(np.float32)


def true_similarities(vectors: NDArray[np.float32], query: NDArray[np.float32], distance: str) -> NDArray[np.float64]:
    one = prepared(query[None], distance)  # type: ignore[arg-type]  # one of the metrics
    return similarities(one, prepared(vectors, distance)[None], distance)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("distance", ["cosine", "euclidean", "squared_euclidean", "manhattan"])
@pytest.mark.parametrize("mode", ["Flat", "HNSW16", None])
def test_found_rows_are_the_nearest_by_every_metric(distance: str, mode: str | None) -> None:
    vectors = spread(600)
    search = Settings.parse(distance=distance, faiss_mode=mode or "Flat").search
    index = build_index(vectors, search, 1) if mode else None
    nearest = NearestRows(vectors, index, search)
    for query in spread(5, seed=1):
        rows, alike = nearest.find(query, K)
        true = true_similarities(vectors, query, distance)
        assert alike.tolist() == true[rows].tolist()
        assert alike.tolist() == np.sort(true)[::-1][:K].tolist()


def test_a_large_index_finds_99_of_100_neighbours_of_images_from_elsewhere() -> None:
    vectors = spread(30_000)
    search = Settings.parse(recall_target=0.99).search
    index = build_index(vectors, search, 1)
    assert as_inverted_file(index.index) is not None
    nearest = NearestRows(vectors, index, search)
    hits = 0
    for query in spread(200, seed=2):
        _, alike = nearest.find(query, K)
        bar = np.sort(true_similarities(vectors, query, "cosine"))[-K]
        hits += int((alike >= bar - 1e-6).sum())
    assert hits >= 0.99 * 200 * K


def test_a_row_that_is_excluded_is_not_found_and_others_take_its_place() -> None:
    vectors = spread(500)
    excluded = np.zeros(500, np.bool_)
    search = Settings.parse().search
    index = build_index(vectors, search, 1)
    excluded[NearestRows(vectors, index, search).find(vectors[7], 200)[0]] = True
    rows, _ = NearestRows(vectors, index, search, excluded).find(vectors[7], K)
    assert len(rows) == K
    assert not excluded[rows].any()


def test_near_copies_that_the_codes_cannot_order_are_ordered_by_the_vectors() -> None:
    vectors = spread(25_000)
    vectors[:2000] = vectors[0] + 1e-3 * np.random.default_rng(3).standard_normal((2000, 64), np.float32)
    search = replace(Settings.parse().search, distance="cosine")
    nearest = NearestRows(vectors, build_index(vectors, search, 1), search)
    _, alike = nearest.find(vectors[1500], 3)
    assert alike[0] == 1.0
