"""Columns of a ledger that a test does not care about."""

import polars as pl

from dedup_assets.engine.core.image_facts import FACT_COLUMNS
from dedup_assets.engine.work_dir.tables import LEDGER_SCHEMA


def unknown_columns() -> list[pl.Expr]:
    """What no image is known to be: null in each row."""
    names = ("low_information", "content", *FACT_COLUMNS)
    return [pl.lit(None, LEDGER_SCHEMA[name]).alias(name) for name in names]
