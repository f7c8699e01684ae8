"""image_facts.parquet: what is measured of each good image. docs/reference.md, "Files", describes the columns."""

import polars as pl

from dedup_assets.engine.core.image_facts import FACT_COLUMNS
from dedup_assets.engine.work_dir.file_names import IMAGE_FACTS
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import LEDGER_SCHEMA, read_parquet

_SCHEMA = {
    **{"index": pl.Int64, "filename": pl.Binary, "file_size": pl.Int64},
    **{name: LEDGER_SCHEMA[name] for name in FACT_COLUMNS},
    "contrast": pl.Float32,
}


def facts_of(ledger: pl.DataFrame) -> pl.DataFrame:
    """The table of facts: a row for each good image, in the order of the features.

    Args:
        ledger: as `Shard.images`.

    Returns:
        `index` (row of features.dat), `filename`, `file_size`, the facts of `core.image_facts.ImageFacts`, and
        `contrast`, (max - min) / (max + min), as fastdup's atrain_stats.csv has it.
    """
    low, high = (pl.col(name).cast(pl.Float32) for name in ("min", "max"))
    contrast = pl.when(pl.col("max") > 0).then((high - low) / (high + low)).otherwise(0.0).cast(pl.Float32)
    good = ledger.filter(pl.col("error_code").is_null()).drop("index").with_row_index("index")
    return good.with_columns(
        pl.col("index").cast(pl.Int64),
        file_size="size_bytes",
        contrast=pl.when(pl.col("max").is_not_null()).then(contrast),
    ).select(*_SCHEMA)


def read_facts(work_dir: WorkDir) -> pl.DataFrame:
    """Read image_facts.parquet, a table as of `facts_of`.

    Raises:
        WorkDirError: it is missing (features from arrays, or of fastdup, have none) or damaged.
    """
    return read_parquet(work_dir, IMAGE_FACTS, "materialize features", _SCHEMA)[0]
