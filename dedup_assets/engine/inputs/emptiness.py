"""A glance at an input before a run writes anything: a folder that is missing, or that holds nothing to read."""

import os
from collections.abc import Sequence

from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.core.own_files import CONFIG
from dedup_assets.engine.inputs.list_files import is_list_file
from dedup_assets.engine.inputs.listing import nothing_found
from dedup_assets.engine.inputs.own_results import OwnResults
from dedup_assets.engine.inputs.selection import HIDDEN, OWN_RESULTS, Selection, hint_of_missing
from dedup_assets.engine.stores import local_path, reason_of


def refuse_empty(input_dir: str | Sequence[str]) -> None:
    """Refuse a local folder that is missing, has hidden entries alone, or holds only results of an earlier run.

    The listing refuses more, but it begins when the folder for results is already there. Other inputs pass: a list, a
    file, a URL, and any folder with a visible entry.

    Raises:
        InputError: as the listing has it.
    """
    if not isinstance(input_dir, str):
        return
    path = local_path(os.fsencode(input_dir))
    if path is None or is_list_file(path):
        return
    selection = Selection((), ())
    try:
        with os.scandir(path) as entries:
            is_empty = all(_is_hidden(entry.name, selection) for entry in entries)
    except NotADirectoryError:
        return
    except (OSError, ValueError) as error:
        raise InputError(f"input_dir={input_dir!r}: {reason_of(error)}{hint_of_missing(input_dir)}") from None
    if is_empty or _is_own(os.path.abspath(path), selection):  # noqa: PTH100 - a Path of bytes does not exist
        raise InputError(nothing_found(input_dir, selection))


def _is_hidden(name: bytes, selection: Selection) -> bool:
    if is_hidden := name.startswith(b"."):
        selection.left_out[HIDDEN] += 1
    return is_hidden


def _is_own(folder: bytes, selection: Selection) -> bool:
    if is_own := OwnResults(folder, [os.fsencode(CONFIG)]).is_all:
        selection.left_out[OWN_RESULTS] += 1
    return is_own
