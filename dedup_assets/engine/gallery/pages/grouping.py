"""Groups as tables of numbers: the kept file, its copies with what was done to them, and related files."""

from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.match_records import REVIEW_SEPARATOR, Groups, Relation, Role
from dedup_assets.engine.core.reviews import STAYS
from dedup_assets.engine.gallery.pages.frames import fold_members

_OF_A_COPY = "of a copy, not of the kept image"
_LOOK = "look at both"
_FINER = f"has or may have what the kept one lacks, {_LOOK}"
_PROTECTED = "protected by a verdict or a root"
_REMARKS = {Role.REVIEW.value: _FINER, Role.PROTECTED.value: _PROTECTED}
_SAME_PICTURE = [relation.value for relation in Relation if relation.is_same_picture]
_RELATED_KIND = pl.when(pl.col("relation").is_in(_SAME_PICTURE)).then(pl.lit(_OF_A_COPY)).otherwise(pl.lit(""))


@dataclass(frozen=True)
class NumberedGroups:
    """The groups whose copies take most bytes come first; files are numbers, rows of `NumberedResults.names`.

    Attributes:
        groups: `group_id`, `keep` (file), `reason` (string), `copies` and `related` (their numbers), `bytes` (known
            sizes together of the copies that may go).
        copies: `group` (row of `groups`), `file`, `similarity`, `relation`, `kind`, `role` (a `Role`), `stays` (as of
            `heed_belongings`), `twin` (the file that stays of those with the same bytes; null where that is the kept
            one, or the file itself), `reason` (why the kept file goes before it), `frames` (as `fold_members` gives
            it): the most similar first. With evidence also `transform`, `residual` and `turned`, as of pairs of the
            kept file and the copy.
        related: `group`, `file`, `similarity`, `relation`, `kind`, `other` (the row of the group that the file is in;
            null if it is in none): the most similar first.
    """

    groups: pl.DataFrame
    copies: pl.DataFrame
    related: pl.DataFrame


NO_GROUPS = NumberedGroups(
    pl.DataFrame(schema={"group_id": pl.String, "keep": pl.UInt32, "reason": pl.String, "copies": pl.Int64}),
    pl.DataFrame(
        schema={
            **{"group": pl.UInt32, "file": pl.UInt32, "relation": pl.String, "role": pl.String, "twin": pl.UInt32},
            **{"stays": pl.Boolean, "reason": pl.String, "frames": pl.String},
        }
    ),
    pl.DataFrame(schema={"group": pl.UInt32, "file": pl.UInt32}),
)
"""Where evidence decides and there are no groups, nothing is to keep and nothing can go."""


def number_groups(found: Groups, names: pl.Series, sizes: pl.DataFrame) -> NumberedGroups:
    """Number the files of groups, and put the groups in order.

    Args:
        found: the groups.
        names: (n,) binary, sorted; all files of the groups and related ones are in it.
        sizes: `filename` and `size_bytes` of files, where they are known.
    """
    numbers = pl.DataFrame({"filename": names}).with_row_index("file")
    rows = found.rows.join(numbers, on="filename", how="left", maintain_order="left")
    rows = rows.join(sizes.unique("filename", keep="last"), on="filename", how="left", maintain_order="left")
    rows = rows.join(numbers.select(twin="filename", twin_file="file"), on="twin", how="left", maintain_order="left")
    is_copy = pl.col("filename") != pl.col("keep")
    remark = pl.col("role").replace_strict(_REMARKS, default="", return_dtype=pl.String)
    is_said = (pl.col("role") == Role.REVIEW.value) & (pl.col("review") != "")
    rows = rows.join(_without_repetition(rows), on=["kind", "review"], how="left", maintain_order="left")
    remark = pl.when(is_said).then("said").otherwise(remark)
    groups = (
        rows.group_by("group_id", maintain_order=True)
        .agg(
            keep=pl.col("file").filter(~is_copy).first(),
            reason=pl.col("reason").filter(~is_copy).first(),
            copies=is_copy.sum().cast(pl.Int64),
            bytes=pl.col("size_bytes").filter(pl.col("role") == Role.COPY.value).sum(),
        )
        .sort("bytes", "copies", "group_id", descending=[True, True, False])
    )
    order = groups.select("group_id").with_row_index("group")
    copies = (
        rows.filter(is_copy)
        .join(order, on="group_id")
        .sort("group", "similarity_to_keep", "file", descending=[False, True, False])
        .select(
            "group",
            "file",
            "relation",
            kind=pl.when((remark != "") & (pl.col("kind") != ""))
            .then(pl.col("kind") + "; " + remark)
            .otherwise(pl.col("kind") + remark),
            similarity="similarity_to_keep",
            role="role",
            stays=pl.col("stays") if "stays" in rows.columns else STAYS,
            twin="twin_file",
            reason="reason",
        )
    )
    copies = copies.with_columns(fold_members(copies["group"], names.gather(copies["file"])))
    related = (
        found.related.join(order, on="group_id")
        .join(order.rename({"group_id": "other_group_id", "group": "other"}), on="other_group_id", how="left")
        .join(numbers, on="filename")
        .sort("group", "similarity", "file", descending=[False, True, False])
        .select("group", "file", "similarity", "relation", "other", kind=_RELATED_KIND)
    )
    counts = related.group_by("group").len("related")
    counted = groups.with_row_index("group").join(counts, on="group", how="left", maintain_order="left")
    return NumberedGroups(counted.drop("group").with_columns(pl.col("related").fill_null(0)), copies, related)


def _without_repetition(rows: pl.DataFrame) -> pl.DataFrame:
    """What is said of each `kind` and `review`: the reasons that the kind does not say itself."""
    texts = rows.select("kind", "review").unique()
    said = []
    for kind, review in texts.iter_rows():
        others = [reason for reason in review.split(REVIEW_SEPARATOR) if reason and reason not in kind.split(", ")]
        said.append(f"{REVIEW_SEPARATOR.join(others)}: {_LOOK}" if others else _LOOK)
    return texts.with_columns(said=pl.Series(said, dtype=pl.String))


def count_pictures(members: pl.DataFrame, decided: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """How many pictures the images of each component are.

    Args:
        members: `group` (row of the components), `file`.
        decided: a row for each file: `kept` (the kept file of its group; null in no group), `suggested`.
        facts: a row for each file, with `size_bytes`.

    Returns:
        One row per component, in order: `groups` (groups that have an image in it), `alone` (images in no group),
        `freed` (known bytes of its files that are suggested to go).
    """
    files = decided.with_columns(facts["size_bytes"])
    return (
        members.select("group")
        .hstack(files[members["file"]])
        .group_by("group", maintain_order=True)
        .agg(
            groups=pl.col("kept").drop_nulls().n_unique(),
            alone=pl.col("kept").null_count(),
            freed=pl.col("size_bytes").filter("suggested").sum(),
        )
        .select("groups", "alone", "freed")
    )
