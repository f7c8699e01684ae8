"""What changed in groups between two runs: each content that came, left or moved is in exactly one row."""

import polars as pl

from dedup_assets.engine.core.group_history import CHANGES_SCHEMA, Change

MOST_CHANGES = 100_000
"""Rows of earlier runs that are kept, whole runs only; those of the last run are always kept."""

_ORDER = {change: place for place, change in enumerate(Change)}


def find_changes(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """The changes from one run to the next.

    Args:
        before: `content`, `group_id`, `filenames` (list of binary); each content is in one group.
        now: likewise.

    Returns:
        The columns of `GroupHistory.changes` without `run`, sorted by kind and group.
    """
    both = before.rename({"group_id": "was", "filenames": "names_was"}).join(
        now.rename({"group_id": "is", "filenames": "names_is"}), on="content", how="full", coalesce=True
    )
    moved = both.filter(pl.col("was") != pl.col("is"))
    is_old = pl.col("is").is_in(before["group_id"].unique().implode()) | pl.col("is").is_in(moved["is"].implode())
    lives = pl.col("was").is_in(now["group_id"].unique().implode())
    left_some = lives | pl.col("was").is_in(moved["was"].implode())
    came = both.filter(pl.col("was").is_null()).select(
        change=pl.when(is_old).then(pl.lit(Change.GROWN.value)).otherwise(pl.lit(Change.CREATED.value)),
        group_id="is", other=pl.lit(""), filenames="names_is",
    )  # fmt: skip
    went = both.filter(pl.col("is").is_null()).select(
        change=pl.when(left_some).then(pl.lit(Change.SHRUNK.value)).otherwise(pl.lit(Change.GONE.value)),
        group_id="was", other=pl.lit(""), filenames="names_was",
    )  # fmt: skip
    moves = moved.select(
        change=pl.when(lives).then(pl.lit(Change.SPLIT.value)).otherwise(pl.lit(Change.MERGED.value)),
        group_id=pl.when(lives).then("was").otherwise("is"),
        other=pl.when(lives).then("is").otherwise("was"),
        filenames="names_is",
    )
    rows = pl.concat([came, went, moves, *_recounted(both)]).explode("filenames")
    grouped = rows.group_by("change", "group_id", "other").agg(pl.col("filenames").sort())
    order = pl.col("change").replace_strict(_ORDER, return_dtype=pl.Int8)
    columns = {name: kind for name, kind in CHANGES_SCHEMA.items() if name != "run"}
    return grouped.sort(order, "group_id", "other").select(pl.col(name).cast(kind) for name, kind in columns.items())


def _recounted(both: pl.DataFrame) -> list[pl.DataFrame]:
    """Contents that stay in their group with more files or fewer: exact copies that came or went."""
    stays = both.filter(pl.col("was") == pl.col("is")).with_columns(
        more=pl.col("names_is").list.len().cast(pl.Int64) - pl.col("names_was").list.len().cast(pl.Int64)
    )
    grown = stays.filter(pl.col("more") > 0).select(
        change=pl.lit(Change.GROWN.value),
        group_id="is",
        other=pl.lit(""),
        filenames=pl.col("names_is").list.set_difference("names_was").list.sort().list.tail("more"),
    )
    shrunk = stays.filter(pl.col("more") < 0).select(
        change=pl.lit(Change.SHRUNK.value),
        group_id="is",
        other=pl.lit(""),
        filenames=pl.col("names_was").list.set_difference("names_is").list.sort().list.tail(-pl.col("more")),
    )
    return [grown, shrunk]


def keep_recent(changes: pl.DataFrame) -> pl.DataFrame:
    """The rows of the last run, and of as many runs before it as have `MOST_CHANGES` rows together."""
    counts = changes.group_by("run").len().sort("run", descending=True)
    fits = counts.filter(
        (pl.col("len").cum_sum() - pl.col("len").first() <= MOST_CHANGES) | (pl.int_range(pl.len()) == 0)
    )
    return changes.filter(pl.col("run") >= fits["run"].min()) if fits.height else changes
