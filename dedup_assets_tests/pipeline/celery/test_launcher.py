"""The health of a run's worker, as the launcher reads it from a real Redis. test_scale_out.py kills a worker.

Celery is imported where it is used, because each process of the tests collects this module.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets_tests.support.cluster import redis_server

if TYPE_CHECKING:
    from dedup_assets.pipeline.celery.launcher import WatchfulCeleryRunLauncher

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")  # Celery's, of redis 8


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator["WatchfulCeleryRunLauncher"]:
    from dedup_assets.pipeline.celery.launcher import WatchfulCeleryRunLauncher

    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield WatchfulCeleryRunLauncher(
            worker_timeout_seconds=1, default_queue="dagster", broker=f"{url}/0", backend=f"{url}/1"
        )


@pytest.mark.parametrize(
    ("state", "facts", "said"),
    [
        ("STARTED", {"pid": 1, "hostname": "gone@here"}, "Worker 'gone@here' is gone"),
        ("SUCCESS", 0, "The Celery task has ended, but not the run"),
        ("FAILURE", RuntimeError("Worker exited prematurely"), "The Celery task failed: .*exited prematurely"),
        ("PENDING", None, "No worker has task task-PENDING"),
    ],
)
def test_a_run_without_a_living_worker_is_reported_as_failed(
    launcher: "WatchfulCeleryRunLauncher", state: str, facts: object, said: str
) -> None:
    task = f"task-{state}"
    launcher.celery.backend.store_result(task, facts, state)
    run = dg.DagsterRun(job_name="dedup", tags={"dagster-celery/task_id": task})
    health = launcher.check_run_worker_health(run)
    assert health.status == WorkerStatus.FAILED
    assert health.msg is not None
    assert re.search(said, health.msg)


def test_how_long_a_worker_may_be_silent_is_an_option_beside_those_of_dagster() -> None:
    from dedup_assets.pipeline.celery.launcher import WatchfulCeleryRunLauncher

    options = WatchfulCeleryRunLauncher.config_type()
    assert options["worker_timeout_seconds"].default_value == 30
    assert {"broker", "backend", "default_queue", "config_source"} <= options.keys()


def test_a_worker_refuses_an_instance_that_launches_runs_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dedup_assets.pipeline.celery import worker

    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with pytest.raises(SettingsError, match=r"run_launcher=DefaultRunLauncher .* needs .*WatchfulCeleryRunLauncher"):
        worker.main([])


def test_a_run_that_a_person_stops_is_canceled_and_not_launched_again(
    launcher: "WatchfulCeleryRunLauncher",
) -> None:
    from dagster._core.test_utils import create_run_for_test

    with dg.instance_for_test() as instance:
        launcher.register_instance(instance)
        tags = {"dagster-celery/task_id": "task-of-a-run"}
        run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags=tags)
        assert launcher.terminate(run.run_id)
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.CANCELING  # type: ignore[union-attr]
        unknown = create_run_for_test(instance)  # not launched yet
        assert not launcher.terminate(unknown.run_id)
