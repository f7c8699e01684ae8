"""The Celery profile on real servers: two workers share the work, and one of them is killed in the middle."""

import time
from collections.abc import Iterator
from functools import cache
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
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.pipeline.jobs import ASSETS_OF_MODE
from dedup_assets_tests.support.cluster import Cluster, cluster, kill, wait_for
from dedup_assets_tests.support.pictures import photo_like

IMAGES = 12
IN_THE_MIDDLE = "photos/07.jpg"
INPUT, WORK = "s3://scale-out/photos", "s3://scale-out/work"
SETTINGS = {"input_dir": INPUT, "work_dir": WORK, "shard_size": 5, "search_range_size": 6}
RUN_CONFIG = {"resources": {"settings": {"config": SETTINGS}}}
# Not compared: files that hold settings that differ, are kept for later runs, or exist only on disks.
NOT_COMPARED = {"config.json", "gallery", "shards", "neighbors", ".lock", ".published.json"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Cluster]:
    with cluster(tmp_path) as made:
        s3fs.S3FileSystem.clear_instance_cache()  # a cached client would ask the server of another test
        yield made
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(running: Cluster) -> Any:
    """Six photographs, two copies of each, and a broken file."""
    made = boto3.resource("s3").Bucket("scale-out")
    made.create()
    for number in range(IMAGES):
        content = BytesIO()
        photo_like(number // 2, 160, 120).save(content, "JPEG", quality=90 - number)
        made.put_object(Key=f"photos/{number:02d}.jpg", Body=content.getvalue())
    made.put_object(Key="photos/broken.jpg", Body=b"\xff\xd8 no picture")
    return made


@cache
def location() -> dg.Definitions:
    """The code location; first asked for when the environment is the cluster's."""
    return build_definitions(scale_out=True)


def materialize(instance: dg.DagsterInstance, *assets: str) -> dict[str, dict[str, Any]]:
    """Materialize unpartitioned assets of the cluster's work_dir; returns their metadata."""
    defs = location()
    result = dg.materialize(
        [*(defs.assets or []), *(defs.asset_checks or [])],  # type: ignore[list-item]
        selection=dg.AssetSelection.assets(*assets),
        instance=instance,
        resources=dict(defs.resources or {}),
        run_config={**RUN_CONFIG, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    found = [event.materialization for event in result.get_asset_materialization_events()]
    return {made.asset_key.path[-1]: {key: value.value for key, value in made.metadata.items()} for made in found}


def backfill(instance: dg.DagsterInstance, asset: str) -> None:
    """Request a backfill of all ranges of an asset, as the UI does."""
    asked = PartitionBackfill.from_asset_partitions(
        backfill_id=asset,
        asset_graph=location().resolve_asset_graph(),
        partition_names=None,
        asset_selection=[dg.AssetKey(asset)],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=True,
        title=None,
        description=None,
        run_config=RUN_CONFIG,
    )
    instance.add_backfill(asked)


def outcome(instance: dg.DagsterInstance, asset: str) -> BulkActionStatus | None:
    """The final status of a backfill; None while it runs."""
    status = instance.get_backfill(asset).status  # type: ignore[union-attr]  # it was added
    return None if status == BulkActionStatus.REQUESTED else status


def runs_of(instance: dg.DagsterInstance, asset: str) -> list[dg.DagsterRun]:
    return instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": asset}))


def messages(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """All messages in the log of a run."""
    return "\n".join(str(event.message) for event in instance.all_logs(run.run_id))


def run_alone(work_dir: Path) -> Path:
    """Run the same photographs on one machine without the cluster."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("DAGSTER_HOME")
        assert dedup_assets.run(INPUT, str(work_dir)) == 0
    return work_dir


def worker_of(instance: dg.DagsterInstance, key: str) -> str | None:
    """The name of the worker that runs a partition; None if it is not known yet."""
    celery = instance.run_launcher.celery  # type: ignore[attr-defined]
    for run in runs_of(instance, "feature_shards"):
        if run.tags["dagster/asset_partition_range_start"] == key and (task := run.tags.get("dagster-celery/task_id")):
            facts = celery.AsyncResult(task).info
            return facts.get("hostname") if isinstance(facts, dict) else None
    return None


@pytest.mark.timeout(600)
def test_workers_of_which_one_is_killed_give_the_bytes_of_one_machine(
    running: Cluster, bucket: Any, tmp_path: Path
) -> None:
    with dg.DagsterInstance.get() as instance:
        workers = {name: running.start_worker(name) for name in ("one@here", "two@here")}
        running.start_daemon()
        alone = run_alone(tmp_path / "alone")

        materialize(instance, "image_manifest")
        running.gate.close(IN_THE_MIDDLE)
        backfill(instance, "feature_shards")
        wait_for("a worker reads the photograph in the middle", running.gate.reached.is_set)
        killed = wait_for("its worker is known", lambda: worker_of(instance, "000000000005-000000000010"))
        kill(workers[killed])
        running.gate.open()
        running.start_worker("three@here")

        assert wait_for("extraction", lambda: outcome(instance, "feature_shards")) == BulkActionStatus.COMPLETED_SUCCESS
        # On a busy machine a living worker may answer too late; its run is then launched again as well.
        runs = runs_of(instance, "feature_shards")
        lost = [run for run in runs if f"Worker '{killed}' is gone" in messages(instance, run)]
        assert lost
        assert {run.run_id for run in lost} <= {run.parent_run_id for run in runs}

        made = materialize(instance, "features", "bad_images", "faiss_index")
        assert made["features"]["computed_images"] == 0
        backfill(instance, "neighbor_shards")
        assert wait_for("search", lambda: outcome(instance, "neighbor_shards")) == BulkActionStatus.COMPLETED_SUCCESS
        first_runs = [run for run in runs_of(instance, "neighbor_shards") if run.parent_run_id is None]
        assert len(first_runs) == IMAGES // SETTINGS["search_range_size"]  # type: ignore[operator]
        materialize(instance, *ASSETS_OF_MODE[RunMode.EVERYTHING][4:])

    files = {path.relative_to(alone).as_posix(): path.read_bytes() for path in alone.rglob("*") if path.is_file()}
    results = {name: content for name, content in files.items() if name.split("/")[0] not in NOT_COMPARED}
    assert results.keys() >= {"features.dat", "faiss.index", "similarity.csv", "connected_components.csv"}
    stored = {entry.key.removeprefix("work/"): entry for entry in bucket.objects.filter(Prefix="work/")}
    assert results.keys() <= stored.keys()
    assert "gallery/index.html" in stored
    differing = [name for name, content in results.items() if stored[name].get()["Body"].read() != content]
    assert differing == []
