"""Runs after images came, went and moved publish the bytes of one run over what is there."""

import logging
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dedup_assets
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

SAME = ("features.dat", "features.dat.csv", "similarity.csv", "outliers.csv", "neighbors.parquet")
SAME_GRAPH = ("components_info.csv", "connected_components.csv", "related.csv")


def save(folder: Path, *seeds: int) -> None:
    for seed in seeds:
        save_jpeg(folder / f"{seed:03d}.jpg", photo_like(seed // 2, 96, 72), quality=80 + 10 * (seed % 2))


def test_four_increments_publish_what_one_run_publishes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    photos = tmp_path / "photos"
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)

    def run(work_dir: str) -> Path:
        settings: dict[str, Any] = {"nearest_neighbors_k": 3, "threshold": 0.5}
        assert dedup_assets.run(str(photos), str(tmp_path / work_dir), model_path=model, **settings) == 0
        return tmp_path / work_dir

    save(photos / "one", *range(30))
    save(photos / "two", *range(30, 40))
    run("living")
    save(photos / "two", 40, 41)
    run("living")
    (photos / "one" / "004.jpg").unlink()
    (photos / "one" / "009.jpg").unlink()
    run("living")
    save(photos / "one", 50)
    (photos / "one" / "050.jpg").rename(photos / "one" / "007.jpg")  # an edited file
    run("living")
    (photos / "two").rename(photos / "three")
    living, full = run("living"), run("full")
    assert caplog.text.count(" kept") >= 4
    for name in (*SAME, *SAME_GRAPH):
        assert (living / name).read_bytes() == (full / name).read_bytes(), name
    groups = [pl.read_csv(folder / "groups.csv").drop("group_id") for folder in (living, full)]
    assert groups[0].sort("filename").equals(groups[1].sort("filename"))
