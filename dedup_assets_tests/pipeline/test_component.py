"""The component works in a project that `dg` makes, as docs/dagster.md says."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml

import dedup_assets
from dedup_assets.engine.core.settings import Settings
from dedup_assets.pipeline.component import ComponentSettings, DedupComponent
from dedup_assets_tests.support.killing import Runner

pytest.importorskip("dagster_dg_cli", reason="dg is in the extra `dev`")

PROJECT = """
[project]
name = "platform"
version = "0.1.0"
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "photo_platform"
registry_modules = ["dedup_assets"]
"""
DEFINITIONS = """
from pathlib import Path
import dagster as dg

@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""
OTHERS = """
import dagster as dg

@dg.asset(deps=[dg.AssetKey(["photos", "components"])])
def features() -> int:
    return 1
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an asset of its own that has the name of one of ours."""
    package = tmp_path / "src" / "photo_platform"
    (package / "defs").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").touch()
    (package / "definitions.py").write_text(DEFINITIONS)
    (package / "defs" / "others.py").write_text(OTHERS)
    return tmp_path


@pytest.fixture
def dg(project: Path, command_line: Runner, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs `dg` in the project; returns what it says."""
    source = str(project / "src")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([source, *sys.path]))
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: str, fails: bool = False) -> str:
        given = f"sys.path.append({source!r}); sys.argv = {['dg', *arguments]!r}"
        done = command_line.script(f"import sys; {given}; from dagster_dg_cli.cli import main; main()", project)
        assert (done.exit_code != 0) == fails, done.said
        return done.said

    return run


@pytest.mark.timeout(450)
def test_dg_scaffolds_checks_and_lists_it_beside_other_assets(project: Path, dg: Callable[..., str]) -> None:
    dg("scaffold", "defs", "dedup_assets.DedupComponent", "photos")
    written = project / "src" / "photo_platform" / "defs" / "photos" / "defs.yaml"
    component = yaml.safe_load(written.read_text())
    assert component["attributes"]["settings"] == {"input_dir": "images", "work_dir": "results"}
    component["attributes"]["key_prefix"] = ["photos"]
    written.write_text(yaml.safe_dump(component))
    dg("check", "defs")
    listed = dg("list", "defs", "--json")
    assert '"photos/gallery"' in listed
    assert '"features"' in listed
    component["attributes"]["settings"]["treshold"] = 0.9
    written.write_text(yaml.safe_dump(component))
    assert "treshold" in dg("check", "yaml", fails=True)


def test_its_yaml_has_every_setting_with_default_and_meaning() -> None:
    schema = DedupComponent.model().model_json_schema()["$defs"]["ComponentSettingsModel"]["properties"]
    fields = {name: field for name, field in Settings.model_fields.items() if name in ComponentSettings.model_fields}
    assert set(Settings.model_fields) - set(fields) == {"version", "verbose", "run_mode"}
    for name, field in fields.items():
        if not isinstance(field.default, list):  # Dagster's schema shows a mark in place of a list
            assert schema[name]["default"] == field.default
        assert schema[name]["description"].startswith(field.description)


def test_a_truth_value_for_any_number_is_refused_by_its_name() -> None:
    numbers = [name for name, field in ComponentSettings.model_fields.items() if field.annotation in (int, float)]
    assert len(numbers) > 10
    for name in numbers:
        with pytest.raises(ValueError, match=rf"{name}: true: must be a number"):
            DedupComponent.model().model_validate({"settings": {"work_dir": "out", name: True}})
    DedupComponent.model().model_validate({"settings": {"threshold": 0.9, "num_threads": 1, "set_folders": True}})


def test_it_is_offered_by_the_package_without_importing_dagster() -> None:
    code = "import sys, dedup_assets; print('DedupComponent' in dir(dedup_assets), 'dagster' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "False"]
    assert dedup_assets.DedupComponent is DedupComponent


def test_dg_finds_it_in_an_environment_where_the_package_is_installed() -> None:
    found = [entry.value for entry in entry_points(group="dagster_dg_cli.registry_modules")]
    if "dedup_assets" not in found:
        pytest.skip("the package was installed before it had this entry point; ./dev install")
    assert found.count("dedup_assets") == 1
