"""A Dagster run whose steps are separate processes publishes one generation, or nothing and reports it."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import dedup_assets
from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets.pipeline.building import build_definitions
from dedup_assets_tests.support import step_processes
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


class Home:
    """An instance that step processes can open, photographs, and features of them in a work_dir."""

    def __init__(self, instance: dg.DagsterInstance, top: Path) -> None:
        self.instance, self.photos, self.out = instance, top / "photos", top / "out"
        self.model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
        for number in range(6):
            save_jpeg(self.photos / f"{number}.jpg", photo_like(number, 64, 48))
        assert dedup_assets.run(self.photos, self.out, run_mode=1, model_path=self.model) == 0

    def job(
        self, *selection: str, barrier: Path | None = None, planted: Path | None = None, checks: bool = True
    ) -> Any:
        places = {"photos": self.photos, "work_dir": self.out, "model": self.model}
        return step_processes.job(*selection, **places, barrier=barrier, planted=planted, checks=checks)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with dg.instance_for_test(overrides={"telemetry": {"enabled": False}}) as instance:
        yield Home(instance, tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.timeout(300)
def test_steps_that_end_at_the_same_moment_publish_the_run_and_note_both_results(home: Home, tmp_path: Path) -> None:
    out, barrier = home.out, tmp_path / "barrier"
    for name in ("features.bad.csv", "features.dat.bad"):
        (out / name).unlink()
    barrier.mkdir()
    with dg.execute_job(home.job("bad_images", "faiss_index", barrier=barrier), home.instance) as result:
        assert result.success
    assert len(list(barrier.iterdir())) == step_processes.TOGETHER
    assert {"features.bad.csv", "features.dat.bad", "faiss.index"} <= contents(out).keys()
    assert not (out / ".staged").exists()
    assert {"bad_images", "faiss_index", "features"} <= json.loads((out / "config.json").read_text())["results"].keys()
    with hold(WorkDir(str(out)), "the next run"):
        pass


@pytest.mark.timeout(300)
def test_a_failed_run_goes_on_with_what_it_made_unless_another_run_came_between(home: Home) -> None:
    out, instance, before = home.out, home.instance, contents(home.out)
    job = home.job("faiss_index", "similarity", "outliers", planted=out / "neighbors", checks=False)

    def fail_at_the_second_step() -> dg.DagsterRun:
        shutil.rmtree(out / "neighbors", ignore_errors=True)
        with dg.execute_job(job, instance) as result:
            assert not result.success
            steps = {event.step_key for event in result.all_events if event.is_step_success}
        (out / "neighbors").unlink()
        assert "faiss_index" in steps
        return result.dagster_run

    def go_on(failed: dg.DagsterRun) -> bool:
        again = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
        with dg.execute_job(job, instance, reexecution_options=again) as result:
            return result.success

    failed = fail_at_the_second_step()
    assert contents(out) | {".lock": b""} == before | {".lock": b""}
    assert go_on(failed)
    assert {"faiss.index", "similarity.csv", "outliers.csv"} <= contents(out).keys()

    failed = fail_at_the_second_step()
    assert dedup_assets.run("", out, run_mode=2, model_path=home.model, threshold=0.5) == 0
    published = contents(out)
    assert not go_on(failed)
    said = [str(event.dagster_event) for run in instance.get_runs() for event in instance.all_logs(run.run_id)]
    assert any("what this run had made of faiss_index is gone" in line for line in said)
    assert contents(out) == published


@pytest.fixture
def scoring(store: str, tmp_path: Path) -> Callable[..., str]:
    """Makes a train set in a work_dir, scores against it as the UI does, and gives what the failed run said."""
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)
    for number in range(4):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number, 64, 48))

    def score(place: str, instance: dg.DagsterInstance, *, meanwhile: ProgressReporter | None = None) -> str:
        given = {"model_path": str(model), "num_threads": 1}
        if not WorkDir(place).exists("faiss.index"):
            assert dedup_assets.run(tmp_path / "photos", place, **given) == 0
        definitions = build_definitions(str(tmp_path / "photos" / "0.jpg"), place, test_set=True, run_mode=3, **given)
        job = definitions.resolve_job_def("score_test_set")
        resources = {"progress": meanwhile} if meanwhile else None
        result = job.execute_in_process(instance=instance, resources=resources, raise_on_error=False)
        assert WorkDir(place).within("test").exists("similarity.csv") == result.success
        failures = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
        return "" if result.success else "\n".join(error.to_string() for error in failures if error)

    return score


def test_scores_are_refused_while_a_run_replaces_the_train_set(
    scoring: Callable[..., str], instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    assert scoring(out, instance) == ""
    shutil.rmtree(tmp_path / "out" / "test")
    with hold(WorkDir(out), "another run"):
        assert "another run" in scoring(out, instance)
    assert scoring(out, instance) == ""


def test_scores_of_the_ui_are_not_published_if_a_store_got_another_train_set(
    scoring: Callable[..., str], instance: dg.DagsterInstance, store: str
) -> None:
    class Replacing(ProgressReporter):
        def advance(self, done: int, bad: int) -> None:
            super().advance(done, bad)
            with generation(WorkDir(f"{store}/out"), "another run") as view, view.publish("outliers.csv") as (file,):
                file.write(b"from,to,distance\n")

    assert "has replaced the files" in scoring(f"{store}/out", instance, meanwhile=Replacing())
    assert scoring(f"{store}/out", instance) == ""


def test_a_run_is_refused_between_the_steps_of_another(tmp_path: Path) -> None:
    with hold(WorkDir(str(tmp_path)), "Dagster run 1", run="1", has_steps=True):
        pass
    with pytest.raises(WorkDirError, match="Dagster run 1"), hold(WorkDir(str(tmp_path)), "another run"):
        pass
