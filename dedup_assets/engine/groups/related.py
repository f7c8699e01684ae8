"""Neighbours of a group that are no members: another picture, not decided, or a copy of a member alone."""

import polars as pl

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.match_tables import RELATED_SCHEMA

_STRENGTH = {
    Relation.DIFFERENT: 0,
    Relation.VARIANT: 2,
    Relation.UNVERIFIED: 3,
}  # what says most about two groups comes first
_COPY_OF_A_MEMBER = 1


def find_related(rows: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """The neighbours of each group, each once: other groups and single images, by the pair that says most.

    Args:
        rows: `Evidence.rows`.
        groups: `Groups.rows`.

    Returns:
        `Groups.related`, sorted by group, other group and name.
    """
    group_of = groups.select("filename", "group_id")
    sides = rows.select("a", "b", "similarity", "relation")
    for side in ("a", "b"):
        found = group_of.rename({"filename": side, "group_id": f"group_{side}"})
        sides = sides.join(found, on=side, how="left", maintain_order="left").with_columns(
            pl.col(f"group_{side}").fill_null("")
        )
    apart = sides.filter(pl.col("group_a") != pl.col("group_b"))
    directed = [
        apart.select(
            group_id=f"group_{here}", other_group_id=f"group_{there}", filename=there, similarity="similarity",
            relation="relation",
        )
        for here, there in (("a", "b"), ("b", "a"))
    ]  # fmt: skip
    strength = pl.col("relation").replace_strict(_STRENGTH, default=_COPY_OF_A_MEMBER, return_dtype=pl.Int8)
    single = pl.when(pl.col("other_group_id") == "").then("filename")
    return (
        pl.concat(directed)
        .filter(pl.col("group_id") != "")
        .with_columns(strength=strength, single=single)
        .sort("group_id", "strength", "similarity", "filename", descending=[False, False, True, False])
        .unique(["group_id", "other_group_id", "single"], keep="first", maintain_order=True)
        .sort("group_id", "other_group_id", "filename")
        .select(pl.col(name).cast(kind) for name, kind in RELATED_SCHEMA.items())
    )
