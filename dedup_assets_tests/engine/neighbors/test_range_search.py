"""Range search finds all pairs above the threshold, not only the k nearest, up to a limit per image."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.core.records import Neighbors
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.graph import build_components
from dedup_assets.engine.neighbors import build_index, find_neighbors, indexes
from dedup_assets.engine.neighbors.similarity import normalized


@pytest.fixture(scope="module")
def photos() -> NDArray[np.float32]:
    """Clusters of 1 to 40 near-identical rows."""
    random = np.random.default_rng(5)
    sizes = [1, 2, 3, 5, 9, 17, 40] * 5
    centres = np.repeat(random.normal(size=(len(sizes), 32)), sizes, axis=0)
    return (centres + 0.1 * random.normal(size=centres.shape)).astype(np.float32)


def search(vectors: NDArray[np.float32], **values: Any) -> Neighbors:
    asked = Settings.parse(range_search=True, threshold=0.9, **values).search
    return find_neighbors(vectors, build_index(vectors, asked, 1), asked, 1)


@pytest.mark.parametrize("mode", ["auto", "HNSW32", "inverted file"])
def test_all_pairs_above_the_threshold_are_found(
    photos: NDArray[np.float32], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "inverted file":
        monkeypatch.setattr(indexes, "_EXACT_ROWS", 100)
    edges = search(photos, faiss_mode="auto" if mode == "inverted file" else mode).edges
    rows = normalized(photos).astype(np.float64)
    likeness = np.round(rows @ rows.T, 6)
    np.fill_diagonal(likeness, -1)
    expected = set(zip(*(place.tolist() for place in np.nonzero(likeness >= 0.9)), strict=True))
    found = edges.filter(pl.col("similarity") >= 0.9)
    assert set(found.select("from", "to").iter_rows()) == expected
    assert edges.group_by("from").len()["len"].min() == 2  # the k nearest stay, similar or not
    assert edges.equals(edges.sort("from", "similarity", "to", descending=[False, True, False]))
    assert not edges.select("from", "to").is_duplicated().any()


def test_thousands_of_identical_images_are_bounded_and_stay_in_one_component() -> None:
    vectors = np.random.default_rng(0).normal(size=(3000, 16)).astype(np.float32)
    vectors[:2500] = vectors[0]
    neighbors = search(vectors, range_search_limit=50)
    counts = neighbors.edges.filter(pl.col("from") < 2500).group_by("from").len()["len"]
    assert counts.unique().to_list() == [50]
    graph = Settings.parse(threshold=0.9).graph
    assert build_components(neighbors, graph).info["count"][0] == 2500


def test_the_limit_never_takes_away_from_the_k_nearest(photos: NDArray[np.float32]) -> None:
    edges = search(photos, nearest_neighbors_k=5, range_search_limit=1).edges
    assert edges.group_by("from").len()["len"].unique().to_list() == [5]
