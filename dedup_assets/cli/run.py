"""`dedup-assets run`: the pipeline on folders, images, lists or URLs."""

import os
import shlex
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import click

from dedup_assets import api
from dedup_assets.cli.options import SettingsCommand, settings_options
from dedup_assets.cli.places import holds_results, is_image
from dedup_assets.engine.core.own_files import GALLERY, GALLERY_FILES
from dedup_assets.engine.core.run_modes import RunMode

_LOOKED_AT = 1000  # entries of a folder, with those below it

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
    if work_dir is None and settings["sets"]:
        raise click.UsageError("Missing argument 'WORK_DIR' (where results go); --set names what to read.")
    if work_dir is None and settings["run_mode"] == RunMode.SIMILARITY:
        raise click.UsageError("Missing argument 'WORK_DIR' (the results of a run); --run-mode 2 reads nothing else.")
    if work_dir is None:
        raise click.UsageError("Missing arguments 'INPUT_DIR...' (what to read) and 'WORK_DIR' (where results go).")
    if not input_dir and not settings["sets"] and settings["run_mode"] != RunMode.SIMILARITY:
        given = shlex.quote(work_dir)
        raise click.UsageError(
            f"One argument is given, and two are needed: what to read and where results go, such as 'dedup-assets run "
            f"{given} results'; or name what to read with --set NAME=INPUT."
        )
    _refuse_swapped(input_dir, work_dir)
    _refuse_images(input_dir, work_dir, settings["sets"] or ())
    sys.exit(api.run(input_dir[0] if len(input_dir) == 1 else list(input_dir), work_dir, **settings))


def _refuse_swapped(input_dir: tuple[str, ...], work_dir: str) -> None:
    """Refuse a WORK_DIR that holds images and no results, if INPUT_DIR is absent, empty or holds results."""
    if len(input_dir) != 1 or _is_worth_reading(input_dir[0]):
        return
    if not (_holds_images(work_dir) or _holds_images_below(work_dir, input_dir)):
        return
    right = shlex.join(["dedup-assets", "run", work_dir, input_dir[0]])
    raise click.UsageError(
        f"WORK_DIR={work_dir!r} holds images, and INPUT_DIR={input_dir[0]!r} none: are they swapped? Write: {right}"
    )


def _refuse_images(input_dir: tuple[str, ...], work_dir: str, sets: Iterable[str]) -> None:
    """Refuse a WORK_DIR that holds images and no results: where it is forgotten, the last input stands there."""
    inputs = [*input_dir, *(named.partition("=")[2] for named in sets)]
    if not inputs or not (_holds_images(work_dir) or _holds_images_below(work_dir, inputs)):
        return
    right = shlex.join(["dedup-assets", "run", *dict.fromkeys((*input_dir, work_dir)), "results"])
    inside = shlex.quote(str(Path(work_dir, "results")))
    raise click.UsageError(
        f"WORK_DIR={work_dir!r} holds images and no results, and only INPUT_DIR is read. If it is to be read too, "
        f"write: {right}{' and the options' if sets else ''}. To put results there, name a new folder in it: {inside}."
    )


def _holds_images(folder: str) -> bool:
    return not holds_results(folder) and any(map(is_image, _names(folder)))


def _holds_images_below(folder: str, inputs: Iterable[str]) -> bool:
    """Whether sub-folders hold images and the folder no results.

    Those of galleries do not count. Nor do those of the working folder and of a folder around an input, which are
    places to work in.
    """
    if holds_results(folder) or any(_is_around(folder, place) for place in inputs) or _is_working_folder(folder):
        return False
    left = _LOOKED_AT
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", GALLERY_FILES)) and name != GALLERY]
        if any(map(is_image, names[:left])):
            return True
        left -= len(names) + len(folders)
        if left <= 0:
            break
    return False


def _is_around(folder: str, place: str) -> bool:
    """Whether a local place lies below a folder."""
    return "://" not in place and Path(os.path.realpath(folder)) in Path(os.path.realpath(place)).parents


def _is_working_folder(folder: str) -> bool:
    return os.path.realpath(folder) == os.path.realpath(os.curdir)


def _is_worth_reading(place: str) -> bool:
    if "://" in place or os.path.isfile(place):  # noqa: PTH113 - wild names
        return True
    return bool(_names(place)) and not holds_results(place)


def _names(folder: str) -> set[str]:
    """The first names in a local folder; none if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in islice(entries, _LOOKED_AT)}
    except (OSError, ValueError):
        return set()


run.params += settings_options()
