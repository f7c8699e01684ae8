"""Workers share the comparisons of pictures, and the result is that of one machine."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from PIL import ImageOps

import dedup_assets
from dedup_assets_tests.pipeline.sharding.test_increments import Workers
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

COMPARED = ("evidence.parquet", "evidence.csv", "evidence_images.parquet", "groups.csv", "related.csv")


def save_copies(folder: Path) -> None:
    """Four photographs with three copies each; names of copies are far apart, so that ranges cut through the groups."""
    for seed in range(4):
        picture = photo_like(seed, 400, 300)
        save_jpeg(folder / f"a{seed}.jpg", picture, 95)
        save_jpeg(folder / f"b{seed}.jpg", picture, 40)
        save_jpeg(folder / f"c{seed}.jpg", ImageOps.mirror(picture))
        save_jpeg(folder / f"d{seed}.jpg", picture.crop((30, 20, 380, 290)))


@pytest.mark.parametrize("shared", [1, 3], ids=["one range of three", "all ranges"])
def test_evidence_of_ranges_is_that_of_one_machine(shared: int, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    workers = Workers(tmp_path, instance)
    for photo in workers.photos.iterdir():
        photo.unlink()
    save_copies(workers.photos)
    workers.settings |= {"evidence": "on", "search_range_size": 6}
    workers.materialize("image_manifest")
    workers.materialize("features", "bad_images", "faiss_index")
    workers.materialize("outliers", "similarity")
    keys = list(workers.instance.get_dynamic_partitions("row_ranges"))
    assert len(keys) == 3
    made = [workers.materialize("evidence_shards", partition=key) for key in keys[:shared]]
    assert all(facts["compared_pairs"] > 0 for facts in made)
    assert sum(facts["images"] for facts in made) == 6 * shared
    again = workers.materialize("evidence_shards", partition=keys[0])
    assert again["compared_pairs"] == 0
    found = workers.materialize("evidence")
    workers.materialize("groups")
    for path in workers.work_dir.glob(f"neighbors/*/{keys[0]}.parquet"):
        if "found" in pl.read_parquet_schema(path):
            path.unlink()
    known = workers.materialize("evidence_shards", partition=keys[0])
    assert (known["compared_pairs"], known["answered"] > 0) == (0, True)
    assert found["remembered_pairs"] > 0
    alone = tmp_path / "alone"
    assert dedup_assets.run(workers.photos, alone, **workers.settings) == 0
    for name in COMPARED:
        assert (workers.work_dir / name).read_bytes() == (alone / name).read_bytes(), name


def test_a_damaged_range_is_compared_again(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    workers = Workers(tmp_path, instance)
    workers.settings["evidence"] = "on"
    workers.materialize("image_manifest")
    workers.materialize("features", "bad_images", "faiss_index")
    workers.materialize("outliers", "similarity")
    (key, *_) = workers.instance.get_dynamic_partitions("row_ranges")
    workers.materialize("evidence_shards", partition=key)
    ranges = workers.work_dir.glob(f"neighbors/*/{key}.parquet")
    (made,) = (path for path in ranges if "found" in pl.read_parquet_schema(path))
    content = bytearray(made.read_bytes())
    content[len(content) // 2] ^= 1
    made.write_bytes(content)
    workers.materialize("evidence")
    alone = tmp_path / "alone"
    assert dedup_assets.run(workers.photos, alone, **workers.settings) == 0
    assert (workers.work_dir / "evidence.csv").read_bytes() == (alone / "evidence.csv").read_bytes()
