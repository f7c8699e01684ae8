"""What changed in groups by the last run with changes, as pages show it."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.group_history import GroupHistory

_MOST_ROWS = 200
_MOST_NAMES = 4


@dataclass(frozen=True)
class ShownChange:
    """One change of `GroupHistory`, with the number of files and some of them by name."""

    change: str
    group_id: str
    other: str
    files: int
    names: Sequence[bytes]


@dataclass(frozen=True)
class ShownChanges:
    """The changes of one run: in words, and the first ones singly; `rest` is the number of the others."""

    run: int
    words: str
    rows: Sequence[ShownChange]
    rest: int


def show_changes(history: GroupHistory | None) -> ShownChanges | None:
    """The changes of the last run that changed a group; None if only one run has made groups."""
    if history is None or history.run < 2:  # noqa: PLR2004 - the first run creates all groups
        return None
    rows = history.changes.filter(pl.col("run") == history.run)
    shown = [
        ShownChange(change, group, other, len(names), names[:_MOST_NAMES])
        for _, change, group, other, names in rows.head(_MOST_ROWS).iter_rows()
    ]
    counts = ((change, count) for change, count in history.count_changes().items() if count)
    words = ", ".join(f"{count:,} {change}" for change, count in counts)
    return ShownChanges(history.run, words, shown, rows.height - len(shown))
