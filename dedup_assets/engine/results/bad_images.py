"""The bad images of the ledger of all listed images, and their error codes."""

import polars as pl

from dedup_assets.engine.core.records import BadImages, ErrorCode, ImageLedger


def find_bad_images(ledger: ImageLedger) -> BadImages:
    """The images that gave no vector, in listing order, with code and reason."""
    bad = ledger.rows.filter(pl.col("error_code").is_not_null())
    return BadImages(bad.select("index", "filename", "error_code", pl.col("size_bytes").alias("filesize"), "error"))


def count_codes(bad: BadImages) -> dict[str, int]:
    """The number of images per error code, in the order of `ErrorCode`; codes without images are left out."""
    counts = dict(bad.rows.group_by("error_code").len().iter_rows())
    return {code.value: counts[code.value] for code in ErrorCode if code.value in counts}
