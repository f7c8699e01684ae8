"""Apply and undo on objects of S3: copied, verified, deleted on condition; killed between any two requests."""

import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from dedup_assets.engine.cleaning import ApplyOptions, PlanOptions, apply_plan, plan_of, undo_apply
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.plan_records import Applied
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets_tests.support.plans import save_copies, save_results

GROUPS = {"a.jpg": ["x/1.jpg", "x/ü 2.jpg"], "b.jpg": ["x/3.jpg"]}


class Bucket:
    """Photographs with copies on a store, and the results of a run on them."""

    def __init__(self, top: Path, url: str) -> None:
        self.url, self._store = url, fsspec.filesystem("s3", use_listings_cache=False)
        save_copies(top / "photos", GROUPS)
        for path in (top / "photos").rglob("*.jpg"):
            self.put(str(path.relative_to(top / "photos")), path.read_bytes())
        self.work_dir = top / "results"
        self.results = save_results(self.work_dir, top / "photos", GROUPS, where=url)
        self.before = self.objects()

    def put(self, name: str, content: bytes) -> None:
        self._store.pipe_file(f"{self.url}/{name}", content)

    def objects(self) -> dict[str, bytes]:
        """All objects but those of the trash folder."""
        prefix = self.url.removeprefix("s3://") + "/"
        found = (path for path in self._store.find(self.url) if "/.dedup-trash/" not in path)
        return {path.removeprefix(prefix): self._store.cat_file(path) for path in found}

    def apply(self, action: str = "trash") -> Applied:
        plan = plan_of(self.results, PlanOptions.parse(action, "exact"))
        return apply_plan(plan, self.results, ApplyOptions(threads=1), ProgressReporter())

    def undo(self, run: str) -> list[str]:
        return list(undo_apply(run, str(self.work_dir), ProgressReporter()).failed)


@pytest.fixture
def bucket(tmp_path: Path, s3_bucket: str) -> Iterator[Bucket]:
    url = f"{s3_bucket}/{tmp_path.name}"
    yield Bucket(tmp_path, url)
    fsspec.filesystem("s3").rm(url, recursive=True)


def test_objects_go_to_the_trash_and_come_back(bucket: Bucket) -> None:
    applied = bucket.apply()
    assert (applied.done, applied.skipped) == (3, [])
    assert bucket.objects().keys() == {"a.jpg", "b.jpg"}
    listed = list_images(bucket.url, ListingOptions())
    assert [os.path.basename(name) for name in listed.images["filename"]] == [b"a.jpg", b"b.jpg"]  # noqa: PTH119
    assert bucket.undo(applied.run) == []
    assert bucket.objects() == bucket.before
    assert bucket.apply().done == 3


def test_an_object_that_changed_keeps_its_group(bucket: Bucket) -> None:
    plan = plan_of(bucket.results, PlanOptions())
    bucket.put("x/1.jpg", b"other")
    applied = apply_plan(plan, bucket.results, ApplyOptions(threads=1), ProgressReporter())
    assert "x/1.jpg' has changed" in applied.skipped[0].reason
    assert bucket.objects().keys() == bucket.before.keys() - {"x/3.jpg"}


def test_an_object_is_not_put_back_over_another_one(bucket: Bucket) -> None:
    applied = bucket.apply()
    bucket.put("x/1.jpg", b"mine")
    (failed,) = bucket.undo(applied.places[0])
    assert "another object has its name" in failed
    assert bucket.objects()["x/1.jpg"] == b"mine"


def test_a_file_of_a_store_is_not_linked(bucket: Bucket) -> None:
    plan = plan_of(bucket.results, PlanOptions.parse("hardlink", "exact"))
    assert len(plan) == 0
    assert sum(plan.left_out.values()) == 3
    with pytest.raises(PlanError, match="only=exact alone"):
        PlanOptions.parse("hardlink", "copy")


def test_a_sidecar_on_a_store_goes_with_its_image_and_comes_back(bucket: Bucket) -> None:
    for name in ("b.xmp", "x/3.xmp", "x/1.aae"):
        bucket.put(name, b"notes")
    before = bucket.objects()
    applied = bucket.apply()
    assert applied.skipped == []
    assert bucket.objects().keys() == {"a.jpg", "b.jpg", "b.xmp", "x/1.aae", "x/1.jpg"}
    assert bucket.undo(applied.run) == []
    assert bucket.objects() == before
