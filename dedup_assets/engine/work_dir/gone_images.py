"""Rows of images that went: a restored backup brings files back, and their vectors need not be computed again.

When contents leave a listing, their rows are kept in a shard of the empty range at its start. They are found there by
content, as those of a moved file are. Their number is bounded; those that went first are dropped first.
"""

from collections.abc import Callable
from contextlib import suppress

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import OffsetRange

GONE = OffsetRange(0, 0)
"""The range of the shard of images that went."""

_LEAST = 20_000
_PART = 5  # of the listing


def most_gone(listed: int) -> int:
    """How many rows of images that went are kept beside a listing: a fifth of it, and at least 20,000."""
    return max(_LEAST, listed // _PART)


def rows_of_gone(
    former: set[str], now: set[str], contents: Callable[[str], set[str]], rows: Callable[[str], pl.DataFrame]
) -> pl.DataFrame:
    """The rows of contents that were there before and are not now, each content once; those that went last come first.

    Args:
        former: names of the shards of the last run, among them that of rows kept by it.
        now: names of the shards of this run.
        contents: gives the contents in a shard.
        rows: gives the rows of a shard that have a content; may raise WorkDirError.
    """
    kept = {name for name in former if name.startswith(GONE.key)}
    here = set[str]().union(*map(contents, sorted(now - former)))
    found: list[pl.DataFrame] = []
    for name in (*sorted(former - now - kept), *sorted(kept)):
        left = contents(name) - here
        if left:
            here |= set[str]().union(*map(contents, sorted(former & now)))
            left -= here
        if left:
            with suppress(WorkDirError):  # it was damaged or deleted: the images are computed if they come back
                found.append(rows(name).filter(pl.col("content").is_in(list(left))))
    return pl.concat(found).unique("content", keep="first", maintain_order=True) if found else pl.DataFrame()
