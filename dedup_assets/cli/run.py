"""`dedup-assets run`: the pipeline on folders, images, lists or URLs."""

import os
import shlex
import sys
from itertools import islice
from typing import Any

import click

from dedup_assets import api
from dedup_assets.cli.options import SettingsCommand, settings_options
from dedup_assets.engine.core.own_files import CONFIG
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.inputs.kinds import IMAGE_EXTENSIONS, extension_of

_LOOKED_AT = 1000  # entries of a folder

_EXAMPLES = (
    "dedup-assets run photos results",
    "dedup-assets run photos more.zip results --threshold 0.9 -k 6",
    "dedup-assets run results --set train=data/train --set test=data/test",
    "dedup-assets run new_photos results --run-mode 3",
)


@click.command(cls=SettingsCommand, examples=_EXAMPLES)
@click.argument("input_dir", nargs=-1)
@click.argument("work_dir", required=False)
def run(input_dir: tuple[str, ...], work_dir: str | None, **settings: Any) -> None:  # noqa: ANN401 - made from Settings
    """Run the pipeline on INPUT_DIR (one or more folders, images, list files or URLs); results go to WORK_DIR.

    The inputs of named sets are read too, so that INPUT_DIR can be left out with --set.
    """
    if work_dir is None:
        raise click.UsageError("Missing arguments 'INPUT_DIR...' (what to read) and 'WORK_DIR' (where results go).")
    if not input_dir and not settings["sets"] and settings["run_mode"] != RunMode.SIMILARITY:
        given = shlex.quote(work_dir)
        raise click.UsageError(
            f"One argument is given, and two are needed: what to read and where results go, such as 'dedup-assets run "
            f"{given} results'; or name what to read with --set NAME=INPUT."
        )
    _refuse_swapped(input_dir, work_dir)
    sys.exit(api.run(input_dir[0] if len(input_dir) == 1 else list(input_dir), work_dir, **settings))


def _refuse_swapped(input_dir: tuple[str, ...], work_dir: str) -> None:
    """Refuse a WORK_DIR that holds images and no results, if INPUT_DIR is absent, empty or holds results."""
    if len(input_dir) != 1 or not _holds_images(work_dir) or _is_worth_reading(input_dir[0]):
        return
    right = shlex.join(["dedup-assets", "run", work_dir, input_dir[0]])
    raise click.UsageError(
        f"WORK_DIR={work_dir!r} holds images, and INPUT_DIR={input_dir[0]!r} none: are they swapped? Write: {right}"
    )


def _holds_images(folder: str) -> bool:
    names = _names(folder)
    return CONFIG not in names and any(extension_of(os.fsencode(name)) in IMAGE_EXTENSIONS for name in names)


def _is_worth_reading(place: str) -> bool:
    if "://" in place or os.path.isfile(place):  # noqa: PTH113 - wild names
        return True
    names = _names(place)
    return bool(names) and CONFIG not in names


def _names(folder: str) -> set[str]:
    """The first names in a local folder; none if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in islice(entries, _LOOKED_AT)}
    except (OSError, ValueError):
        return set()


run.params += settings_options()
