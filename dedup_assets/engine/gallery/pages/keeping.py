"""Which of several similar files to keep: a suggestion with its reason, the same whenever the files are the same.

The only place with this rule. Pages and scripts get its decisions as data.
"""

from enum import IntEnum

import polars as pl


class Reason(IntEnum):
    """What decided: the first of these that tells one file from the others; unknown facts decide nothing."""

    READABLE = 0
    PIXELS = 1
    BYTES = 2
    OLDER = 3
    NAME = 4

    @property
    def words(self) -> str:
        """The reason on a page."""
        return _WORDS[self]


_WORDS = ("the only one that can be read", "more pixels", "more bytes", "older", "first by name, equal otherwise")
_CRITERIA = ("pixels", "bytes", "age")


def find_removable(facts: pl.DataFrame) -> pl.Series:
    """Whether each file can be removed at all: it can be read, and is no part of an archive or a video."""
    return _criteria(facts)["removable"]


def choose(members: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Choose a file of each group: the most pixels, then the most bytes, then the oldest, then the first name.

    A file that cannot be read, perhaps because it is gone, is never chosen and never counted as removable.

    Args:
        members: `group`, `file` (row of `facts`, whose order is that of the names); groups of two or more.
        facts: as `shown_files.tabulate` gives them.

    Returns:
        `group`, `keep` (a file; null if none of them can be read), `reason` (a `Reason`; null likewise), `others` (how
        many of the rest can be removed: a part of a container cannot), `freed` (their bytes), `unsized` (how many of
        them have no known size), ordered by group.
    """
    table = pl.concat([members.select("group", "file"), _criteria(facts)[members["file"]]], how="horizontal")
    known = [
        pl.when((pl.col(name).is_not_null() | ~pl.col("readable")).all().over("group")).then(name).otherwise(0)
        for name in _CRITERIA
    ]
    ordered = table.with_columns(known).sort(
        "group", "readable", *_CRITERIA, "file", descending=[False, True, True, True, True, False], nulls_last=True
    )
    ahead = [pl.col(name).first() > pl.col(name).get(1) for name in ("readable", *_CRITERIA)]
    reason = pl.lit(Reason.NAME)
    for first, decided in reversed(list(zip(ahead, Reason, strict=False))):
        reason = pl.when(first).then(pl.lit(decided)).otherwise(reason)
    rest = pl.col("size").slice(1).filter(pl.col("removable").slice(1))
    chosen = pl.col("readable").first()
    return ordered.group_by("group", maintain_order=True).agg(
        keep=pl.when(chosen).then(pl.col("file").first()),
        reason=pl.when(chosen).then(reason.cast(pl.Int8)),
        others=rest.len(),
        freed=rest.sum(),
        unsized=rest.null_count(),
    )


def choose_of_pairs(pairs: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Choose one of each pair, and which of the others can be removed together.

    Args:
        pairs: `a`, `b` (rows of `facts`), the most similar first.
        facts: as for `choose`.

    Returns:
        A row for each pair: `side` (0: a is kept, 1: b; null: neither can be read), `reason`, `remove` (whether the
        other one can go, if the others of all pairs with `remove` go too: what is kept of one such pair is never the
        other one of another).
    """
    numbered = pairs.select("a", "b").with_row_index("group")
    members = pl.concat([numbered.select("group", file=side) for side in ("a", "b")])
    chosen = choose(members, facts)
    decided = chosen.select(side=(chosen["keep"] != numbered["a"]).cast(pl.Int8), reason="reason")
    return decided.with_columns(remove=_remove_together(pairs, decided["side"], find_removable(facts)))


def _criteria(facts: pl.DataFrame) -> pl.DataFrame:
    single, readable = pl.col("container").is_null(), pl.col("problem").is_null()
    return facts.select(
        pixels=pl.col("width") * pl.col("height"),
        bytes="size_bytes",
        age=pl.when(single).then(-pl.col("modified")),  # the date of a container is not that of the image
        size="size_bytes",
        readable=readable,
        removable=single & readable,
    )


def _remove_together(pairs: pl.DataFrame, sides: pl.Series, removable: pl.Series) -> pl.Series:
    can_go = removable.to_list()
    kept: set[int] = set()
    gone: set[int] = set()
    remove = []
    for a, b, side in zip(pairs["a"], pairs["b"], sides, strict=True):
        keep, other = (b, a) if side else (a, b)
        goes = side is not None and can_go[other] and keep not in gone and other not in kept
        if goes:
            kept.add(keep)
            gone.add(other)
        remove.append(goes)
    return pl.Series(remove, dtype=pl.Boolean)
