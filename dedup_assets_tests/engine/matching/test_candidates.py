"""Candidates are unordered pairs of the nearest, whatever the settings of the listed search are."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.core.records import Features
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.matching.candidates import NEAREST, find_candidates
from dedup_assets.engine.matching.crossing import Crossing
from dedup_assets.engine.neighbors import build_index
from dedup_assets.engine.work_dir import WorkDir, files, index_file
from dedup_assets.engine.work_dir.generations import generation


def candidates(
    folder: Path, vectors: NDArray[np.float32], crossing: Crossing | None = None, **values: Any
) -> pl.DataFrame:
    settings = Settings.parse(work_dir=str(folder), num_threads=1, **values)
    work_dir = WorkDir(str(folder))
    names = [b"%04d.jpg" % row for row in range(len(vectors))]
    files.save_features(work_dir, names, vectors)
    index = build_index(vectors, settings.search, 1)
    with generation(work_dir, "a run") as view:
        index_file.write_index(view, index)
    return find_candidates(settings, Features(pl.Series(names), vectors), index, work_dir, crossing=crossing)


def some_vectors(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=(count, 8)).astype(np.float32)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_candidates_are_the_nearest_by_their_cosine_each_pair_once(tmp_path: Path, distance: str) -> None:
    vectors = some_vectors(60)
    if distance == "euclidean":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)  # then both metrics order alike
    found = candidates(tmp_path, vectors, distance=distance, nearest_neighbors_k=1)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit.astype(np.float64) @ unit.T.astype(np.float64)
    np.fill_diagonal(cosine, -1)
    near = {(row, int(other)) for row in range(60) for other in np.argsort(-cosine[row])[:NEAREST]}
    expected = {(min(pair), max(pair)) for pair in near if cosine[pair] >= 0.45}
    assert set(found.select("a", "b").iter_rows()) == expected
    assert found["alike"].to_list() == sorted(found["alike"].to_list(), reverse=True)
    assert all(abs(cosine[a, b] - alike) < 1e-5 for a, b, alike in found.iter_rows())


@pytest.mark.parametrize("crowd", [NEAREST + 2, 100])
def test_two_crowds_of_equal_vectors_are_candidates_of_each_other(tmp_path: Path, crowd: int) -> None:
    one = some_vectors(1)
    other = one + np.float32(0.2) * some_vectors(2)[1:]
    found = candidates(tmp_path, np.concatenate([np.repeat(one, crowd, 0), np.repeat(other, crowd, 0)]))
    assert found.filter((pl.col("a") < crowd) & (pl.col("b") >= crowd)).height > 0


@pytest.mark.parametrize("own", [NEAREST + 2, 200])
def test_images_of_its_own_set_hide_no_image_of_another_set(tmp_path: Path, own: int) -> None:
    near, sets = some_vectors(1) + np.float32(0.01) * some_vectors(own + 3), [frozenset({"test"})] * own
    near[own:] += np.float32(0.3) * some_vectors(1)  # the three in train are a little farther away
    crossing = Crossing([*sets, *[frozenset({"train"})] * 3], frozenset({"test"}))
    across = candidates(tmp_path, near, crossing).filter((pl.col("a") < own) & (pl.col("b") >= own))
    assert set(across["a"]) == set(range(own))


def test_of_many_like_copies_in_another_set_all_up_to_64_are_candidates(tmp_path: Path) -> None:
    near = some_vectors(1) + np.float32(0.01) * some_vectors(101)
    crossing = Crossing([frozenset({"test"}), *[frozenset({"train"})] * 100], frozenset({"test"}))
    assert candidates(tmp_path, near, crossing).filter(pl.col("a") == 0).height >= 64


def test_images_in_the_same_one_set_or_in_none_are_not_between_sets() -> None:
    sets = [frozenset(names) for names in ({"train"}, {"train"}, {"test"}, {"train", "test"}, {"train", "test"}, ())]
    crossing = Crossing(sets, frozenset({"test"}))
    rows = np.arange(6)
    between = {(a, b) for a in rows for b in rows if a < b and crossing.is_between(rows[a : a + 1], rows[b : b + 1])}
    assert between == {(0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)}
    assert crossing.is_asked.tolist() == [False, False, True, True, True, False]


def test_a_single_image_has_no_candidates(tmp_path: Path) -> None:
    assert candidates(tmp_path, some_vectors(1)).height == 0
