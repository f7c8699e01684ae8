"""Records of what is to happen to copies: a plan, its rows, and what an apply or an undo of it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from dedup_assets.engine.core.match_records import Relation

if TYPE_CHECKING:  # the command line imports this module, and starts faster without polars
    import polars as pl

TRASH = ".dedup-trash"
"""The folder of an input in which removed files are kept; no listing enters it."""

SIDECAR = "sidecar"
"""In a plan the relation of a file that notes something of an image, and goes with it."""
HALF = "half"
"""In a plan the relation of the other half of a shot, and goes with it: the bytes are those of the kept one's half."""
BESIDE = (SIDECAR, HALF)
"""Relations of files that are in a plan because an image is."""


class Action(StrEnum):
    """What is done to a copy."""

    TRASH = "trash"
    """Move it into the trash folder of its input."""
    MOVE = "move"
    """Move it into a folder that the user names."""
    HARDLINK = "hardlink"
    """Replace it by a hard link to the kept file."""
    REFLINK = "reflink"
    """Replace it by a clone that shares the disk blocks of the kept file."""
    DELETE = "delete"
    """Delete it, which cannot be undone."""

    @property
    def removes(self) -> bool:
        """Whether the file is no longer at its place afterwards."""
        return self not in (Action.HARDLINK, Action.REFLINK)


@dataclass(frozen=True)
class Root:
    """An input of the run.

    Attributes:
        name: absolute path of a folder, or the URL of a prefix; empty for all that lies in no such input.
        images: the images of the run in it.
    """

    name: bytes
    images: int


class Unplanned(NamedTuple):
    """A file that is not planned.

    Attributes:
        filename: its name.
        reason: why, in words.
    """

    filename: bytes
    reason: str


@dataclass(frozen=True)
class Plan:
    """What is to happen to the copies of a run. Nothing has happened yet.

    Attributes:
        rows: one row per file that is acted upon: `group_id` (string), `filename` (binary), `content` (string: SHA-256
            of its bytes in hex), `bytes` (int64: its size), `action` (string, an `Action`), `keep` and `keep_content`
            (the kept image and its SHA-256), `similarity` (float64: to the kept image), `relation`, `kind` and `reason`
            (strings, as of `Groups`; the relation of what belongs to an image is one of `BESIDE`). The group that frees
            most bytes comes first.
        generation: identity of the groups that it was made from.
        policy: how the kept images were chosen.
        only: relations, and `review`, whose rows were planned.
        action: of all rows.
        to: folder that files are moved to; empty for other actions.
        roots: the inputs of the run, the longest names first.
        left_out: copies that are not planned, by reason.
        not_taken: files that a person marked and that are not planned; not written to files.
        returned: planned files whose picture an earlier apply had removed.
        work_dir: the work_dir that holds the groups; empty for the folder of the plan itself.
        plan_id: digest of all that was planned; empty until it is written.
        planned: rows when it was written; a person may have removed some since.
    """

    rows: "pl.DataFrame"
    generation: str
    action: Action
    only: Sequence[str] = (Relation.EXACT.value,)
    to: str = ""
    roots: Sequence[Root] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    returned: int = 0
    policy: str = ""
    work_dir: str = ""
    plan_id: str = ""
    planned: int = 0
    not_taken: Sequence[Unplanned] = ()

    def __len__(self) -> int:
        return self.rows.height

    def root_of(self, name: bytes) -> Root:
        """The input that holds a file: the one with the longest name."""
        folder = name
        while b"/" in folder:
            folder = folder.rpartition(b"/")[0]
            if folder in self._roots_by_name:
                return self._roots_by_name[folder]
        return next((root for root in self.roots if not root.name), Root(b"", 0))

    @cached_property
    def _roots_by_name(self) -> Mapping[bytes, Root]:
        return {root.name.rstrip(b"/"): root for root in self.roots if root.name}

    def removed_shares(self) -> list[tuple[Root, int]]:
        """The files that the rows remove: of all inputs together, then of each input that loses one."""
        if not self.rows.height or not self.action.removes:
            return []
        removed: dict[Root, int] = {}
        images = self.rows.filter(self.rows["relation"] != SIDECAR)["filename"]
        for name in images:
            root = self.root_of(name)
            removed[root] = removed.get(root, 0) + 1
        everything = Root(b"", sum(root.images for root in self.roots))
        return [(everything, len(images)), *((root, count) for root, count in removed.items() if root.name)]


def is_below(name: bytes, folder: bytes) -> bool:
    """Whether a name lies in a folder; everything lies in the folder without a name."""
    return not folder or name.startswith(folder.rstrip(b"/") + b"/")


def too_many_removed(plan: Plan, most: float) -> str:
    """What a plan removes beyond a share of the images, in words; empty if it does not.

    Args:
        plan: the plan.
        most: share of the images, of all and of each input, 0 to 1.
    """
    beyond = [(root, count) for root, count in plan.removed_shares() if root.images and count > most * root.images]
    said = [f"{count:,} of the {root.images:,} images {_where(root)}" for root, count in beyond]
    return " and ".join(said)


def _where(root: Root) -> str:
    return f"of {root.name.decode('utf-8', 'backslashreplace')!r}" if root.name else "in all"


@dataclass(frozen=True)
class Skipped:
    """A group that nothing was done to, or nothing more.

    Attributes:
        group_id: of the group.
        reason: why, in words, with the name of the file.
    """

    group_id: str
    reason: str


@dataclass(frozen=True)
class PastApply:
    """An apply of which files are still where it put them.

    Attributes:
        run: its id, which `undo` takes.
        files: how many are where it put them.
        place: a folder with its journal.
    """

    run: str
    files: int
    place: str

    @property
    def began(self) -> str:
        """When it began, as text; empty if its id is no time."""
        try:
            return f"{datetime.strptime(self.run, '%Y%m%d-%H%M%S-%f').replace(tzinfo=UTC):%Y-%m-%d %H:%M:%S} UTC"
        except ValueError:
            return ""


@dataclass(frozen=True)
class Applied:
    """What an apply did.

    Attributes:
        run: its id, which `undo` takes.
        done: files acted upon.
        bytes: their size.
        earlier: earlier applies of the plan, with the files of it that each had acted upon; one that was interrupted
            and is gone on with has the id `run`.
        skipped: groups that were left as they are.
        places: folders that hold a journal of it, and what was moved to the trash.
    """

    run: str
    done: int
    bytes: int
    earlier: Sequence[PastApply]
    skipped: Sequence[Skipped]
    places: Sequence[str]

    @property
    def before(self) -> int:
        """Files of the plan that earlier applies of it had acted upon."""
        return sum(each.files for each in self.earlier)


@dataclass(frozen=True)
class Undone:
    """What an undo did.

    Attributes:
        run: id of the apply.
        restored: files that are back by this undo.
        in_place: files that had been put back before.
        never_left: files that the apply announced and left where they were.
        failed: why others are not, each with its name.
        taken: later applies that have moved others since, the latest last.
    """

    run: str
    restored: int
    in_place: int
    never_left: int
    failed: Sequence[str]
    taken: Sequence[PastApply] = ()
