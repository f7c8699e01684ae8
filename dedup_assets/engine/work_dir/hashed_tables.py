"""Tables that hold a hash of their rows, so that one in which a bit has rotted is noticed."""

import hashlib
import logging

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import UNUSABLE, Columns, check_columns, first_line

_LOG = logging.getLogger(__name__)
_HASH = "sha256"


class DamagedTableError(WorkDirError):
    """The file of a table was damaged; it is deleted."""


def write_hashed(work_dir: WorkDir, name: str, table: pl.DataFrame) -> None:
    """Write a table of numbers, text and bytes, with a hash of its rows."""
    with work_dir.publish(name) as (file,):
        table.write_parquet(file, compression="uncompressed", statistics=False, metadata={_HASH: _hash_of(table)})


def read_hashed(work_dir: WorkDir, name: str, columns: Columns) -> pl.DataFrame:
    """Read a table that `write_hashed` wrote.

    Raises:
        DamagedTableError: it is damaged; it was deleted, with a warning.
        WorkDirError: it cannot be read.
    """
    try:
        with work_dir.open(name) as file:
            recorded = pl.read_parquet_metadata(file).get(_HASH)
            file.seek(0)
            table = pl.read_parquet(file)
            check_columns(table.schema, columns)
    except UNUSABLE as error:
        raise _damaged(work_dir, name, first_line(error)) from None
    if recorded != _hash_of(table):
        raise _damaged(work_dir, name, "its content is not what was written")
    return table


def _damaged(work_dir: WorkDir, name: str, reason: str) -> DamagedTableError:
    _LOG.warning("%r is damaged (%s): deleted, its range is searched again", work_dir.path(name), reason)
    work_dir.remove(name)
    return DamagedTableError(f"{work_dir.path(name)!r} was damaged ({reason}); run again")


def _hash_of(table: pl.DataFrame) -> str:
    """SHA-256 of the bytes of all columns, with their names and types."""
    sha = hashlib.sha256(repr(list(table.schema.items())).encode())
    for column in table:
        sha.update(_packed(column))
    return sha.hexdigest()


def _packed(column: pl.Series) -> "bytes | memoryview":
    """The values of a column: numbers as they are, text and bytes each behind its length."""
    if column.dtype.is_numeric():
        return column.to_numpy().data
    values = column.cast(pl.Binary).to_list()
    return b"".join(b"%d:%b" % (len(value), value) for value in values)
