"""A Dagster run whose steps are separate processes publishes one generation, or nothing and reports it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

import dedup_assets
from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets_tests.support import step_processes
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance that step processes can open, with variables for photographs, model and work_dir."""
    for number in range(6):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number, 64, 48))
    monkeypatch.setenv("STEPS_PHOTOS", str(tmp_path / "photos"))
    monkeypatch.setenv("STEPS_WORK_DIR", str(tmp_path / "out"))
    monkeypatch.setenv("STEPS_MODEL", save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8))
    with dg.instance_for_test(overrides={"telemetry": {"enabled": False}}) as instance:
        yield instance


def extract(tmp_path: Path) -> None:
    model = str(tmp_path / "model.onnx")
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "out", run_mode=1, model_path=model) == 0


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.timeout(300)
def test_steps_that_end_at_the_same_moment_publish_the_run_and_note_both_results(
    home: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract(tmp_path)
    for name in ("features.bad.csv", "features.dat.bad"):
        (tmp_path / "out" / name).unlink()
    (tmp_path / "barrier").mkdir()
    monkeypatch.setenv("STEPS_BARRIER", str(tmp_path / "barrier"))
    with dg.execute_job(dg.reconstructable(step_processes.two), home) as result:
        assert result.success
    assert len(list((tmp_path / "barrier").iterdir())) == step_processes.TOGETHER
    out = tmp_path / "out"
    assert {"features.bad.csv", "features.dat.bad", "faiss.index"} <= contents(out).keys()
    assert not (out / ".staged").exists()
    assert {"bad_images", "faiss_index", "features"} <= json.loads((out / "config.json").read_text())["results"].keys()
    with hold(WorkDir(str(out)), "the next run"):
        pass


@pytest.mark.timeout(300)
def test_a_failed_run_goes_on_with_what_it_made_unless_another_run_came_between(
    home: dg.DagsterInstance, tmp_path: Path
) -> None:
    extract(tmp_path)
    out, before = tmp_path / "out", contents(tmp_path / "out")

    def fail_at_the_second_step() -> dg.DagsterRun:
        shutil.rmtree(out / "neighbors", ignore_errors=True)
        (out / "neighbors").write_text("a file in the way of a folder")
        with dg.execute_job(job, home) as result:
            assert not result.success
            steps = {event.step_key for event in result.all_events if event.is_step_success}
        (out / "neighbors").unlink()
        assert "faiss_index" in steps
        return result.dagster_run

    def go_on(failed: dg.DagsterRun) -> bool:
        again = dg.ReexecutionOptions.from_failure(failed.run_id, home)
        with dg.execute_job(job, home, reexecution_options=again) as result:
            return result.success

    job = dg.reconstructable(step_processes.search)
    failed = fail_at_the_second_step()
    assert contents(out) | {".lock": b""} == before | {".lock": b""}
    assert go_on(failed)
    assert {"faiss.index", "similarity.csv", "outliers.csv"} <= contents(out).keys()

    failed = fail_at_the_second_step()
    assert dedup_assets.run("", out, run_mode=2, model_path=str(tmp_path / "model.onnx"), threshold=0.5) == 0
    published = contents(out)
    assert not go_on(failed)
    said = [str(event.dagster_event) for run in home.get_runs() for event in home.all_logs(run.run_id)]
    assert any("what this run had made of faiss_index is gone" in line for line in said)
    assert contents(out) == published


def test_a_run_is_refused_between_the_steps_of_another(tmp_path: Path) -> None:
    with hold(WorkDir(str(tmp_path)), "Dagster run 1", run="1", has_steps=True):
        pass
    with pytest.raises(WorkDirError, match="Dagster run 1"), hold(WorkDir(str(tmp_path)), "another run"):
        pass
