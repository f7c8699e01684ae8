"""A group before anything happens to it: every file read and hashed, the kept one decoded."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dedup_assets.engine.cleaning.runs import files_of
from dedup_assets.engine.cleaning.touching import Seen, quoted
from dedup_assets.engine.core.errors import SkippedError
from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.plan_records import Skipped
from dedup_assets.engine.decoders.asking import decode_all, open_decoders
from dedup_assets.engine.decoders.tasks import DecodingTask
from dedup_assets.engine.workers import Lanes, WorkerPool

Row = Mapping[str, Any]
"""A row of a plan, by the names of its columns."""


@dataclass(frozen=True)
class Verified:
    """A group whose files are what the plan says.

    Attributes:
        rows: of the plan.
        seen: each file as it was verified.
        kept: the kept file as it was verified.
    """

    rows: Sequence[Row]
    seen: Sequence[Seen]
    kept: Seen

    @property
    def group_id(self) -> str:
        """Its id."""
        return str(self.rows[0]["group_id"])


@contextmanager
def verifier(threads: int, task: DecodingTask) -> Iterator["Verifier"]:
    """Decoding processes and threads for the block."""
    with open_decoders(threads) as decoders:
        yield Verifier(decoders, Lanes(threads, abandon=decoders.close), task)


@dataclass(frozen=True)
class Verifier:
    """Verifies groups side by side.

    Attributes:
        decoders: decoding processes.
        lanes: threads that read.
        task: how the kept files are decoded.
    """

    decoders: WorkerPool
    lanes: Lanes
    task: DecodingTask

    def verified(self, groups: Iterator[Sequence[Row]]) -> Iterator[Verified | Skipped]:
        """Each group, in order: verified, or why it is left as it is."""
        return self.lanes.in_order(groups, self._verify)

    def _verify(self, rows: Sequence[Row]) -> Verified | Skipped:
        try:
            return self._read_all(rows)
        except SkippedError as reason:
            return Skipped(rows[0]["group_id"], str(reason))
        except Exception as error:  # noqa: BLE001 - stores have errors of their own, and one group is skipped
            return Skipped(rows[0]["group_id"], f"cannot be verified: {type(error).__name__}: {error}")

    def _read_all(self, rows: Sequence[Row]) -> Verified:
        keep, keep_content = rows[0]["keep"], rows[0]["keep_content"]
        kept, data = files_of(keep).verify(keep, keep_content, keep_bytes=True)
        with self.decoders.lend() as lent:
            problem = decode_all([data], self.task, lent).problems[0]
        if problem is not None:
            raise SkippedError(f"the kept file {quoted(keep)} cannot be shown: {problem}")
        del data
        seen = []
        for row in rows:
            name = row["filename"]
            if name == keep:
                raise SkippedError(f"{quoted(name)} is the kept file itself")
            if row["relation"] == Relation.EXACT and row["content"] != keep_content:
                raise SkippedError(f"{quoted(name)} is said to be an exact copy, but its hash is another one")
            found, _ = files_of(name).verify(name, row["content"])
            if found.is_same_file(kept):
                raise SkippedError(f"{quoted(name)} is the same file as the kept one (a hard link)")
            seen.append(found)
        return Verified(rows, seen, kept)
