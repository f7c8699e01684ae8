"""After images came and went, partitions of the ranges compute only what is new, and give what one run gives."""

from pathlib import Path
from typing import Any

import dagster as dg

import dedup_assets
from dedup_assets_tests.support.chosen_assets import materialize
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like

IMAGES = 14
COMPARED = ("features.dat", "features.dat.csv", "similarity.csv", "outliers.csv", "connected_components.csv")


class Workers:
    """Runs of single assets and single partitions on one work_dir, as workers of a cluster take them."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.photos, self.work_dir = folder / "photos", folder / "work"
        self.photos.mkdir()
        self.settings: dict[str, Any] = {
            "model_path": str(save_mean_model(folder / "model.onnx", ["n", 16, 16, 3], dimension=8)),
            "evidence": "off",
        }
        self.instance = instance
        for number in range(IMAGES):
            self.add(number)

    def add(self, number: int) -> None:
        photo_like(number // 2, 160, 120).save(self.photos / f"{number:02d}.jpg", "JPEG", quality=95 - number)

    def materialize(self, *names: str, partition: str | None = None) -> dict[str, Any]:
        """Metadata of the asset that was named last."""
        ranges = {"shard_size": 5, "search_range_size": 6}
        config = {"input_dir": str(self.photos), "work_dir": str(self.work_dir), **ranges, **self.settings}
        given: dict[str, Any] = {"settings": config, "partition": partition, "checks": False}
        result = materialize("dedup_assets.scale_out", *names, instance=self.instance, **given)
        made = [each.materialization for each in result.get_asset_materialization_events()]
        found = [each for each in made if each.asset_key.path[-1] == names[-1]]
        return {key: value.value for each in found for key, value in each.metadata.items()}

    def backfill(self, name: str, partitions: str) -> list[dict[str, Any]]:
        """The metadata of each partition, one after the other."""
        return [self.materialize(name, partition=key) for key in self.instance.get_dynamic_partitions(partitions)]

    def run(self) -> tuple[list[int], list[dict[str, Any]], str]:
        """All of it; the images that each partition has computed, what each search and what similarity say."""
        self.materialize("image_manifest")
        computed = [facts["computed_images"] for facts in self.backfill("feature_shards", "offset_ranges")]
        self.materialize("features", "bad_images", "faiss_index")
        searched = self.backfill("neighbor_shards", "row_ranges")
        found = self.materialize("outliers", "similarity")["search"]
        self.materialize("components")
        return computed, searched, found


def test_partitions_compute_and_search_for_only_what_is_new(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    workers = Workers(tmp_path, instance)
    computed, searched, _ = workers.run()
    assert (sum(computed), sum(facts["searched_images"] for facts in searched)) == (IMAGES, IMAGES)
    workers.add(IMAGES)
    (workers.photos / "03.jpg").unlink()
    computed, searched, found = workers.run()
    assert sum(computed) == 1
    again = sum(facts["searched_images"] for facts in searched)
    assert 0 < again < IMAGES / 2
    assert all(facts["searched_images"] + facts["kept_images"] == facts["images"] for facts in searched)
    # The first worker keeps the neighbours of all ranges, and similarity finds all done.
    assert [facts["found_done"] for facts in searched] == [False, *[True] * len(searched[1:])]
    assert found == f"searched {again} of {IMAGES} images; {IMAGES - again} kept; {IMAGES} found done"
    alone = tmp_path / "alone"
    assert dedup_assets.run(workers.photos, alone, **workers.settings) == 0
    for name in COMPARED:
        assert (workers.work_dir / name).read_bytes() == (alone / name).read_bytes(), name
