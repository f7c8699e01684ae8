"""The command line: parse, call, print, exit code. Nothing else.

Options are made from the fields of `settings.Settings`: a parameter added there is an option here.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import click
from pydantic.fields import FieldInfo

from dedup_assets import api
from dedup_assets.engine.core.settings import Settings, allowed

_INTERRUPTED = 130  # what shells say of a command that Ctrl-C ended


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends in one line; pressed again, it ends the process at once, whatever that still waits for."""
    try:
        yield
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        said = "interrupted; the last good result stands as it was; run the same command again to go on"
        print(f"dedup-assets: {said}", file=sys.stderr)
        sys.exit(_INTERRUPTED)


def _option(name: str, field: FieldInfo) -> click.Option:
    kind = type(field.default)
    bounds = allowed(name)
    text = f"{field.description} [default: {field.default!r}{f'; {bounds}' if bounds else ''}]"
    flags = sorted({f"--{name.replace('_', '-')}", f"--{name}"})
    if kind is bool:
        return click.Option([*flags, name], is_flag=True, default=None, help=text)
    choices = get_args(field.annotation)
    # Values are checked in one place, by Settings; here they only get their Python type.
    return click.Option(
        [*flags, name], type=kind, default=None, help=text, metavar="|".join(choices) if choices else None
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="dedup-assets")
def main() -> None:
    """Find duplicates, near-duplicates, outliers and broken files in image collections."""


@main.command()
@click.argument("input_dir", nargs=-1, required=True)
@click.argument("work_dir")
def run(input_dir: tuple[str, ...], work_dir: str, **settings: Any) -> None:  # noqa: ANN401 - made from Settings
    """Run the pipeline on INPUT_DIR (one or more folders, images, list files or URLs); results go to WORK_DIR."""
    with _interruptible():
        sys.exit(api.run(input_dir[0] if len(input_dir) == 1 else list(input_dir), work_dir, **settings))


def _options(*left_out: str) -> list[click.Parameter]:
    said = {"input_dir", "work_dir", "version", *left_out}
    return [_option(name, field) for name, field in Settings.model_fields.items() if name not in said]


run.params += _options()


@main.command()
@click.argument("folder", default="dedup-demo")
def demo(folder: str) -> None:
    """Run on built-in sample photographs with made copies and a broken file in FOLDER, and compare with the truth."""
    from dedup_assets.cli.demo import run_demo

    with _interruptible():
        sys.exit(run_demo(folder))


@main.command()
@click.option("--input-dir", default="images", show_default=True, help="What the launchpad suggests to read.")
@click.option("--work-dir", default="work_dir", show_default=True, help="Where it suggests to put results.")
@click.option("--port", default=3000, show_default=True, help="Of the UI, on this machine only.")
@click.option("--scale-out", is_flag=True, help="With feature_shards, whose partitions many workers can share.")
def ui(**settings: Any) -> None:  # noqa: ANN401 - made from Settings
    """Open the pipeline in Dagster's UI, with telemetry off. The other options are what the launchpad suggests."""
    from dedup_assets.cli.ui import serve

    sys.exit(serve(**settings))


ui.params += _options("run_mode", "verbose")
