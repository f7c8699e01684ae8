"""Results of different runs in one work_dir are never mixed silently; a run says which results it replaces."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

import dedup_assets
from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.work_dir import WorkDir, locks
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets.engine.work_dir.identity import Config, check_belongs, read_config
from dedup_assets.pipeline.io_manager import WorkDirIOManager
from dedup_assets.pipeline.jobs import ASSETS_OF_MODE
from dedup_assets_tests.support.chosen_assets import materialize
from dedup_assets_tests.support.light_instance import light_instance
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.step_processes import plant_after

KEPT = ("features.dat", "features.dat.csv", "similarity.csv", "connected_components.csv", "faiss.index", "config.json")
LOCATION = "dedup_assets.scale_out"  # of a cluster


class Ui:
    """Runs as Dagster's UI starts them, on a folder of six photographs and one work_dir."""

    def __init__(self, instance: dg.DagsterInstance, top: Path) -> None:
        self.photos, self.out, self.instance = top / "photos", top / "out", instance
        self.model = str(top / "model.onnx")
        if not self.photos.exists():
            self.photos.mkdir(parents=True)
            save_mean_model(Path(self.model), ["n", 16, 16, 3], dimension=8)
            for number in range(6):
                self.add(number)

    def add(self, number: int) -> None:
        save_jpeg(self.photos / f"{number}.jpg", photo_like(number, 64, 48))

    def run(self, *assets: str, **settings: Any) -> bool:
        config = {"input_dir": str(self.photos), "work_dir": str(self.out), "model_path": self.model, "threshold": 0.5}
        chosen = assets or ASSETS_OF_MODE[RunMode.EVERYTHING]
        return materialize(LOCATION, *chosen, instance=self.instance, settings=config | settings).success

    def contents(self) -> dict[str, bytes]:
        return {name: (self.out / name).read_bytes() for name in KEPT}


