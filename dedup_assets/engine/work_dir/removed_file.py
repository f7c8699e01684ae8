"""removed.csv: what applies have removed, so that a picture that comes back is recognised."""

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from dedup_assets.engine.work_dir.csv_rows import field, read_columns, write_rows
from dedup_assets.engine.work_dir.location import WorkDir

REMOVED = "removed.csv"
_HEADER = "content,keep_content,run"


class RemovedRow(NamedTuple):
    """A file that was removed.

    Attributes:
        content: SHA-256 of its bytes, in hex.
        keep_content: that of the kept file.
        run: id of the apply that removed it.
    """

    content: str
    keep_content: str
    run: str


def read_removed(work_dir: WorkDir) -> list[RemovedRow]:
    """The rows of removed.csv; none if there is no such file.

    Raises:
        WorkDirError: the file cannot be read.
    """
    if not work_dir.exists(REMOVED):
        return []
    with work_dir.open(REMOVED) as file:
        rows = read_columns(file, work_dir.path(REMOVED), *_HEADER.split(","))
        return [RemovedRow(*(value.decode("ascii", "replace") for value in row)) for row in rows]


def check_removed(work_dir: WorkDir) -> None:
    """Check, before files are removed, that `note_removed` will find its file or a free name.

    Raises:
        WorkDirError: another program's file, a link or a folder has the name.
    """
    work_dir.inside_folder(REMOVED)  # refuses a link
    read_removed(work_dir)


def note_removed(work_dir: WorkDir, run: str, rows: Iterable[RemovedRow]) -> None:
    """Replace the rows of one apply. The caller holds the work_dir.

    Args:
        work_dir: the work_dir.
        run: id of the apply.
        rows: what it has removed; none after an undo.

    Raises:
        WorkDirError: the file cannot be written.
    """
    former: list[RemovedRow] = []
    with suppress(FileNotFoundError):
        former = read_removed(work_dir)
    now = [row for row in former if row.run != run] + list(rows)
    if now == former:
        return
    with work_dir.writing({REMOVED: work_dir.inside(REMOVED)}) as (file,):
        write_rows(file, _HEADER, (b",".join(field(value.encode()) for value in row) for row in now))
