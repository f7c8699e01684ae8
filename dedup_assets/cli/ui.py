"""`dedup-assets ui`: Dagster's UI with the pipeline, reachable from this machine only, with telemetry off."""

import hashlib
import os
import re
import shlex
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import click

from dedup_assets.api.outcomes import say
from dedup_assets.cli.options import SettingsCommand, settings_options
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.settings import Settings

_LONGEST_NAME = 100  # characters of a work_dir's name in that of the folder with its history


@click.command(cls=SettingsCommand)
@click.argument("places", nargs=-1, metavar="[INPUT_DIR [WORK_DIR]]")
@click.option("--input-dir", help="What the launchpad suggests to read; the same as INPUT_DIR.")
@click.option("--work-dir", show_default="work_dir", help="Where it suggests to put results; the same as WORK_DIR.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=3000,
    show_default=True,
    help="Port of the UI, on this machine only.",
)
@click.option(
    "--scale-out", is_flag=True, help="For many workers: features waits for all partitions of feature_shards."
)
@click.option("--test-set", is_flag=True, help="Add the assets and jobs that score new images (run modes 3 and 4).")
def ui(places: tuple[str, ...], input_dir: str | None, work_dir: str | None, **settings: Any) -> None:  # noqa: ANN401 - made from Settings
    """Open the pipeline in Dagster's UI, with telemetry off. Arguments and options are what the launchpad suggests."""
    given = dict(zip(("INPUT_DIR", "WORK_DIR"), places, strict=False))
    if len(places) > len(given):
        raise click.UsageError(f"At most INPUT_DIR and WORK_DIR can be given, and not {shlex.join(places)}.")
    serve(
        _one_of("INPUT_DIR", given, "--input-dir", input_dir) or "",
        _one_of("WORK_DIR", given, "--work-dir", work_dir) or "work_dir",
        **settings,
    )


def _one_of(argument: str, given: Mapping[str, str], option: str, value: str | None) -> str | None:
    """What an argument or its option says. Raises UsageError if both do."""
    if value is not None and argument in given:
        raise click.UsageError(f"{argument} is given twice: as {given[argument]!r} and as {option} {value!r}.")
    return given.get(argument, value)


ui.params += settings_options("run_mode", "verbose")


def serve(
    input_dir: str, work_dir: str, port: int, *, scale_out: bool = False, test_set: bool = False, **settings: object
) -> None:
    """Serve the UI until it is interrupted.

    The instance is that of DAGSTER_HOME. Without that variable each work_dir has one of its own in `~/.dedup-assets`,
    so that the history of one is not shown for another.

    Args:
        input_dir: what the launchpad suggests to read.
        work_dir: where it suggests to put results.
        port: port on the loopback interface.
        scale_out: `features` waits for all partitions of `feature_shards`, which many workers share.
        test_set: add the assets and jobs that score a test set.
        **settings: other fields of `Settings` that it suggests; None means the default.

    Raises:
        SettingsError: a setting is wrong, the port is taken, or the instance's folder cannot be used.
        SurroundingsError: a process of the UI ended by itself.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    Settings.parse(**given)
    home = _instance_folder(work_dir)
    places = {"input_dir": _absolute(input_dir) if input_dir else "", "work_dir": _absolute(work_dir)}
    location = {**places, **given, "scale_out": scale_out, "test_set": test_set}

    from dedup_assets.pipeline.serving import processes

    of_which = "" if os.environ.get("DAGSTER_HOME") else f"of {work_dir} "

    def ready() -> None:
        page = f"http://{processes.HOST}:{port}/locations/dedup_assets/asset-groups/dedup/lineage"
        say(f"The pipeline, in Dagster's UI: {page} (press Materialize all); history {of_which}is kept in {home}")

    processes.serve(home, port, location, ready)


def _instance_folder(work_dir: str) -> Path:
    """The folder of the instance, which is made with its `dagster.yaml` if it is new.

    Args:
        work_dir: names the folder if DAGSTER_HOME is not set.

    Raises:
        SettingsError: it cannot be made.
    """
    named = os.environ.get("DAGSTER_HOME")
    try:
        home = Path(named or Path.home() / ".dedup-assets" / _name_of(work_dir)).absolute()
        home.mkdir(parents=True, exist_ok=True)
        instance_file = home / "dagster.yaml"
        if not instance_file.exists():
            fresh = instance_file.with_suffix(f".{os.getpid()}.tmp")
            fresh.write_bytes(resources.files("dedup_assets.cli").joinpath("dagster.yaml").read_bytes())
            fresh.replace(instance_file)
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody says where the home is
        told = f"DAGSTER_HOME={named!r}" if named else "DAGSTER_HOME is not set, and ~/.dedup-assets"
        raise SettingsError(
            f"{told}: history cannot be kept there: {error}; set DAGSTER_HOME to a folder that can be written"
        ) from None
    return home


def _name_of(work_dir: str) -> str:
    """The name of the folder with the history of a work_dir: the last part of it, and a digest of where it is."""
    place = work_dir.rstrip("/") if "://" in work_dir else os.path.abspath(work_dir)  # noqa: PTH100 - without ..
    last = re.sub(r"[^A-Za-z0-9._-]", "_", place.replace(os.sep, "/").rpartition("/")[2])
    return f"{last[-_LONGEST_NAME:]}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:8]}"


def _absolute(path: str) -> str:
    return path if "://" in path else str(Path(path).absolute())
