"""The files that remember groups from run to run: their ids by content, what changed, and what became of each id."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

import polars as pl

from dedup_assets.engine.core.errors import SettingsError, WorkDirError
from dedup_assets.engine.core.group_history import ALIASES_SCHEMA, CHANGES_SCHEMA, HOLDERS_SCHEMA, GroupHistory
from dedup_assets.engine.work_dir.csv_rows import field, read_table, write_rows
from dedup_assets.engine.work_dir.identity import open_checked
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import UNUSABLE, check_columns, fact, first_line

GROUP_IDS = "group_ids.parquet"
CHANGES = "group_changes.parquet"
CHANGES_CSV = "group_changes.csv"
ALIASES_CSV = "group_aliases.csv"
HISTORY_FILES = (GROUP_IDS, CHANGES, CHANGES_CSV, ALIASES_CSV)

_RUN = "run"  # metadata of GROUP_IDS


def write_history(history: GroupHistory, files: tuple[BinaryIO, ...]) -> None:
    """Write `HISTORY_FILES`, which are open for writing in this order."""
    ids, changes, changes_text, aliases = files
    history.holders.cast(HOLDERS_SCHEMA).write_parquet(ids, metadata={_RUN: str(history.run)})
    history.changes.cast(CHANGES_SCHEMA).write_parquet(changes)
    write_rows(changes_text, ",".join(CHANGES_SCHEMA), _change_lines(history.changes))
    rows = history.aliases.select(list(ALIASES_SCHEMA)).iter_rows()
    write_rows(aliases, ",".join(ALIASES_SCHEMA), (f"{one},{now}".encode() for one, now in rows))


def _change_lines(changes: pl.DataFrame) -> Iterator[bytes]:
    """Rows; the names of a row are a row of CSV themselves, as one field."""
    for run, change, group_id, other, names in changes.select(list(CHANGES_SCHEMA)).iter_rows():
        yield b"%d,%s,%s,%s,%s" % (
            run,
            change.encode(),
            group_id.encode(),
            other.encode(),
            field(b",".join(map(field, names))),
        )


def read_former_groups(work_dir: WorkDir, given: str = "") -> GroupHistory:
    """What earlier runs have left of groups, as published; an empty history if there were none.

    Args:
        work_dir: of the run.
        given: a work_dir, or a copy of its `GROUP_IDS`, whose ids go on here; read if this work_dir has no ids yet.

    Raises:
        SettingsError: nothing is there under the given name.
        WorkDirError: a file is damaged or was changed.
    """
    # A step that is executed again has staged a history already, which is not that of earlier runs.
    published = work_dir.in_generation("") if work_dir.wrote(GROUP_IDS) else work_dir
    if published.exists(GROUP_IDS):
        return read_history(published)
    return read_history(open_given(given)) if given else GroupHistory()


def open_given(given: str) -> WorkDir:
    """The folder of the ids that a user gives, as `read_former_groups` takes it.

    Raises:
        SettingsError: it has none.
    """
    is_file = PurePosixPath(given).name == GROUP_IDS
    folder = WorkDir(
        (given.removesuffix(GROUP_IDS).rstrip("/") or ("/" if given.startswith("/") else ".")) if is_file else given
    )
    if not folder.exists(GROUP_IDS):
        raise SettingsError(
            f"group_ids_from={given!r}: there is no {GROUP_IDS}; name a work_dir in which groups were made, or a copy "
            "of that file"
        )
    return folder


def read_history(work_dir: WorkDir) -> GroupHistory:
    """The history that a work_dir has.

    Raises:
        WorkDirError: it has none, or a file is damaged or was changed.
    """
    name = GROUP_IDS
    try:
        with open_checked(work_dir, name) as file:
            run = int(fact(pl.read_parquet_metadata(file), _RUN))
            file.seek(0)
            holders = _table(file, HOLDERS_SCHEMA)
        changes, aliases = GroupHistory().changes, GroupHistory().aliases
        if work_dir.exists(name := CHANGES):
            with open_checked(work_dir, name) as file:
                changes = _table(file, CHANGES_SCHEMA)
        if work_dir.exists(name := ALIASES_CSV):
            with open_checked(work_dir, name) as file:
                binary = dict.fromkeys(ALIASES_SCHEMA, pl.Binary)
                aliases = read_table(file, work_dir.path(name), binary).cast(ALIASES_SCHEMA)
    except (WorkDirError, *UNUSABLE) as error:
        raise WorkDirError(
            f"{work_dir.path(name)!r} keeps the ids of groups and cannot be used ({first_line(error)}); restore it "
            f"from a backup, or remove it; without {GROUP_IDS} all groups get new ids"
        ) from None
    return GroupHistory(holders, changes, aliases, run)


def _table(file: BinaryIO, schema: pl.Schema) -> pl.DataFrame:
    table = pl.read_parquet(file)
    check_columns(table.schema, schema)
    return table.select(list(schema))
