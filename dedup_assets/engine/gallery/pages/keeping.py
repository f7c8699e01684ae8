"""Which of several similar files to keep: a suggestion with its reason. The same files give the same suggestion.

Only this module has the rule. Pages and scripts get its decisions as data.
"""

from dataclasses import replace
from enum import IntEnum

import polars as pl

from dedup_assets.engine.core.match_records import Relation, Role
from dedup_assets.engine.gallery.pages.grouping import NumberedGroups


class Reason(IntEnum):
    """The reason for a choice: the first criterion in which one file is ahead. Unknown facts are not compared."""

    READABLE = 0
    PIXELS = 1
    BYTES = 2
    OLDER = 3
    NAME = 4

    @property
    def words(self) -> str:
        """The reason in words, for a page."""
        return _WORDS[self]


_WORDS = ("the only one that can be read", "more pixels", "more bytes", "older", "first by name, equal otherwise")
_CRITERIA = ("pixels", "bytes", "age")


def find_removable(facts: pl.DataFrame) -> pl.Series:
    """Whether each file can be removed at all: it can be read, and is not a part of an archive or a video."""
    return _criteria(facts)["removable"]


def choose(members: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Choose a file of each group: the most pixels, then the most bytes, then the oldest, then the first name.

    A file that cannot be read, perhaps because it was deleted, is never chosen and never counted as removable.

    Args:
        members: `group`, `file` (row of `facts`, whose order is that of the names); groups of two or more.
        facts: as `shown_files.tabulate` gives them.

    Returns:
        One row per group, in order: `group`; `keep` (a file; null if none can be read); `reason` (a `Reason`; null in
        the same case); `others` (number of removable files among the rest); `freed` (the sum of their known sizes, in
        bytes); `unsized` (number of them without a known size).
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
    """Choose the file to keep of each pair, and decide which of the other files can be removed together.

    If the other files of all pairs with `remove` are removed, the kept file of each of these pairs remains.

    Args:
        pairs: `a`, `b` (rows of `facts`), the most similar first.
        facts: as for `choose`.

    Returns:
        One row per pair: `side` (0 keeps a, 1 keeps b; null if neither can be read); `reason`; `remove` (whether the
        other file can be removed together with those of all other pairs with `remove`).
    """
    numbered = pairs.select("a", "b").with_row_index("group")
    members = pl.concat([numbered.select("group", file=side) for side in ("a", "b")])
    chosen = choose(members, facts)
    decided = chosen.select(side=(chosen["keep"] != numbered["a"]).cast(pl.Int8), reason="reason")
    return decided.with_columns(remove=_remove_together(pairs, decided["side"], find_removable(facts)))


def drop_lost(groups: NumberedGroups, facts: pl.DataFrame) -> NumberedGroups:
    """Take the reasons from groups whose kept file cannot be read now: nothing is to keep where there is nothing."""
    readable = _criteria(facts)["readable"].gather(groups.groups["keep"])
    of_copies = readable.gather(groups.copies["group"])
    return replace(
        groups,
        groups=groups.groups.with_columns(reason=pl.when(readable).then("reason")),
        copies=groups.copies.with_columns(reason=pl.when(of_copies).then("reason")),
    )


def follow_groups(groups: NumberedGroups, facts: pl.DataFrame) -> pl.DataFrame:
    """Keep what the groups keep. Only files with the bytes of one that stays can go; a person decides about others.

    Equal pixels may lack a date, a depth map or a second picture. What an edit took away, or what a comparison at 256
    pixels cannot see (a digit, a face), may be all that somebody has.

    Nothing of a group can go whose kept file cannot be read now, perhaps because it was deleted since.

    Args:
        groups: the groups.
        facts: as for `choose`.

    Returns:
        One row per file: `kept` (the kept file of its group; null in no group); `suggested` (whether it can go).
    """
    criteria = _criteria(facts)
    copies = groups.copies.select("group", "file", "relation").with_columns(
        kept=groups.groups["keep"].gather(groups.copies["group"])
    )
    can_go = criteria["removable"].gather(copies["file"]) & criteria["readable"].gather(copies["kept"])
    can_go &= (copies["relation"] == Relation.EXACT.value) & (groups.copies["role"] == Role.COPY.value)
    twins = groups.copies["twin"]
    beside_twin = criteria["removable"].gather(copies["file"]) & criteria["readable"].gather(twins.fill_null(0))
    can_go |= beside_twin & twins.is_not_null() & groups.copies["role"].is_in([Role.COPY.value, Role.REVIEW.value])
    keepers = groups.groups.select(file="keep", kept="keep", suggested=pl.lit(value=False))
    members = pl.concat([copies.select("file", "kept", suggested=can_go), keepers])
    files = pl.DataFrame({"file": pl.int_range(facts.height, dtype=pl.UInt32, eager=True)})
    decided = files.join(members, on="file", how="left", maintain_order="left")
    return decided.select("kept", pl.col("suggested").fill_null(value=False))


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
