"""The bad rows of a ledger."""

import polars as pl

from dedup_assets.engine.core.records import ErrorCode, ImageLedger
from dedup_assets.engine.results.bad_images import count_codes, find_bad_images

_SCHEMA = {
    "index": pl.Int64,
    "filename": pl.Binary,
    "size_bytes": pl.Int64,
    "version": pl.String,
    "error_code": pl.String,
    "error": pl.String,
}


def ledger_of(*codes: str | None) -> ImageLedger:
    """A ledger from position 5 on, with one row per code."""
    rows = [
        (5 + row, b"%d\xff.jpg" % row, 100 + row, "", code, code and f"reason {row}") for row, code in enumerate(codes)
    ]
    return ImageLedger(pl.DataFrame(rows, schema=_SCHEMA, orient="row"))


def test_bad_images_keep_their_position_in_the_full_listing_and_their_order() -> None:
    bad = find_bad_images(ledger_of(None, "ERROR_MISSING_FILE", None, "ERROR_CORRUPT_IMAGE"))
    assert bad.rows.columns == ["index", "filename", "error_code", "filesize", "error"]
    assert bad.rows.rows() == [
        (6, b"1\xff.jpg", "ERROR_MISSING_FILE", 101, "reason 1"),
        (8, b"3\xff.jpg", "ERROR_CORRUPT_IMAGE", 103, "reason 3"),
    ]


def test_where_all_images_are_good_none_is_bad() -> None:
    bad = find_bad_images(ledger_of(None, None))
    assert len(bad) == 0
    assert count_codes(bad) == {}


def test_codes_are_counted_in_the_order_of_the_vocabulary() -> None:
    codes = [code.value for code in reversed(ErrorCode)] + [ErrorCode.CORRUPT_IMAGE.value]
    counts = count_codes(find_bad_images(ledger_of(*codes, None)))
    assert list(counts) == [code.value for code in ErrorCode]
    assert counts["ERROR_CORRUPT_IMAGE"] == 2
    assert sum(counts.values()) == len(codes)