@pytest.fixture
def ui(instance: dg.DagsterInstance, tmp_path: Path) -> Ui:
    return Ui(instance, tmp_path)


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder in which a run has succeeded, and a copy of it."""
    top = tmp_path_factory.mktemp("complete")
    with light_instance({"telemetry": {"enabled": False}}) as instance:
        assert Ui(instance, top / "now").run()
    return top / "now", Path(shutil.copytree(top / "now", top / "copy"))


@pytest.fixture
def finished(instance: dg.DagsterInstance, complete: tuple[Path, Path]) -> Ui:
    """As `ui` after a run; in the same place for each test, because results name files by their paths."""
    now, copy = complete
    shutil.rmtree(now)
    shutil.copytree(copy, now)
    return Ui(instance, now)


def test_a_run_of_the_ui_that_fails_after_the_features_leaves_all_of_the_last_result(finished: Ui) -> None:
    ui = finished
    before = ui.contents()
    ui.add(7)
    with pytest.raises(Exception, match="efSearch"):
        ui.run(
            *[name for name in ASSETS_OF_MODE[RunMode.EVERYTHING] if name != "image_manifest"], faiss_param="nprobe=3"
        )
    assert ui.contents() == before
    assert ui.run()
    assert ui.contents() != before
    assert {path.name for path in ui.out.rglob(".*")} == {".lock", ".published.json", ".contents.json", ".used.json"}


def test_results_of_other_features_are_refused_by_what_would_join_them(finished: Ui, tmp_path: Path) -> None:
    ui = finished
    ui.add(7)
    assert ui.run("image_manifest", "features", "bad_images")
    for asset in ("similarity", "components", "evidence", "gallery"):
        with pytest.raises(WorkDirError, match=r"was made from another features \(\w{12}\) than the one"):
            ui.run(asset)
    assert dedup_assets.create_components_gallery(ui.out, tmp_path / "report") == 1
    assert ui.run(*ASSETS_OF_MODE[RunMode.SIMILARITY])
    assert dedup_assets.create_components_gallery(ui.out, tmp_path / "report") == 0


def test_the_same_features_made_again_refuse_nothing(finished: Ui) -> None:
    assert finished.run("features")
    assert finished.run("gallery")


def test_features_that_were_saved_in_the_place_of_others_are_not_taken_for_those(finished: Ui) -> None:
    ui = finished
    names, vectors = dedup_assets.load_binary_feature(ui.out)
    dedup_assets.save_binary_feature(ui.out, names, np.ascontiguousarray(vectors[::-1]))
    with pytest.raises(WorkDirError, match=r"faiss\.index.* was made from another features"):
        ui.run("similarity")
    asked = ui.photos / "0.jpg"
    assert dedup_assets.run(asked, ui.out, run_mode=3, model_path=ui.model) == 1
    assert dedup_assets.run("", ui.out, run_mode=2, threshold=0.5) == 0
    assert dedup_assets.run(asked, ui.out, run_mode=3, model_path=ui.model) == 0


def test_a_run_of_the_ui_is_refused_while_another_run_holds_the_work_dir(
    ui: Ui, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_STEPS_MEET_SECONDS", 0.0)
    with hold(WorkDir(str(ui.out)), "the other"), pytest.raises(WorkDirError, match="in use by another run"):
        ui.run("image_manifest")
    assert ui.run("image_manifest")


def test_workers_on_ranges_hold_nobody_up_and_are_held_up_by_nobody(ui: Ui) -> None:
    assert ui.run("image_manifest", shard_size=3)
    with hold(WorkDir(str(ui.out)), "a run of the chain"):
        settings = {"input_dir": str(ui.photos), "work_dir": str(ui.out), "model_path": ui.model, "shard_size": 3}
        key = "000000000000-000000000003"
        made = materialize(LOCATION, "feature_shards", instance=ui.instance, settings=settings, partition=key)
        assert made.success
    assert len(list((ui.out / "shards").iterdir())) == 1


def test_another_input_or_model_in_a_work_dir_is_told(
    ui: Ui, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(ui.photos, ui.out, run_mode=1, model_path=ui.model) == 0
    assert "warning" not in capsys.readouterr().out
    save_jpeg(tmp_path / "others" / "1.jpg", photo_like(1, 64, 48))
    other = save_mean_model(tmp_path / "other.onnx", ["n", 8, 8, 3], dimension=4)
    assert dedup_assets.run(tmp_path / "others", ui.out, run_mode=1, model_path=other) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"held the results of input_dir='{ui.photos}'; those of '{tmp_path / 'others'}' have taken" in said
    assert "of model" in said


def test_the_configuration_names_versions_settings_and_each_file_by_its_hash(finished: Ui) -> None:
    config = json.loads((finished.out / "config.json").read_text())
    assert {"dedup-assets", "dagster", "numpy", "faiss-cpu", "onnxruntime", "pillow"} <= config["versions"].keys()
    assert config["settings"]["threshold"] == 0.5
    assert len(config["results"]["features"]["features"]["model_sha256"]) == 64
    for noted in config["results"].values():
        for name, facts in noted["files"].items():
            path = finished.out / name
            assert (facts["size_bytes"], facts["sha256"]) == (path.stat().st_size, _sha256(path))


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_nothing_is_claimed_about_files_of_others(tmp_path: Path) -> None:
    dedup_assets.save_binary_feature(tmp_path, ["a", "b"], np.eye(2, 4, dtype=np.float32))
    work_dir = WorkDir(str(tmp_path))
    check_belongs(work_dir, Config(), "similarity")
    check_belongs(work_dir, read_config(work_dir), "features")


def chain_job() -> dg.JobDefinition:
    from dedup_assets.scale_out import defs  # to make it takes long, so that no module is collected with it

    return defs.resolve_job_def("dedup")


@pytest.fixture
def stored_instance() -> Iterator[dg.DagsterInstance]:
    """An instance on disk, which the processes of a run can open as well."""
    with dg.instance_for_test() as made:
        yield made


def test_a_run_that_is_executed_again_from_its_failure_goes_on_with_what_it_had_made(
    stored_instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ui, instance = Ui(stored_instance, tmp_path), stored_instance
    config = {"input_dir": str(ui.photos), "work_dir": str(ui.out), "model_path": ui.model, "threshold": 0.5}
    run_config = {"resources": {"settings": {"config": config}}}
    monkeypatch.setattr(WorkDirIOManager, "_link", WorkDirIOManager._link)  # undone at the end
    plant_after("groups", ui.out / "gallery", "dedup")
    job = dg.reconstructable(chain_job)
    with dg.execute_job(job, instance, run_config=run_config) as failed:
        assert not failed.success
    assert not (ui.out / "features.dat").exists()
    (ui.out / "gallery").unlink()
    again = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
    with dg.execute_job(job, instance, run_config=run_config, reexecution_options=again) as done:
        assert done.success
        assert {event.step_key for event in done.all_events if event.is_step_success} == {"gallery"}
    assert (ui.out / "features.dat").exists()
    assert (ui.out / "gallery" / "index.html").exists()
    assert {path.name for path in ui.out.rglob(".*")} == {".lock", ".published.json", ".contents.json", ".used.json"}
