"""The cluster profile for real: two workers, a backfill, and one of them dies in the middle."""

import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
import s3fs
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

import dedup_assets
from dedup_assets.definitions import build_definitions
from dedup_assets_tests.cluster import Cluster, cluster, kill, wait_for
from dedup_assets_tests.conftest import photo_like

IMAGES, WIDTH = 12, 2


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Cluster]:
    with cluster(tmp_path) as made:
        s3fs.S3FileSystem.clear_instance_cache()
        yield made
    s3fs.S3FileSystem.clear_instance_cache()


def upload() -> Any:
    bucket = boto3.resource("s3").Bucket("scale-out")
    bucket.create()
    for number in range(IMAGES):
        content = BytesIO()
        photo_like(number // 2, 160, 120).save(content, "JPEG", quality=90 - number)
        bucket.put_object(Key=f"photos/{number:02d}.jpg", Body=content.getvalue())
    return bucket


def config(work_dir: str) -> dict[str, Any]:
    return {"input_dir": "s3://scale-out/photos", "work_dir": work_dir, "shard_size": WIDTH}


def run_config(work_dir: str) -> dict[str, Any]:
    return {"resources": {"settings": {"config": config(work_dir)}}}


def materialize(instance: dg.DagsterInstance, *assets: str) -> None:
    defs = build_definitions()
    result = dg.materialize(
        [*(defs.assets or []), *(defs.asset_checks or [])],  # type: ignore[list-item]
        selection=dg.AssetSelection.assets(*assets),
        instance=instance,
        resources=dict(defs.resources or {}),
        run_config={**run_config("s3://scale-out/work"), "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    assert result.success


def backfill(instance: dg.DagsterInstance, asset: str) -> PartitionBackfill:
    asked = PartitionBackfill.from_asset_partitions(
        backfill_id=asset[:8],
        asset_graph=build_definitions().resolve_asset_graph(),
        partition_names=None,
        asset_selection=[dg.AssetKey(asset)],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=True,
        title=None,
        description=None,
        run_config=run_config("s3://scale-out/work"),
    )
    instance.add_backfill(asked)
    return asked


def test_a_backfill_survives_a_worker_that_is_killed_and_gives_the_bytes_of_one_machine(
    running: Cluster, tmp_path: Path
) -> None:
    bucket = upload()
    with dg.DagsterInstance.get() as instance:
        workers = {name: running.start_worker(name) for name in ("one@here", "two@here")}
        materialize(instance, "image_manifest")
        running.gate.close("/photos/05.jpg")
        asked = backfill(instance, "feature_shards")
        running.start_daemon()
        assert dedup_assets.run(**{**config(str(tmp_path / "alone")), "input_dir": "s3://scale-out/photos"}) == 0
