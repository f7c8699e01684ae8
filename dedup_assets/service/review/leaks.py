"""Pairs across named sets in a review: leaks that a person must decide about, and variants to look at."""

import polars as pl

from dedup_assets.engine.core.match_records import REVIEW_SEPARATOR
from dedup_assets.engine.core.set_records import LeakRole
from dedup_assets.engine.work_dir import WorkDir, leak_files, manifest_file

SCHEMA = pl.Schema(
    {
        **{"role": pl.String, "a": pl.Binary, "b": pl.Binary, "similarity": pl.Float64, "relation": pl.String},
        **{"kind": pl.String, "sets_a": pl.String, "sets_b": pl.String},
    }
)
_SHOWN = [LeakRole.REVIEW.value, LeakRole.VARIANT.value]


def has_sets(work_dir: WorkDir) -> bool:
    """Whether the run had named sets."""
    return work_dir.exists(leak_files.LEAKS)


def read_pairs(work_dir: WorkDir) -> pl.DataFrame:
    """The leaks to review and the variants across sets, each pair once, the most similar first.

    Returns:
        The columns of `SCHEMA`: `role` (a `LeakRole`), `a`, `b` (names of images, of a link that of its file), and the
        sets of each in words; no rows where the run had no sets. `kind` names each reason for which a person decides.

    Raises:
        WorkDirError: a file is damaged.
    """
    if not has_sets(work_dir):
        return pl.DataFrame(schema=SCHEMA)
    rows = leak_files.read_leaks(work_dir).rows.filter(pl.col("role").is_in(_SHOWN))
    links = manifest_file.read_manifest(work_dir).links
    for side in ("a", "b"):
        if links is not None:
            names = links.select(pl.col("filename").alias(side), pl.col("same_as").alias("image")).unique(side)
            rows = rows.join(names, on=side, how="left", maintain_order="left")
            rows = rows.with_columns(pl.coalesce("image", side).alias(side)).drop("image")
    pairs = rows.group_by("role", "a", "b", maintain_order=True).agg(
        pl.col("similarity", "relation", "kind", "review").first(),
        *(pl.col(f"set_{side}").unique(maintain_order=True).str.join(", ").alias(f"sets_{side}") for side in "ab"),
    )
    is_said = pl.col("kind").str.contains(pl.col("review"), literal=True)
    kind = pl.when(is_said).then("kind").otherwise(pl.concat_str("kind", "review", separator=REVIEW_SEPARATOR))
    pairs = pairs.with_columns(kind=kind.str.strip_chars_start(REVIEW_SEPARATOR))
    return pairs.sort(-pl.col("similarity"), "a", "b", nulls_last=True).select(list(SCHEMA)).cast(SCHEMA)
