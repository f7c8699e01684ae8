"""image_ledger.parquet: what became of each image of a run. docs/reference.md, "Files", describes the columns."""

import logging
from collections.abc import Sequence

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.image_facts import FACT_COLUMNS
from dedup_assets.engine.core.records import ImageLedger
from dedup_assets.engine.work_dir.file_names import LEDGER
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import LEDGER_SCHEMA, read_parquet
from dedup_assets.engine.work_dir.unreported import unreported_name

_LOG = logging.getLogger(__name__)
_LATER_COLUMNS = ("low_information", "content", *FACT_COLUMNS)  # which ledgers of earlier versions do not have


def read_ledger(work_dir: WorkDir, name: str = LEDGER) -> ImageLedger:
    """Read image_ledger.parquet, or a former one. Raises WorkDirError if it does not exist or is damaged."""
    return ImageLedger(_ledger_columns(work_dir, name, tuple(LEDGER_SCHEMA)))


def read_ledger_columns(work_dir: WorkDir, *columns: str) -> pl.DataFrame:
    """Some columns of image_ledger.parquet, in a part of the time that all take; errors as of `read_ledger`."""
    return _ledger_columns(work_dir, LEDGER, columns)


def _ledger_columns(work_dir: WorkDir, name: str, columns: Sequence[str]) -> pl.DataFrame:
    wanted = {column: kind for column, kind in LEDGER_SCHEMA.items() if column not in _LATER_COLUMNS}
    rows = read_parquet(work_dir, name, "materialize features", wanted, LEDGER_SCHEMA, columns)[0]
    missing = [pl.lit(None, LEDGER_SCHEMA[column]).alias(column) for column in columns if column not in rows.columns]
    return rows.with_columns(missing).select(columns)


def read_former_ledger(work_dir: WorkDir) -> ImageLedger | None:
    """The ledger as of the last run that said what changed; None if there is none, or if it cannot be used."""
    published = work_dir.in_generation("") if work_dir.wrote(LEDGER) else work_dir  # the files that this run keeps
    try:
        name = published.find(unreported_name(LEDGER), LEDGER)
        return read_ledger(published, name) if name else None
    except WorkDirError as error:
        _LOG.warning("%s: what changed since the last run is not known", error)
        return None


def read_low_information(work_dir: WorkDir, names: pl.Series) -> pl.Series:
    """The column `low_information` of `Shard.images` for each row of the features.

    Args:
        work_dir: holds the features.
        names: (n,) binary, names of the rows of the features.

    Returns:
        (n,) string; all null if the work_dir has no ledger of these features (fastdup's, or vectors from arrays).

    Raises:
        WorkDirError: the ledger is damaged.
    """
    return _of_features(work_dir, names, "low_information")


def read_content(work_dir: WorkDir, names: pl.Series) -> pl.Series:
    """The column `content` of `Shard.images` for each row of the features; see `read_low_information`."""
    return _of_features(work_dir, names, "content")


def _of_features(work_dir: WorkDir, names: pl.Series, column: str) -> pl.Series:
    unknown = pl.repeat(None, len(names), dtype=pl.String, eager=True).alias(column)
    if not work_dir.exists(LEDGER):
        return unknown
    rows = read_ledger_columns(work_dir, "filename", "error_code", column)
    if rows[column].null_count() == rows.height:
        return unknown
    good = rows.filter(pl.col("error_code").is_null())
    return good[column] if good["filename"].equals(names) else unknown


def read_listed_sizes(work_dir: WorkDir) -> pl.DataFrame:
    """`filename` and `size_bytes` of the images whose size is known; empty without image_ledger.parquet."""
    return read_listed_files(work_dir).select("filename", "size_bytes")


def read_listed_files(work_dir: WorkDir) -> pl.DataFrame:
    """As `read_listed_sizes`, with `version`, `width`, `height`, `content`, which are null where they are unknown."""
    columns = ["filename", "size_bytes", "version", "width", "height", "content"]
    if not work_dir.exists(LEDGER):
        return pl.DataFrame(schema={name: LEDGER_SCHEMA[name] for name in columns})
    return read_ledger_columns(work_dir, *columns).filter(pl.col("size_bytes") >= 0)
