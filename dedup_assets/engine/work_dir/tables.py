"""Tables of a work_dir, read with errors that name the file and how to make it again."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.image_facts import LEDGER_COLUMNS
from dedup_assets.engine.work_dir.identity import open_checked
from dedup_assets.engine.work_dir.location import WorkDir

Columns = Mapping[str, Any]
"""Columns of a table with their polars types."""

NO_COLUMNS: Columns = {}
EDGES_SCHEMA: Columns = {"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32}
"""Columns of `Neighbors.edges`, in this order."""

LEDGER_SCHEMA: Columns = dict(
    zip(
        LEDGER_COLUMNS,
        (
            *(pl.Int64, pl.Binary, pl.Int64, *[pl.String] * 5),
            *(pl.Int32, pl.Int32, pl.String, pl.String, pl.UInt16),  # the first facts
            *(pl.Float32, pl.Float32, pl.UInt8, pl.UInt8, pl.Float32, pl.Float32),
        ),
        strict=True,
    )
)
UNUSABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError)
"""What polars and the interpretation of metadata raise for a file that is damaged or another program's."""

_EMPTY_COLUMNS = {
    **dict.fromkeys(["component_id", "count"], pl.Int64),
    **dict.fromkeys(["pagerank", "mean_distance", "min_distance", "max_distance", "mean", "min", "max"], pl.Float64),
}  # columns that may be empty in all rows, so that their type cannot be inferred
_OWN_COLUMNS = {
    **_EMPTY_COLUMNS,
    **dict.fromkeys(["__id", "degree"], pl.Int64),
}  # of the files that this package writes


def read_numbers(work_dir: WorkDir, name: str, *columns: str) -> pl.DataFrame:
    """Read a CSV file of numbers with at least these columns; a column of whole numbers has an integer type."""
    with open_checked(work_dir, name) as file:
        header = file.readline().decode("utf-8", "replace").strip().split(",")
        try:
            table = _read_own(file) if set(header) <= _OWN_COLUMNS.keys() else None
            if table is None:
                file.seek(0)
                table = pl.read_csv(file, schema_overrides=_EMPTY_COLUMNS, infer_schema_length=None)
            return table.select(*columns, pl.exclude(columns)).select(table.columns)
        except pl.exceptions.PolarsError as error:
            raise WorkDirError(f"{work_dir.path(name)!r} is damaged: {error}; materialize components again") from None


def _read_own(file: BinaryIO) -> pl.DataFrame | None:
    """A table of `_OWN_COLUMNS` alone, in a tenth of the time that types take to be inferred; None if it has others."""
    file.seek(0)
    try:
        return pl.read_csv(file, schema_overrides=_OWN_COLUMNS)
    except pl.exceptions.PolarsError:  # another program wrote it
        return None


def read_parquet(
    work_dir: WorkDir,
    name: str,
    remedy: str,
    columns: Columns,
    optional: Columns = NO_COLUMNS,
    only: Collection[str] = (),
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Read a table, and the metadata that was written with it.

    Args:
        work_dir: holds it.
        name: of the file.
        remedy: how the file is made again.
        columns: that it must have.
        optional: columns that it may have.
        only: the columns to read, as far as the table has them; empty: all.

    Raises:
        WorkDirError: it does not exist, is damaged, or is not a table with these columns.
    """
    work_dir.require(name, remedy=f"run the pipeline first ({remedy})")
    with open_checked(work_dir, name) as file, naming_damage(work_dir, name, remedy):
        facts = pl.read_parquet_metadata(file)
        file.seek(0)
        found = pl.read_parquet_schema(file)
        check_columns(found, columns, optional)
        file.seek(0)
        return pl.read_parquet(file, columns=[each for each in found if each in only] or None), facts


def check_columns(found: Columns, wanted: Columns, optional: Columns = NO_COLUMNS) -> None:
    """Check that a table has the columns of one that this package writes.

    Args:
        found: its columns and their types.
        wanted: columns that it must have.
        optional: columns that may be missing.

    Raises:
        SchemaError: a column is missing or has another type.
    """
    there = {name: kind for name, kind in optional.items() if name in found}
    for name, kind in {**wanted, **there}.items():
        if found.get(name) != kind:
            raise pl.exceptions.SchemaError(f"the column {name!r} is {found.get(name, 'missing')}, not {kind}")


def fact(facts: Mapping[str, str], name: str) -> str:
    """A value of a table's metadata.

    Raises:
        SchemaError: the table has no such value, so that this package has not written it.
    """
    if name not in facts:
        raise pl.exceptions.SchemaError(f"its metadata has no {name!r}, so this tool has not written it")
    return facts[name]


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return next(iter(str(error).splitlines()), type(error).__name__)


@contextmanager
def naming_damage(work_dir: WorkDir, name: str, remedy: str) -> Iterator[None]:
    """Turn errors about a table that cannot be used into errors that name the file and the remedy."""
    try:
        yield
    except UNUSABLE as error:
        raise WorkDirError(f"{work_dir.path(name)!r} is damaged: {first_line(error)}; {remedy} again") from None
