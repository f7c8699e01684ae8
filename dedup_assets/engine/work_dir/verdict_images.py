"""The images that verdicts are about: their pixels and their last names, by content.

They outlive the files, so that a file whose bytes were edited, and whose pixels were not, is recognised.
"""

import logging
from typing import BinaryIO

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import read_parquet

VERDICT_IMAGES = "verdict_images.parquet"
VERDICT_IMAGES_SCHEMA = pl.Schema({"content": pl.String, "pixels": pl.String, "filename": pl.Binary})
_LOG = logging.getLogger(__name__)


def write_verdict_images(file: BinaryIO, images: pl.DataFrame) -> None:
    """Write the table."""
    images.select(list(VERDICT_IMAGES_SCHEMA)).cast(VERDICT_IMAGES_SCHEMA).write_parquet(file)


def read_verdict_images(work_dir: WorkDir) -> pl.DataFrame:
    """The table of the last run, as `Groups.verdict_images`; an empty one, with a warning, if it is damaged."""
    try:
        if work_dir.exists(VERDICT_IMAGES):
            return read_parquet(work_dir, VERDICT_IMAGES, "materialize groups", VERDICT_IMAGES_SCHEMA)[0]
    except WorkDirError as error:
        _LOG.warning("%s: verdicts on files that were edited before this run are not honoured", error)
    return pl.DataFrame(schema=VERDICT_IMAGES_SCHEMA)
