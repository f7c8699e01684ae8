"""Named sets as settings: `NAME=INPUT` texts, a column of a list, or folders named train, val and test.

A text that cannot be read is a ValueError.
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator

from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.setting_values import expand_home

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LEAST_SETS = 2
_TRAIN = "train"
FOLDER_SETS = {
    **dict.fromkeys(("train", "training", "trn"), _TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
"""Names of folders, in lower case, and the sets that they name."""


def _listed_sets(value: Any) -> Any:  # noqa: ANN401 - users give anything; that is what this checks
    if isinstance(value, Mapping):
        return _listed_sets([f"{name}={place}" for name, inputs in value.items() for place in _places(name, inputs)])
    rows = [value] if isinstance(value, str) and value else value or []
    if not isinstance(rows, list | tuple) or not all(isinstance(row, str) for row in rows):
        raise ValueError("must be texts NAME=INPUT, or a mapping of names to inputs")
    return [_checked(row) for row in rows]


def _places(name: object, inputs: object) -> list[str]:
    given = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    places = [os.fsdecode(place) for place in given if isinstance(place, str | os.PathLike)]
    if not given or len(places) < len(given):
        raise ValueError(f"{name!r}: {inputs!r:.200}: must be a path, a URL, or a list of these")
    return places


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


@dataclass(frozen=True)
class AskedSets:
    """Where the sets of a run come from: one of three.

    Attributes:
        named: texts `NAME=INPUT`.
        column: the column of list files that names the set of each row; or empty.
        folders: folders named train, val or test are sets.
        inputs: `input_dir` of the run.
        evaluation: names of the sets for evaluation; none: those that `evaluation_of` finds.
    """

    named: Sequence[str] = ()
    column: str = ""
    folders: bool = False
    inputs: Sequence[str] = ()
    evaluation: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.named or self.column or self.folders)

    @property
    def shown(self) -> str:
        """The setting that asks for sets, as messages name it."""
        if self.column:
            return f"set_column={self.column!r}"
        return "set_folders" if self.folders else f"sets={list(inputs_by_set(self.named))!r}"

    @property
    def missed(self) -> str:
        """What no image is in where no set is found, for a message."""
        return "a folder below input_dir that is named train, val or test" if self.folders else "a set"

    def evaluation_of(self, names: Sequence[str]) -> list[str]:
        """Names of the sets for evaluation among those that were found.

        Those of `evaluation_sets`. If it names none: of sets that a column or folders name, all but those named train,
        training or trn, if there is one; else all but the first.

        Raises:
            ValueError: `evaluation_sets` names a set that is not there.
        """
        if unknown := [name for name in self.evaluation if name not in names]:
            raise ValueError(f"evaluation_sets={unknown!r}: allowed are the sets: {', '.join(names) or 'none'}")
        if self.evaluation:
            return list(self.evaluation)
        of_training = set() if self.named else {name for name in names if is_training(name)}
        return [name for name in names if name not in (of_training or names[:1])]


NO_SETS = AskedSets()
"""Of a run that asks for none."""


def is_training(name: str) -> bool:
    """Whether the name of a set says that it is for training."""
    return FOLDER_SETS.get(name.lower()) == _TRAIN


def inputs_with_sets(values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what a user gave, not checked yet
    """`input_dir` of these settings, and the inputs of their sets after it, each once."""
    given = values.get("input_dir") or []
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list):
        return inputs
    try:
        of_sets = [row.partition("=")[2] for row in _listed_sets(values["sets"])]
    except ValueError:  # the check of `sets` says what is wrong
        return given or ""
    return list(dict.fromkeys([*map(_expanded, inputs), *of_sets]))


def _expanded(place: Any) -> Any:  # noqa: ANN401 - likewise
    return expand_home(place) if isinstance(place, str) else place


def check_sets(asked: AskedSets, run_mode: int, evidence: str, max_leaks: int) -> None:
    """Check what settings say of sets. Raises ValueError that names the parameter and what is allowed."""
    names = list(inputs_by_set(asked.named))
    ways = [bool(asked.named), bool(asked.column), asked.folders]
    if sum(ways) > 1:
        raise ValueError("sets, set_column, set_folders: give one of them")
    if not asked:
        if asked.evaluation:
            raise ValueError(f"evaluation_sets={list(asked.evaluation)!r}: needs sets, set_column or set_folders")
        if max_leaks:
            raise ValueError(say_without_sets(max_leaks, run_mode))
        return
    if asked.named:
        asked.evaluation_of(names)
        check_count(names, asked)
    modes = (RunMode.EVERYTHING, RunMode.SIMILARITY) if asked.named else (RunMode.EVERYTHING,)
    if RunMode(run_mode) not in modes:
        allowed = " or ".join(str(mode.value) for mode in modes)
        raise ValueError(f"{asked.shown}: run_mode={run_mode} does not look for leaks; use run_mode {allowed}")
    if evidence == "off":
        raise ValueError(f"{asked.shown}: leaks are found by comparing pixels, which evidence='off' leaves out")


def say_without_sets(max_leaks: int, run_mode: int) -> str:
    """Why a limit of leaks needs sets: a gate that lets everything pass is none."""
    why = "compares no pixels" if RunMode(run_mode).needs_train_set else "has no sets"
    return (
        f"max_leaks={max_leaks}: this run (run_mode={run_mode}) {why} and finds no leaks; "
        "use --set train=INPUT --set test=INPUT (sets), set_column or set_folders"
    )


def check_count(names: Collection[str], asked: AskedSets) -> None:
    """Check that there are sets to compare, of clearly different names. Raises ValueError that says which there are."""
    alike: dict[str, str] = {}
    for name in names:
        if (other := alike.setdefault(name.casefold(), name)) != name:
            raise ValueError(
                f"{asked.shown}: the sets {other!r} and {name!r} differ in upper and lower case alone; write the name "
                "of one set in one way, or give two sets other names"
            )
    if len(names) < _LEAST_SETS:
        found = f"the only set with images is {next(iter(names))!r}" if names else f"no image is in {asked.missed}"
        raise ValueError(
            f"{asked.shown}: {found}; name at least two sets, such as train=photos/train and test=photos/test, because "
            "leaks are looked for between sets"
        )
