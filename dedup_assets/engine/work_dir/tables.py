"""Tables of a work_dir, read with errors that name the file and how to make it again."""

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.identity import open_checked
from dedup_assets.engine.work_dir.location import WorkDir

_EMPTY_COLUMNS = {
    **dict.fromkeys(["component_id", "count"], pl.Int64),
    **dict.fromkeys(["pagerank", "mean_distance", "min_distance", "max_distance", "mean", "min", "max"], pl.Float64),
}  # columns that may be empty in all rows, so that their type cannot be inferred


def read_numbers(work_dir: WorkDir, name: str, *columns: str) -> pl.DataFrame:
    """Read a CSV file of numbers with at least these columns; a column of whole numbers has an integer type."""
    with open_checked(work_dir, name) as file:
        try:
            table = pl.read_csv(file, schema_overrides=_EMPTY_COLUMNS, infer_schema_length=None)
            return table.select(*columns, pl.exclude(columns)).select(table.columns)
        except pl.exceptions.PolarsError as error:
            raise WorkDirError(f"{work_dir.path(name)!r} is damaged: {error}; materialize components again") from None


def read_parquet(work_dir: WorkDir, name: str, remedy: str) -> tuple[pl.DataFrame, dict[str, str]]:
    """Read a table, and the metadata that was written with it."""
    work_dir.require(name, remedy=f"{remedy} first")
    with open_checked(work_dir, name) as file, naming_damage(work_dir, name, remedy):
        facts = pl.read_parquet_metadata(file)
        file.seek(0)
        return pl.read_parquet(file), facts


@contextmanager
def naming_damage(work_dir: WorkDir, name: str, remedy: str) -> Iterator[None]:
    """Turn polars' errors about a file that it cannot read into errors that name the file and the remedy."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise WorkDirError(f"{work_dir.path(name)!r} is damaged: {error}; {remedy} again") from None
