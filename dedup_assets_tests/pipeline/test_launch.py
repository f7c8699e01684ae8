"""Runs that `run()` starts."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from dagster._core.execution import api

import dedup_assets
from dedup_assets.engine.core.errors import LostLockError
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.pipeline.dagster_internals import instance_in_memory
from dedup_assets.pipeline.launch import materialize
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


def test_scores_against_a_train_set_that_was_replaced_meanwhile_are_not_published(store: str, tmp_path: Path) -> None:
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)
    for number in range(4):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number, 64, 48))
    given = {"model_path": model, "num_threads": 1}
    assert dedup_assets.run(tmp_path / "photos", f"{store}/out", **given) == 0
    scoring = Settings(input_dir=str(tmp_path / "photos" / "0.jpg"), work_dir=f"{store}/out", run_mode=3, **given)
    work_dir = WorkDir(f"{store}/out")

    def replace_train_set() -> None:
        with generation(work_dir, "another run") as view, view.publish("outliers.csv") as (file,):
            file.write(b"from,to,distance\n")

    with pytest.raises(LostLockError, match="has replaced the files"):
        materialize(scoring, ProgressReporter(), replace_train_set)
    assert not work_dir.within("test").exists("similarity.csv")
    materialize(scoring, ProgressReporter(), lambda: None)
    assert work_dir.within("test").exists("similarity.csv")


def test_a_run_in_memory_imports_no_database_and_no_daemon_of_dagster(tmp_path: Path) -> None:
    save_jpeg(tmp_path / "photos" / "0.jpg", photo_like(0, 64, 48))
    program = """
import sys, dedup_assets
assert dedup_assets.run("photos", "out", num_threads=1) == 0
print(sorted({"sqlalchemy", "alembic", "dagster._daemon", "dagster._core.storage.sql"} & sys.modules.keys()))
"""
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == "[]", "they take as long as a small run"


def test_instances_in_memory_that_overlap_leave_dagster_as_it_was() -> None:
    before = dict(vars(api))
    with ExitStack() as one, ExitStack() as other:
        for opened in (one, other):
            opened.enter_context(instance_in_memory(None, {}))
        one.close()
        other.close()
    assert vars(api) == before


def test_each_run_in_memory_has_the_limits_of_its_own_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for number in range(2):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(0, 64, 48))
    limits = {"max_duplicate_share": 0.0, "stop_on_failed_checks": True, "num_threads": 1}
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "out", num_threads=1) == 0
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "out", **limits) == 1
    assert "duplicates_are_not_the_rule" in capsys.readouterr().err
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "out", num_threads=1) == 0


def test_small_pictures_are_made_for_runs_that_a_ui_can_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(0, 64, 48))
    settings = Settings(input_dir=str(tmp_path / "photos"), work_dir=str(tmp_path / "out"), num_threads=1)
    (tmp_path / "home").mkdir()
    made = {}
    for home in ("", str(tmp_path / "home")):
        monkeypatch.setenv("DAGSTER_HOME", home)
        facts = materialize(settings, ProgressReporter(), lambda: None)
        made[home] = str(facts.metadata["similarity"]["closest_pairs"]).count("data:image/jpeg;base64,")
    assert list(made.values()) == [0, 2]
