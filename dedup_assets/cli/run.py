"""`dedup-assets run`: the pipeline on folders, images, lists or URLs."""

import sys
from typing import Any

import click

from dedup_assets import api
from dedup_assets.cli.options import settings_options


@click.command()
@click.argument("input_dir", nargs=-1)
@click.argument("work_dir")
def run(input_dir: tuple[str, ...], work_dir: str, **settings: Any) -> None:  # noqa: ANN401 - made from Settings
    """Run the pipeline on INPUT_DIR (one or more folders, images, list files or URLs); results go to WORK_DIR.

    The inputs of named sets are read too, so that INPUT_DIR can be left out with --set.
    """
    if not input_dir and not settings["sets"]:
        raise click.UsageError("Missing argument 'INPUT_DIR...' (or name sets with --set NAME=INPUT).")
    sys.exit(api.run(input_dir[0] if len(input_dir) == 1 else list(input_dir), work_dir, **settings))


run.params += settings_options()
