"""The images that verdicts are about: their pixels and their last names, by content.

They outlive the files, so that a file whose bytes were edited, and whose pixels were not, is recognised. A work_dir has
such a table; so has a file of verdicts that the setting `verdicts` names, beside it, for all work_dirs that share it.
"""

import io
import logging
from typing import BinaryIO
from uuid import uuid4

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.holding import hold_beneath
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import UNUSABLE, check_columns, first_line, read_parquet
from dedup_assets.engine.work_dir.verdict_file import VerdictFile

VERDICT_IMAGES = "verdict_images.parquet"
BESIDE = ".images"
"""Ending of the table beside a file of verdicts, after its name; not `.parquet`, which inputs read as images."""

_FIRST_COLUMNS = {"content": pl.String, "pixels": pl.String, "filename": pl.Binary}
_LATER_COLUMNS = {"width": pl.Int32, "height": pl.Int32, "mean": pl.Float32, "stdv": pl.Float32}
VERDICT_IMAGES_SCHEMA = pl.Schema({**_FIRST_COLUMNS, **_LATER_COLUMNS})
_LOG = logging.getLogger(__name__)


def no_verdict_images() -> pl.DataFrame:
    """The table without rows."""
    return pl.DataFrame(schema=VERDICT_IMAGES_SCHEMA)


def write_verdict_images(file: BinaryIO, images: pl.DataFrame) -> None:
    """Write the table."""
    images.select(list(VERDICT_IMAGES_SCHEMA)).cast(VERDICT_IMAGES_SCHEMA).write_parquet(file)


def read_verdict_images(work_dir: WorkDir) -> pl.DataFrame:
    """The table of the last run, as `Groups.verdict_images`; an empty one, with a warning, if it is damaged."""
    try:
        if work_dir.exists(VERDICT_IMAGES):
            remedy = "materialize groups"
            return _complete(read_parquet(work_dir, VERDICT_IMAGES, remedy, _FIRST_COLUMNS, _LATER_COLUMNS)[0])
    except WorkDirError as error:
        _LOG.warning("%s: verdicts on files that were edited before this run are not honoured", error)
    return no_verdict_images()


def read_images_beside(verdicts: str) -> pl.DataFrame:
    """The table beside a file of verdicts; empty if there is none, and, with a warning, if it cannot be used.

    Args:
        verdicts: path or URL of the file; empty if none is named.
    """
    if not verdicts:
        return no_verdict_images()
    file = VerdictFile(verdicts)
    try:
        return _parse(file.place.read_placed(f"{file.name}{BESIDE}"))
    except (WorkDirError, *UNUSABLE) as error:
        _LOG.warning(
            "%r cannot be used (%s): verdicts on files that were edited are honoured as far as this work_dir knows "
            "their pixels",
            f"{file.path}{BESIDE}",
            first_line(error),
        )
        return no_verdict_images()


def keep_images_beside(verdicts: str, images: pl.DataFrame) -> None:
    """Add to the table beside a file of verdicts what a run knows; of a content that it knows, the names of that run.

    A table that cannot be written is said in the log.

    Args:
        verdicts: path or URL of the file; empty if none is named.
        images: as `Groups.verdict_images`.
    """
    if not verdicts or images.is_empty() or _is_known(images, read_images_beside(verdicts)):
        return
    file = VerdictFile(verdicts)
    name = f"{file.name}{BESIDE}"
    try:
        with hold_beneath(file.place, f".{name}.lock", uuid4().hex) as lock:
            former = _parse(file.place.read_placed(name))  # raises for a file that is not ours
            others = former.join(images.select("content"), on="content", how="anti")
            table = pl.concat([others, images.select(former.columns)]).unique().sort("content", "filename")
            written = io.BytesIO()
            write_verdict_images(written, table)
            lock.check()
            file.place.write_placed(name, written.getvalue())
            lock.forget_former_epochs()
    except (WorkDirError, OSError, *UNUSABLE) as error:
        _LOG.warning(
            "%r cannot be written (%s): other work_dirs will not recognise files that were edited",
            f"{file.path}{BESIDE}",
            first_line(error),
        )


def _is_known(images: pl.DataFrame, table: pl.DataFrame) -> bool:
    keys = ["content", "filename"]
    same = table.join(images.select("content").unique(), on="content", how="semi")
    return same.sort(keys).equals(images.select(table.columns).sort(keys))


def _parse(content: bytes | None) -> pl.DataFrame:
    if content is None:
        return no_verdict_images()
    table = pl.read_parquet(io.BytesIO(content))
    check_columns(table.schema, _FIRST_COLUMNS, _LATER_COLUMNS)
    return _complete(table)


def _complete(table: pl.DataFrame) -> pl.DataFrame:
    """The table with all columns; earlier versions wrote fewer."""
    missing = [pl.lit(None, kind).alias(name) for name, kind in _LATER_COLUMNS.items() if name not in table.columns]
    return table.with_columns(missing).select(list(VERDICT_IMAGES_SCHEMA))
