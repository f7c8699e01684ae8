"""Named sets as settings: `NAME=INPUT` texts, their names and the inputs that they add to a run.

A text that cannot be read is a ValueError.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator

from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.setting_values import expand_home

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LEAST_SETS = 2


def _listed_sets(value: Any) -> Any:  # noqa: ANN401 - users give anything; that is what this checks
    if isinstance(value, Mapping):
        return _listed_sets([f"{name}={row}" for name, inputs in value.items() for row in _rows(inputs)])
    rows = [value] if isinstance(value, str) and value else value or []
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
        raise ValueError("must be texts NAME=INPUT, or a mapping of names to inputs")
    return [_checked(row) for row in rows]


def _rows(inputs: object) -> list[object]:
    return inputs if isinstance(inputs, list) else [inputs]


def _checked(row: str) -> str:
    name, separator, place = row.partition("=")
    if not (separator and place):
        raise ValueError(f"{row!r} is not NAME=INPUT, such as train=photos/train")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a set: up to 64 letters, digits, and the characters _ . -")
    return f"{name}={expand_home(place)}"


NamedSets = Annotated[list[str], BeforeValidator(_listed_sets)]
"""Texts `NAME=INPUT`, in the order of the sets; a mapping of names to inputs is read too."""


def inputs_by_set(sets: Sequence[str]) -> dict[str, list[str]]:
    """The inputs of each set, in the order in which the sets are named first."""
    found: dict[str, list[str]] = {}
    for row in sets:
        name, _, place = row.partition("=")
        found.setdefault(name, []).append(place)
    return found


def evaluation_of(sets: Sequence[str], named: Sequence[str]) -> list[str]:
    """Names of the sets for evaluation: the named ones, or all but the first."""
    return list(named) or list(inputs_by_set(sets))[1:]


def inputs_with_sets(values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what a user gave, not checked yet
    """`input_dir` of these settings, and the inputs of their sets after it, each once."""
    given = values.get("input_dir") or []
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list):
        return inputs
    try:
        of_sets = [row.partition("=")[2] for row in _listed_sets(values["sets"])]
    except ValueError:  # the check of `sets` says what is wrong
        return given
    return list(dict.fromkeys([*map(_expanded, inputs), *of_sets]))


def _expanded(place: Any) -> Any:  # noqa: ANN401 - likewise
    return expand_home(place) if isinstance(place, str) else place


def check_sets(sets: Sequence[str], evaluation: Sequence[str], run_mode: int, evidence: str) -> None:
    """Check what settings say of sets. Raises ValueError that names the parameter and what is allowed."""
    names = list(inputs_by_set(sets))
    if unknown := [name for name in evaluation if name not in names]:
        raise ValueError(f"evaluation_sets={unknown!r}: allowed are the names in sets: {', '.join(names) or 'none'}")
    if not names:
        return
    if len(names) < _LEAST_SETS:
        raise ValueError(f"sets={list(sets)!r:.200}: name at least two sets; leaks are looked for between sets")
    if RunMode(run_mode).needs_train_set or RunMode(run_mode) is RunMode.FEATURES:
        raise ValueError(f"sets={names!r}: run_mode={run_mode} does not look for leaks; use run_mode 0 or 2")
    if evidence == "off":
        raise ValueError(f"sets={names!r}: leaks are found by comparing pixels, which evidence='off' leaves out")
