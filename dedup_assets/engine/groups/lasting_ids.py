"""Ids that last: a group takes over the id that most of its images had, by content.

Names, thresholds, indexes and the order of rows do not matter, because nothing but contents and former ids is read.
"""

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.group_history import ALIASES_SCHEMA, HOLDERS_SCHEMA, GroupHistory
from dedup_assets.engine.core.match_records import Groups
from dedup_assets.engine.groups.group_changes import find_changes, keep_recent
from dedup_assets.engine.groups.group_ids import make_ids

_LEAST_FORMER = 100_000
"""Former places of contents that are always remembered: as many as present ones, and at least these."""


def keep_ids(groups: Groups, contents: pl.DataFrame, former: GroupHistory) -> Groups:
    """Give each group the id that most of its images had, and note what changed.

    Images without a former group do not vote; of ids with equal votes the smallest wins. An id goes to one group only:
    to the one with the most votes; of equal ones to the one whose images had other ids before least often, so that the
    halves of a merge that is undone get their own ids back, then to the one with the smallest content. The other takes
    the next id that its images had. The groups of the last run come first; a group that has no id then may take back
    one that its images had earlier and that no group has now.

    Args:
        groups: as `form_groups` gives them.
        contents: `filename` and `content` (SHA-256 in hex) of images; one without a content is known by its name.
        former: what earlier runs have left.

    Returns:
        The groups with their lasting ids and a new history.
    """
    former = replace(former, holders=_by_content(former.holders, contents))
    members = _members(groups, contents)
    ids = _assign(members, former)
    table = pl.DataFrame({"group_id": list(ids), "lasting": list(ids.values())}, schema_overrides=dict(ALIASES_SCHEMA))
    rows = _renamed(groups.rows, table, "group_id").sort(
        "group_id", pl.col("filename") != pl.col("keep"), "filename", maintain_order=True
    )
    related = _renamed(_renamed(groups.related, table, "group_id"), table, "other_group_id")
    related = related.sort("group_id", "other_group_id", "filename", maintain_order=True)
    now = _renamed(members, table, "group_id").group_by("content", "group_id").agg(filenames=pl.col("filename").sort())
    return replace(groups, rows=rows, related=related, history=_history(now, former))


def _members(groups: Groups, contents: pl.DataFrame) -> pl.DataFrame:
    known = contents.select("filename", "content").drop_nulls().unique("filename", keep="first")
    rows = groups.rows.select("filename", "group_id").join(known, on="filename", how="left", maintain_order="left")
    return rows.with_columns(pl.coalesce("content", pl.col("filename").bin.encode("hex")))


def _by_content(holders: pl.DataFrame, contents: pl.DataFrame) -> pl.DataFrame:
    """The holders; one that was known by its name, and whose content is known now, has that content."""
    by_name = contents.select(pl.col("filename").bin.encode("hex").alias("content"), known="content").drop_nulls()
    found = holders.join(by_name.unique("content", keep="first"), on="content", how="left", maintain_order="left")
    if found["known"].null_count() == found.height:
        return holders
    return found.with_columns(content=pl.coalesce("known", "content")).drop("known").unique(["content", "group_id"])


def _assign(members: pl.DataFrame, former: GroupHistory) -> dict[str, str]:
    """The lasting id of each group, by the id that it has."""
    first = dict(members.group_by("group_id").agg(pl.col("content").min()).iter_rows())
    latest, present = pl.col("run") == pl.col("run").max().over("content"), pl.col("filenames").list.len() > 0
    ids: dict[str, str] = {}
    taken: set[str] = set()
    earlier = members.join(former.holders.filter(~latest).select("content").unique(), on="content")
    others = dict(earlier.group_by("group_id").len().iter_rows())
    order = {group: (others.get(group, 0), content) for group, content in first.items()}
    for remembered in (present, latest & ~present, ~latest):
        for group, had in _claims(members, former.holders.filter(remembered), order):
            if group not in ids and had not in taken:
                ids[group] = had
                taken.add(had)
    new = [group for group in first if group not in ids]
    taken |= set(former.aliases["group_id"]) | set(former.holders["group_id"])
    contents = members.filter(pl.col("group_id").is_in(new)).group_by("group_id").agg("content").sort("group_id").rows()
    made = make_ids([content for _, content in contents], taken)
    return ids | {group: name for (group, _), name in zip(contents, made, strict=True)}


