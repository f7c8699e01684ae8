"""The file of verdicts that groups do not honour, with the reasons."""

from typing import BinaryIO

from dedup_assets.engine.core.verdict_records import Conflict, Decided, GivenVerdict
from dedup_assets.engine.work_dir.csv_rows import field, read_columns, write_rows
from dedup_assets.engine.work_dir.identity import open_checked
from dedup_assets.engine.work_dir.location import WorkDir

VERDICT_CONFLICTS = "verdict_conflicts.csv"
_COLUMNS = ("line", "verdict_id", "relation", "a_name", "b_name", "against", "problem")


def write_conflicts(file: BinaryIO, decided: Decided | None) -> None:
    """Write a row per verdict that is not honoured, by its line in the file of verdicts; `against` is a list of ids."""
    write_rows(file, ",".join(_COLUMNS), map(_line, decided.conflicts if decided else ()))


def _line(conflict: Conflict) -> bytes:
    verdict = conflict.verdict or GivenVerdict("", "", "", "")
    texts = (
        *(str(conflict.line), conflict.verdict_id, verdict.relation, verdict.a_name, verdict.b_name),
        *(" ".join(conflict.against), conflict.problem),
    )
    return b",".join(field(each if isinstance(each, bytes) else each.encode("utf-8", "replace")) for each in texts)


def read_conflicts(work_dir: WorkDir) -> Decided | None:
    """The verdicts that were not honoured; None if the work_dir has no such file.

    Raises:
        WorkDirError: it is damaged.
    """
    if not work_dir.exists(VERDICT_CONFLICTS):
        return None
    with open_checked(work_dir, VERDICT_CONFLICTS) as file:
        rows = list(read_columns(file, work_dir.path(VERDICT_CONFLICTS), *_COLUMNS))
    conflicts = []
    for line, verdict_id, relation, a_name, b_name, against, problem in rows:
        verdict = GivenVerdict(verdict_id.decode(), "", "", relation.decode(), a_name=a_name, b_name=b_name)
        ids = tuple(against.decode().split())
        said = problem.decode("utf-8", "replace")
        conflicts.append(Conflict(int(line), verdict_id.decode(), said, ids, verdict if verdict_id else None))
    return Decided(conflicts=tuple(conflicts))
