"""Converting arguments of Python users to plain values: paths, lists and data frames of paths, numbers of numpy.

Types of arguments that only Python has belong here; spellings and bounds of a setting belong in `Settings`.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from dedup_assets.engine.core.errors import SettingsError

_NAMES = "filename"  # the column of fastdup's own tables
_KINDS = "a path, a URL, or an iterable of these (a list, an array, a generator, a column or a data frame)"


def plain(value: object) -> object:
    """Convert a path to text, and a number or truth value of numpy to Python's; return other values unchanged."""
    if isinstance(value, bytes | os.PathLike):
        return os.fsdecode(value)
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0 else value  # type: ignore[attr-defined]


def path_of(name: str, value: object) -> str:
    """The path in the parameter `name`, with `~` expanded.

    Raises:
        SettingsError: the value is not a path.
    """
    from dedup_assets.engine.core.setting_values import expand_home  # imports pydantic

    path = plain(value)
    if not isinstance(path, str) or not path:
        raise SettingsError(f"{name}={value!r:.200}: must be a path or a URL")
    return expand_home(path)


def inputs_of(input_dir: object) -> str | list[str]:
    """What to read: one path or URL, or a list of them.

    Args:
        input_dir: a path, a URL, or an iterable of these. A data frame has one column, or one named `filename`.

    Raises:
        SettingsError: it, or one of its rows, has another type.
    """
    whole = plain(input_dir)
    if isinstance(whole, str):
        return whole
    rows: Any = _column(whole) if hasattr(whole, "columns") else whole
    if rows is None or isinstance(rows, Mapping) or not isinstance(rows, Iterable) or getattr(rows, "ndim", 1) != 1:
        raise SettingsError(f"input_dir={input_dir!r:.200}: must be {_KINDS}")
    return [_row(number, row) for number, row in enumerate(rows)]


def sets_of(sets: object) -> object:
    """Named sets as settings have them: a mapping's inputs become paths and lists of paths."""
    if not isinstance(sets, Mapping):
        return list(sets) if isinstance(sets, tuple) else sets
    return {str(name): inputs_of(inputs) for name, inputs in sets.items()}


def _row(number: int, row: object) -> str:
    path = plain(row)
    if isinstance(path, str):
        return path
    raise SettingsError(f"input_dir: row {number} is {row!r:.200}: must be a path or a URL")


def _column(frame: Any) -> object:  # noqa: ANN401 - a data frame of pandas, polars or another library
    names = [str(name) for name in frame.columns]
    if _NAMES in names:
        return frame[frame.columns[names.index(_NAMES)]]
    if len(names) == 1:
        return frame[frame.columns[0]]
    raise SettingsError(
        f"input_dir: a data frame with the columns {', '.join(names)}: must have one column, or one named {_NAMES!r}"
    )
