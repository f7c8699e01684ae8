"""The files that remember groups from run to run: their ids by content, what changed, and what became of each id."""

import logging
from collections.abc import Iterator
from typing import BinaryIO

import polars as pl

from dedup_assets.engine.core.errors import SettingsError, WorkDirError
from dedup_assets.engine.core.group_history import ALIASES_SCHEMA, CHANGES_SCHEMA, HOLDERS_SCHEMA, GroupHistory
from dedup_assets.engine.work_dir.csv_rows import field, read_table, write_rows
from dedup_assets.engine.work_dir.file_names import GROUP_IDS
from dedup_assets.engine.work_dir.identity import open_checked
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import UNUSABLE, check_columns, fact, first_line
from dedup_assets.engine.work_dir.unreported import unreported_name

CHANGES = "group_changes.parquet"
CHANGES_CSV = "group_changes.csv"
ALIASES_CSV = "group_aliases.csv"
HISTORY_FILES = (GROUP_IDS, CHANGES, CHANGES_CSV, ALIASES_CSV)

_LOG = logging.getLogger(__name__)
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
        given: a work_dir, or a copy of its `GROUP_IDS` under any name, whose ids go on here; read if this work_dir has
            no ids yet.

    Raises:
        SettingsError: nothing of that kind is there under the given name.
        WorkDirError: a file is damaged or was changed.
    """
    # A step that is executed again has staged a history already, which is not that of earlier runs.
    published = work_dir.in_generation("") if work_dir.wrote(GROUP_IDS) else work_dir
    if published.exists(GROUP_IDS):
        return read_history(published)
    return read_given(given)


def read_reported_run(work_dir: WorkDir) -> int | None:
    """The run whose changes were reported last, where a later one was killed before it could; None elsewhere."""
    published, name = work_dir.in_generation("") if work_dir.wrote(GROUP_IDS) else work_dir, unreported_name(GROUP_IDS)
    if not published.exists(name):
        return None
    try:
        with published.open(name) as file:
            return int(fact(pl.read_parquet_metadata(file), _RUN))
    except (WorkDirError, *UNUSABLE) as error:
        _LOG.warning("%s: what changed in groups before the last run is not known", first_line(error))
        return None


def read_given(given: str) -> GroupHistory:
    """The history that a user gives, as `read_former_groups` takes it; none if that is empty.

    Raises:
        SettingsError: nothing is there, or it is neither a work_dir with groups nor such a file.
    """
    if not given:
        return GroupHistory()
    folder, name = _find_given(given)
    try:
        return read_history(folder, name)
    except WorkDirError as error:
        raise SettingsError(f"group_ids_from={given!r}: {error}") from None


def open_given(given: str) -> WorkDir:
    """The folder of the ids that a user gives, as `read_former_groups` takes it.

    Raises:
        SettingsError: it has none.
    """
    return _find_given(given)[0]


def _find_given(given: str) -> tuple[WorkDir, str]:
    """The folder and the name of a given file of ids."""
    parent, _, name = given.rstrip("/").rpartition("/")
    if name and not parent.endswith((":", ":/")):
        folder = WorkDir(parent or ("/" if given.startswith("/") else "."))
        if folder.exists(name) and folder.filesystem.isfile(folder.inside(name)):
            return folder, name
    folder = WorkDir(given)
    if folder.exists(GROUP_IDS):
        return folder, GROUP_IDS
    missing = folder.missing() or f" has no {GROUP_IDS}"
    raise SettingsError(
        f"group_ids_from={given!r}{missing}; name a work_dir in which groups were made, or a copy of its {GROUP_IDS}, "
        "under any name"
    )


def read_history(work_dir: WorkDir, ids: str = GROUP_IDS) -> GroupHistory:
    """The history that a work_dir has.

    Args:
        work_dir: where it is.
        ids: the file of ids; a copy under another name has no changes and aliases beside it.

    Raises:
        WorkDirError: it has none, or a file is damaged or was changed.
    """
    name, is_alone = ids, ids != GROUP_IDS
    try:
        with open_checked(work_dir, name) as file:
            run = int(fact(pl.read_parquet_metadata(file), _RUN))
            file.seek(0)
            holders = _table(file, HOLDERS_SCHEMA)
        changes, aliases = GroupHistory().changes, GroupHistory().aliases
        if not is_alone and work_dir.exists(name := CHANGES):
            with open_checked(work_dir, name) as file:
                changes = _table(file, CHANGES_SCHEMA)
        if not is_alone and work_dir.exists(name := ALIASES_CSV):
            with open_checked(work_dir, name) as file:
                binary = dict.fromkeys(ALIASES_SCHEMA, pl.Binary)
                aliases = read_table(file, work_dir.path(name), binary).cast(ALIASES_SCHEMA)
    except (WorkDirError, *UNUSABLE) as error:
        if is_alone:
            raise WorkDirError(f"it is no copy of a {GROUP_IDS} ({first_line(error)})") from None
        raise WorkDirError(
            f"{work_dir.path(name)!r} keeps the ids of groups and cannot be used ({first_line(error)}); restore it "
            f"from a backup, or remove it; without {GROUP_IDS} all groups get new ids"
        ) from None
    return GroupHistory(holders, changes, aliases, run)


def _table(file: BinaryIO, schema: pl.Schema) -> pl.DataFrame:
    table = pl.read_parquet(file)
    check_columns(table.schema, schema)
    return table.select(list(schema))
