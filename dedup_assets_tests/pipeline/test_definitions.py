"""The code location as Dagster sees it."""

import subprocess
import sys

import dagster as dg
import pytest
import yaml

from dedup_assets.definitions import build_definitions, defs
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.settings import Settings
from dedup_assets.pipeline.environment import settings_of_environment
from dedup_assets.pipeline.jobs import ASSETS_OF_MODE
from dedup_assets.pipeline.resources import DedupSettings, SettingsResource
from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.places import ROOT

CHAIN = set(ASSETS_OF_MODE[RunMode.EVERYTHING])

ON_DEMAND = {"plan"}
SHARED_WORK = {"feature_shards", "neighbor_shards", "evidence_shards"}
TEST_SET = {f"test/{name}" for name in CHAIN - {"faiss_index", "components", "evidence", "groups", "leaks"}}


def specs(definitions: dg.Definitions = defs) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_the_location_loads() -> None:
    dg.Definitions.validate_loadable(defs)


def waiting_for_ranges(found: dict[str, dg.AssetSpec]) -> set[str]:
    return {name for name, spec in found.items() if "feature_shards" in {dep.asset_key.path[-1] for dep in spec.deps}}


def test_ranges_are_partitions_in_a_group_of_their_own_that_nothing_waits_for() -> None:
    found = specs()
    assert set(found) == CHAIN | SHARED_WORK | ON_DEMAND | {"verdicts"}
    assert {name for name, spec in found.items() if spec.partitions_def} == SHARED_WORK
    assert {name for name, spec in found.items() if spec.group_name == "ranges"} == SHARED_WORK
    assert waiting_for_ranges(found) == set()
    assert not any(found[name].automation_condition for name in SHARED_WORK)


def test_in_the_location_of_a_cluster_features_waits_for_ranges() -> None:
    from dedup_assets.scale_out import defs as cluster  # takes long: only here

    found = specs(cluster)
    assert set(found) == set(specs())
    assert waiting_for_ranges(found) == {"features"}
    assert found["feature_shards"].automation_condition


def test_only_the_location_of_test_sets_scores_one() -> None:
    from dedup_assets.scoring import defs as scoring

    assert set(specs(scoring)) == set(specs()) | TEST_SET
    scoring_jobs = {"score_test_set", "score_test_features"}
    assert scoring_jobs <= {job.name for job in scoring.jobs or []}
    assert scoring_jobs.isdisjoint(job.name for job in defs.jobs or [])


def test_every_asset_says_what_it_is() -> None:
    for name, spec in specs().items():
        assert spec.description, name
        assert spec.kinds, name
        assert spec.owners, name
        assert spec.code_version, name


def test_every_check_says_what_it_asks() -> None:
    asked = [spec for checks in defs.asset_checks or [] for spec in checks.check_specs]
    assert all(spec.description for spec in asked)
    assert {spec.asset_key.to_user_string() for spec in asked} >= CHAIN - {"faiss_index", "gallery"}


def test_mode_0_is_modes_1_and_2() -> None:
    assert ASSETS_OF_MODE[RunMode.EVERYTHING] == ASSETS_OF_MODE[RunMode.FEATURES] + ASSETS_OF_MODE[RunMode.SIMILARITY]
    assert set(ASSETS_OF_MODE[RunMode.EVERYTHING]) == CHAIN


def test_modes_3_and_4_are_the_test_set_and_nothing_of_the_train_set() -> None:
    assert set(ASSETS_OF_MODE[RunMode.SCORE_IMAGES]) == set(ASSETS_OF_MODE[RunMode.SCORE_FEATURES]) == TEST_SET


def test_every_run_mode_is_a_job_that_says_what_it_does() -> None:
    from dedup_assets.scoring import defs as scoring

    jobs = [job for job in scoring.jobs or [] if job.description]
    said = " ".join(str(job.description) for job in jobs)
    assert all(f"run_mode {mode}" in said for mode in ASSETS_OF_MODE)


def test_nothing_but_a_person_starts_an_apply_or_an_undo() -> None:
    acting = {"apply", "undo"}
    assert acting <= {job.name for job in defs.jobs or []}
    starting = [*(defs.sensors or []), *(defs.schedules or [])]
    assert starting
    assert acting.isdisjoint(name for each in starting for name in _started_by(each))
    checked = {spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()}
    assert acting.isdisjoint(checked), "an asset could have an automation condition"


