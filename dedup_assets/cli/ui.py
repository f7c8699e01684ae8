"""`dedup-assets ui`: Dagster's UI with the pipeline, reachable from this machine only, with telemetry off."""

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import click

from dedup_assets.cli.options import settings_options
from dedup_assets.engine.core.settings import Settings

_FILE = "dedup_assets_location.py"
_WORKSPACE = f"load_from:\n  - python_file:\n      relative_path: {_FILE}\n      location_name: dedup_assets\n"
_LOCATION = '''"""Written by `dedup-assets ui`: the pipeline with these suggestions in the launchpad."""

from dedup_assets.definitions import build_definitions

defs = build_definitions({input_dir!r}, {work_dir!r}, scale_out={scale_out!r}, **{settings!r})
'''


@click.command()
@click.option("--input-dir", default="images", show_default=True, help="What the launchpad suggests to read.")
@click.option("--work-dir", default="work_dir", show_default=True, help="Where it suggests to put results.")
@click.option("--port", default=3000, show_default=True, help="Port of the UI, on this machine only.")
@click.option("--scale-out", is_flag=True, help="Add feature_shards, whose partitions many workers can share.")
def ui(**settings: Any) -> None:  # noqa: ANN401 - made from Settings
    """Open the pipeline in Dagster's UI, with telemetry off. The other options are what the launchpad suggests."""
    sys.exit(serve(**settings))


ui.params += settings_options("run_mode", "verbose")


def serve(input_dir: str, work_dir: str, port: int, *, scale_out: bool = False, **settings: object) -> int:
    """Serve the UI until it is interrupted.

    The instance is that of DAGSTER_HOME. Without that variable it is `~/.dedup-assets`, made with telemetry off.

    Args:
        input_dir: what the launchpad suggests to read.
        work_dir: where it suggests to put results.
        port: port on the loopback interface.
        scale_out: add `feature_shards`, whose partitions many workers can share.
        **settings: other fields of `Settings` that it suggests; None means the default.

    Returns:
        The exit code of `dagster dev`.

    Raises:
        SettingsError: a setting is wrong.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    Settings.parse(**given)
    home = Path(os.environ.get("DAGSTER_HOME") or Path.home() / ".dedup-assets").absolute()
    home.mkdir(parents=True, exist_ok=True)
    instance_file = home / "dagster.yaml"
    if not instance_file.exists():
        instance_file.write_bytes(resources.files("dedup_assets.cli").joinpath("dagster.yaml").read_bytes())
    places = {"input_dir": _absolute(input_dir), "work_dir": _absolute(work_dir)}
    (home / _FILE).write_text(_LOCATION.format(**places, scale_out=scale_out, settings=given))
    (home / "workspace.yaml").write_text(_WORKSPACE)
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    page = f"http://127.0.0.1:{port}/locations/dedup_assets/asset-groups/dedup/lineage"
    print(f"The pipeline, in Dagster's UI: {page} (press Materialize all); history is kept in {home}", flush=True)
    try:
        return subprocess.call(command, env={**os.environ, "DAGSTER_HOME": str(home)}, cwd=home)  # noqa: S603 - our own
    except KeyboardInterrupt:
        return 0


def _absolute(path: str) -> str:
    return path if "://" in path else str(Path(path).absolute())
