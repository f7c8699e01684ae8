"""What is remembered of groups from run to run: who was in which, what changed, and what became of each id."""

from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

HOLDERS_SCHEMA = pl.Schema(
    [("content", pl.String), ("group_id", pl.String), ("run", pl.Int64), ("filenames", pl.List(pl.Binary))]
)
CHANGES_SCHEMA = pl.Schema(
    [
        *(("run", pl.Int64), ("change", pl.String), ("group_id", pl.String), ("other", pl.String)),
        ("filenames", pl.List(pl.Binary)),
    ]
)
ALIASES_SCHEMA = pl.Schema({"group_id": pl.String, "now": pl.String})


class Change(StrEnum):
    """What happened to a group between two runs. Members are told apart by content, so that renaming is no change."""

    CREATED = "created"
    """A group of images that were in none."""
    GROWN = "grown"
    """Images that were in no group came in."""
    SHRUNK = "shrunk"
    """Images left for no group, or are gone."""
    MERGED = "merged"
    """The images came from the group `other`, whose id ends."""
    SPLIT = "split"
    """The images left for the group `other`."""
    GONE = "gone"
    """No image of the group is in any group now."""


def _empty(schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class GroupHistory:
    """The groups of the last run and of earlier ones, by content.

    Attributes:
        holders: `content` (string: SHA-256 in hex), `group_id`, `run` (int64: the last run with the content in that
            group) and `filenames` (list of binary: its files in the last run; empty for a former group). Sorted.
        changes: `run` (int64), `change` (string, a `Change`), `group_id`, `other` (string: another group, or empty) and
            `filenames` (list of binary); the earliest run first.
        aliases: each id that ever was, sorted, and `now`: the group that its images are in, or empty if in none.
        run: number of the last run that changed a group; 0 before the first.
        is_changed: whether the run that gave this history changed a group. No file says so.
    """

    holders: pl.DataFrame = field(default_factory=lambda: _empty(HOLDERS_SCHEMA))
    changes: pl.DataFrame = field(default_factory=lambda: _empty(CHANGES_SCHEMA))
    aliases: pl.DataFrame = field(default_factory=lambda: _empty(ALIASES_SCHEMA))
    run: int = 0
    is_changed: bool = False

    def is_like(self, other: "GroupHistory") -> bool:
        """Whether another history has the same tables."""
        return (
            self.run == other.run
            and self.holders.equals(other.holders)
            and self.changes.equals(other.changes)
            and self.aliases.equals(other.aliases)
        )

    def changed_after(self, run: int) -> pl.DataFrame:
        """The rows of `changes` of later runs than this one."""
        return self.changes.filter(pl.col("run") > run)

    def count_changes(self, after: int | None = None) -> dict[Change, int]:
        """How many rows of each kind there are of later runs than this one; by default of the last with changes."""
        last = self.changed_after(self.run - 1 if after is None else after)
        counts: dict[str, int] = dict(last.group_by("change").len().iter_rows())
        return {change: counts.get(change, 0) for change in Change}