def _started_by(each: object) -> set[str]:
    """The names of jobs that a sensor or a schedule starts."""
    if isinstance(each, dg.ScheduleDefinition):
        return {each.job_name}
    assert isinstance(each, dg.SensorDefinition)
    return {target.job_name for target in each.targets}


@pytest.mark.parametrize(("name", "run_mode"), [("dedup", None), ("score_test_set", 3), ("score_test_features", 4)])
def test_the_launchpad_of_a_job_shows_first_what_people_change(name: str, run_mode: int | None) -> None:
    location = build_definitions("photos", "results", threshold=0.9, test_set=True, gallery_pairs=7)
    shown = {"input_dir": "photos", "work_dir": "results", "threshold": 0.9, "nearest_neighbors_k": 2}
    if run_mode is not None:
        shown["run_mode"] = run_mode
    assert location.resolve_job_def(name).run_config == {"resources": {"settings": {"config": shown}}}


def test_settings_of_the_location_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"INPUT_DIR": '["a", "b"]', "THRESHOLD": "0.9", "RANGE_SEARCH": "1", "MODEL_PATH": ""}.items():
        monkeypatch.setenv(f"DEDUP_{name}", text)
    given = {"input_dir": ["a", "b"], "threshold": 0.9, "range_search": True}
    assert settings_of_environment() == given
    dg.Definitions.validate_loadable(build_definitions(**given))
    monkeypatch.setenv("DEDUP_THRESHOLD", "7")
    with pytest.raises(
        SettingsError, match=r"environment variables DEDUP_<SETTING>: threshold='7': must be from 0 to 1"
    ):
        settings_of_environment()


def test_the_launchpad_shows_every_setting_with_its_default_and_meaning() -> None:
    resource, settings = DedupSettings.model_fields, Settings.model_fields
    assert set(resource) == set(settings) - {"version", "verbose"}
    for name, field in resource.items():
        assert field.default == settings[name].default, name
        assert str(field.description).startswith(str(settings[name].description)), name


def test_a_definitions_object_can_suggest_its_own_folders() -> None:
    dg.Definitions.validate_loadable(build_definitions(input_dir="a", work_dir="b"))


@pytest.mark.parametrize("input_dir", ["photos", ["photos", "s3://bucket/more"]])
def test_the_launchpad_takes_one_input_or_a_list_of_them(input_dir: object) -> None:
    @dg.op
    def read(settings: SettingsResource) -> object:
        return settings.parsed().input_dir

    @dg.job(resource_defs={"settings": DedupSettings.configure_at_launch(input_dir="images", work_dir="out")})
    def reading() -> None:
        read()

    config = {"resources": {"settings": {"config": {"input_dir": input_dir}}}}
    assert reading.execute_in_process(run_config=config).output_for_node("read") == input_dir
    assert reading.execute_in_process().output_for_node("read") == "images"


def test_the_workspace_file_names_this_module() -> None:
    location = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    assert location["module_name"] == "dedup_assets.definitions"


def test_the_shipped_instance_sends_no_telemetry() -> None:
    config = yaml.safe_load((ROOT / "dedup_assets" / "cli" / "dagster.yaml").read_text())
    assert config["telemetry"] == {"enabled": False}


@pytest.mark.parametrize("target", [["-w", "workspace.yaml"], ["-m", "dedup_assets.definitions"]])
def test_dagster_validates_it(target: list[str], command_line: Runner) -> None:
    words = ["definitions", "validate", *target]
    done = command_line.script(f"from dagster._cli import cli; cli({words!r})", ROOT)
    assert done.exit_code == 0, done.said
    assert "Validation successful" in done.said


def test_loading_the_location_mutes_no_warning_of_the_host_process() -> None:
    code = (
        "import warnings, dagster; warnings.simplefilter('error', dagster.BetaWarning); import dedup_assets.scale_out; "
        "print([action for action, _, kind, *_ in warnings.filters if kind is dagster.BetaWarning])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == "['error']\n", done.stderr