def _claims(
    members: pl.DataFrame, places: pl.DataFrame, order: dict[str, tuple[int, str]]
) -> Iterable[tuple[str, str]]:
    """Groups and ids that their images had, the strongest claim first; of equal ones by `order` of the groups."""
    votes = (
        members.join(places.select("content", had="group_id"), on="content")
        .group_by("group_id", "had")
        .agg(votes=pl.len())
        .rows()
    )
    for group, had, _ in sorted(votes, key=lambda vote: (-vote[2], vote[1], order[vote[0]], vote[0])):
        yield group, had


def _renamed(table: pl.DataFrame, ids: pl.DataFrame, column: str) -> pl.DataFrame:
    found = table.join(ids.rename({"group_id": column}), on=column, how="left", maintain_order="left")
    return found.with_columns(pl.coalesce("lasting", column).alias(column)).drop("lasting")


def _history(now: pl.DataFrame, former: GroupHistory) -> GroupHistory:
    before = former.holders.filter(pl.col("filenames").list.len() > 0).select("content", "group_id", "filenames")
    changes = find_changes(before, now)
    run = former.run + bool(changes.height)
    numbered = changes.select(pl.lit(run, pl.Int64).alias("run"), pl.all())
    return GroupHistory(
        holders=_holders(now, former, run),
        changes=keep_recent(pl.concat([former.changes, numbered])),
        aliases=_aliases(now, former),
        run=run,
        is_changed=bool(changes.height),
    )


def _holders(now: pl.DataFrame, former: GroupHistory, run: int) -> pl.DataFrame:
    present = now.select("content", "group_id", pl.lit(run, pl.Int64).alias("run"), "filenames")
    past = former.holders.join(present, on=["content", "group_id"], how="anti").with_columns(
        filenames=pl.lit([], pl.List(pl.Binary))
    )
    past = past.sort("run", "content", "group_id", descending=[True, False, False])
    kept = past.head(max(_LEAST_FORMER, present.height))
    return pl.concat([present, kept]).sort("content", "run", "group_id").cast(HOLDERS_SCHEMA)


def _aliases(now: pl.DataFrame, former: GroupHistory) -> pl.DataFrame:
    """What each id that ever was is now: itself, the group that took over most of its images, or nothing.

    An id that led to another one follows it, so that chains are resolved.
    """
    present = now.select("group_id").unique()
    latest = former.holders.filter(pl.col("run") == pl.col("run").max().over("content"))
    held = (pl.col("filenames").list.len() > 0).cast(pl.Int8)
    heirs = (
        latest.filter(held == held.max().over("group_id"))  # the last members of an id, not those before them
        .select("content", had="group_id")
        .join(now, on="content")
        .group_by("had", "group_id")
        .agg(files=pl.col("filenames").list.len().sum())
        .sort("had", "files", "group_id", descending=[False, True, False])
        .unique("had", keep="first", maintain_order=True)
        .select(group_id="had", heir="group_id")
    )
    ever = pl.concat([former.aliases.select("group_id"), former.holders.select("group_id"), present]).unique()
    table = (
        ever.join(former.aliases.rename({"now": "led_to"}), on="group_id", how="left")
        .join(present.with_columns(here="group_id"), on="group_id", how="left")
        .join(heirs, on="group_id", how="left")
    )
    found = table.select("group_id", "led_to", "here", "heir", now=pl.coalesce("here", "heir"))
    # An id that had ended before leads where the id leads that it led to: that one was in use in the last run.
    onward = found.select(led_to="group_id", onward="now")
    found = found.join(onward, on="led_to", how="left")
    ended = pl.col("led_to") != pl.col("group_id")
    return (
        found.select("group_id", now=pl.coalesce("here", pl.when(ended).then("onward"), "heir", pl.lit("")))
        .sort("group_id")
        .cast(ALIASES_SCHEMA)
    )
