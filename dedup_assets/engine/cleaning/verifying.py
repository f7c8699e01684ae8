"""A group before anything happens to it: every file read and hashed, the kept one decoded."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dedup_assets.engine.cleaning.runs import files_of, list_folder
from dedup_assets.engine.cleaning.touching import Seen, quoted
from dedup_assets.engine.core.errors import SkippedError
from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.plan_records import BESIDE, HALF, Action, Skipped
from dedup_assets.engine.decoders.asking import decode_all, open_decoders
from dedup_assets.engine.decoders.tasks import DecodingTask
from dedup_assets.engine.inputs.stacks import Stacks
from dedup_assets.engine.stores import reason_of
from dedup_assets.engine.workers import Lanes, WorkerPool

_TOGETHER = 16  # groups whose kept files may be decoded together
_TOGETHER_BYTES = 4 << 20  # and how much these may hold: so much is in memory for each thread

Row = Mapping[str, Any]
"""A row of a plan, by the names of its columns."""


@dataclass(frozen=True)
class Verified:
    """A group whose files are what the plan says.

    Attributes:
        rows: of the plan; files that belong to an image are beside it.
        seen: each file as it was verified.
        kept: the kept files as they were verified, by name.
        first: for each row the place of the first one that goes with it, or not at all.
    """

    rows: Sequence[Row]
    seen: Sequence[Seen]
    kept: Mapping[bytes, Seen]
    first: Sequence[int]

    @property
    def group_id(self) -> str:
        """Its id."""
        return str(self.rows[0]["group_id"])


@dataclass(frozen=True)
class _Read:
    """A group that was read, and the bytes of its kept files, which are to be decoded."""

    verified: Verified
    kept_files: Mapping[bytes, bytes]

    @property
    def kept_bytes(self) -> int:
        return sum(map(len, self.kept_files.values()))


@contextmanager
def verifier(threads: int, task: DecodingTask) -> Iterator["Verifier"]:
    """Decoding processes and threads for the block."""
    with open_decoders(threads) as decoders:
        yield Verifier(decoders, Lanes(threads, abandon=decoders.close), task, Stacks(list_folder))


@dataclass(frozen=True)
class Verifier:
    """Verifies groups side by side.

    Attributes:
        decoders: decoding processes.
        lanes: threads that read.
        task: how the kept files are decoded.
        stacks: finds what belongs to an image, as each folder was when it was first looked into.
    """

    decoders: WorkerPool
    lanes: Lanes
    task: DecodingTask
    stacks: Stacks

    def verified(self, groups: Iterator[Sequence[Row]]) -> Iterator[Verified | Skipped]:
        """Each group, in order: verified, or why it is left as it is."""
        for some in self.lanes.in_order(_side_by_side(groups), self._verify_some):
            yield from some

    def _verify_some(self, groups: Sequence[Sequence[Row]]) -> list[Verified | Skipped]:
        """Groups whose kept files are decoded together: an answer of a process takes longer than a small picture."""
        results: list[Verified | Skipped] = []
        waiting: list[_Read] = []
        for rows in groups:
            found = self._verify(rows)
            if isinstance(found, Skipped):
                results += [*self._shown(waiting), found]
                waiting = []
                continue
            waiting.append(found)
            if sum(each.kept_bytes for each in waiting) >= _TOGETHER_BYTES:
                results += self._shown(waiting)
                waiting = []
        return [*results, *self._shown(waiting)]

    def _verify(self, rows: Sequence[Row]) -> "_Read | Skipped":
        try:
            return self._read_all(rows)
        except SkippedError as reason:
            return Skipped(rows[0]["group_id"], str(reason))
        except Exception as error:  # noqa: BLE001 - stores have errors of their own, and one group is skipped
            return _unverified(rows, error)

    def _shown(self, groups: "Sequence[_Read]") -> list[Verified | Skipped]:
        """Decode the kept files of groups that were read."""
        files = {name: data for group in groups for name, data in group.kept_files.items()}
        if not files:
            return [group.verified for group in groups]
        try:
            with self.decoders.lend() as lent:
                problems = dict(zip(files, decode_all(list(files.values()), self.task, lent).problems, strict=True))
        except Exception as error:  # noqa: BLE001 - no process can be started: these groups are skipped
            return [_unverified(group.verified.rows, error) for group in groups]
        return [_judged(group, problems) for group in groups]

    def _read_all(self, given: Sequence[Row]) -> "_Read":
        rows, first = self._in_stacks(given)
        all_kept, data = dict[bytes, Seen](), dict[bytes, bytes]()
        for row in rows:
            name = row["keep"]
            if row["relation"] not in BESIDE and name not in all_kept:
                all_kept[name], data[name] = _verify_kept(row, keep_bytes=True)
        seen = []
        for row in rows:
            name = row["filename"]
            if row["relation"] == HALF:
                all_kept[row["keep"]], _ = _verify_kept(row)
            if row["keep"] not in all_kept or name in all_kept:
                raise SkippedError(f"{quoted(name)} is a kept file itself, or a copy of another one than its group")
            if row["relation"] in (Relation.EXACT, HALF) and row["content"] != row["keep_content"]:
                raise SkippedError(f"{quoted(name)} is said to be an exact copy, but its hash is another one")
            found, _ = files_of(name).verify(name, row["content"])
            if found.is_same_file(all_kept[row["keep"]]):
                raise SkippedError(f"{quoted(name)} is the same file as the kept one, by another name (a hard link)")
            seen.append(found)
        return _Read(Verified(rows, seen, all_kept, first), data)

    def _in_stacks(self, rows: Sequence[Row]) -> tuple[list[Row], list[int]]:
        """The rows, what belongs to an image right before it; and for each the place of the first one of its stack.

        Raises:
            SkippedError: a file that belongs to an image is not in the plan, or there without it.
        """
        by_name = {row["filename"]: row for row in rows}
        placed: list[Row] = []
        first: list[int] = []
        for row in rows:
            if row["relation"] in BESIDE:
                continue
            names = self._beside(row["filename"]) if Action(row["action"]).removes else []
            if missing := [name for name in names if name not in by_name]:
                said = f"{quoted(missing[0])} belongs to {quoted(row['filename'])}"
                raise SkippedError(f"{said}, and the plan does not name it: make the plan again")
            first += [len(placed)] * (len(names) + 1)
            beside = [by_name[name] for name in names]
            # The image is moved last, so that a failure before it can be mended; what is deleted cannot come back.
            placed += [row, *beside] if row["action"] == Action.DELETE else [*beside, row]
        if alone := by_name.keys() - {row["filename"] for row in placed}:
            raise SkippedError(f"{quoted(min(alone))} is in the plan without the image that it belongs to")
        return placed, first

    def _beside(self, name: bytes) -> list[bytes]:
        """The names of what belongs to an image. Raises SkippedError."""
        try:
            return self.stacks.beside(name).names
        except FileNotFoundError:
            raise SkippedError(f"{quoted(name)} is gone") from None
        except NotADirectoryError:
            raise SkippedError(f"{quoted(name)} is inside of a file") from None
        except OSError as error:
            raise SkippedError(f"the folder of {quoted(name)} cannot be read: {reason_of(error)}") from None


def _side_by_side(groups: Iterator[Sequence[Row]]) -> Iterator[list[Sequence[Row]]]:
    """Few groups at a time, so that all threads have work."""
    some, size_bytes = list[Sequence[Row]](), 0
    for rows in groups:
        some.append(rows)
        size_bytes += sum(row["bytes"] for row in rows)
        if len(some) == _TOGETHER or size_bytes >= _TOGETHER_BYTES:
            yield some
            some, size_bytes = [], 0
    if some:
        yield some


def _verify_kept(row: Row, *, keep_bytes: bool = False) -> tuple[Seen, bytes]:
    """Read the kept file of a row. Raises SkippedError, which says that it is the kept one."""
    name = row["keep"]
    try:
        return files_of(name).verify(name, row["keep_content"], keep_bytes=keep_bytes)
    except SkippedError as error:
        raise SkippedError(f"the kept file {error}; its copies stay") from None


def _judged(group: _Read, problems: Mapping[bytes, object]) -> Verified | Skipped:
    bad = next(((name, problems[name]) for name in group.kept_files if problems[name] is not None), None)
    if bad is None:
        return group.verified
    said = f"the kept file {quoted(bad[0])} cannot be shown: {bad[1]}; its copies stay"
    return Skipped(group.verified.group_id, said)


def _unverified(rows: Sequence[Row], error: Exception) -> Skipped:
    return Skipped(rows[0]["group_id"], f"{quoted(rows[0]['filename'])} cannot be verified: {reason_of(error)}")
