"""Which of several similar files to keep: a suggestion with its reason, the same whenever the files are the same."""

from enum import IntEnum

import polars as pl


class Reason(IntEnum):
    """What decided: the first of these by which one file stands out; what is unknown of any file decides nothing."""

    PIXELS = 0
    BYTES = 1
    OLDER = 2
    NAME = 3

    @property
    def words(self) -> str:
        """The reason on a page."""
        return ("more pixels", "more bytes", "older", "first by name, equal otherwise")[self]


def choose(members: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Choose a file of each group: the most pixels, then the most bytes, then the oldest, then the first name.

    Args:
        members: `group`, `file` (row of `facts`, whose order is that of the names); groups of two or more.
        facts: as `pictures.tabulate` gives them.

    Returns:
        `group`, `keep` (a file), `reason` (a `Reason`), `others` (how many of the rest can be removed: what lies in a
        container cannot), `freed` (their bytes), `unsized` (how many of them have no known size), ordered by group.
    """
    single = pl.col("container").is_null()
    columns = facts.select(
        pixels=pl.col("width") * pl.col("height"),
        bytes="size_bytes",
        age=pl.when(single).then(-pl.col("modified")),  # the date of a container is not that of the image
        size="size_bytes",
        single=single,
    )
    joined = pl.concat([members.select("group", "file"), columns[members["file"]]], how="horizontal")
    criteria = ["pixels", "bytes", "age"]
    known = [pl.when(pl.col(name).is_not_null().all().over("group")).then(name).otherwise(0) for name in criteria]
    ordered = joined.with_columns(known).sort(
        "group", *criteria, "file", descending=[False, True, True, True, False], nulls_last=True
    )
    second = [pl.col(name).first() > pl.col(name).get(1) for name in criteria]
    decided = pl.when(second[0]).then(Reason.PIXELS).when(second[1]).then(Reason.BYTES).when(second[2])
    rest = pl.col("size").slice(1).filter(pl.col("single").slice(1))
    return ordered.group_by("group", maintain_order=True).agg(
        keep=pl.col("file").first(),
        reason=decided.then(Reason.OLDER).otherwise(Reason.NAME).cast(pl.Int8),
        others=rest.len(),
        freed=rest.sum(),
        unsized=rest.null_count(),
    )


def choose_of_pairs(pairs: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """As `choose`, for rows of `a` and `b`: `side` (0: a is kept, 1: b), `reason`."""
    numbered = pairs.select("a", "b").with_row_index("group")
    members = pl.concat([numbered.select("group", file=side) for side in ("a", "b")])
    chosen = choose(members, facts)
    return chosen.select(side=(chosen["keep"] != numbered["a"]).cast(pl.Int8), reason="reason")
