"""How many entries a page shows at first, and which files have thumbnails because of that."""

from collections.abc import Iterator, Sequence

import polars as pl

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.gallery.pages.frames import first_of_card
from dedup_assets.engine.gallery.pages.grouping import NumberedGroups
from dedup_assets.engine.gallery.pages.numbering import NumberedResults

MEMBERS = 12
"""Images of a component, or copies of a group, before it is opened."""
RELATED = 6
"""Images beside a group."""
COMPONENTS_ON_PAGE = 20
GROUPS_ON_PAGE = 20
BAD_ON_PAGE = 100
_MOST_ON_PAGE = 50  # pairs or outliers
_MEMBERS_PER_PAIR = 4  # thumbnails of members per pair that has thumbnails, for components and for groups


def files_shown_first(numbered: NumberedResults, settings: Settings) -> list[int]:
    """The files that get large thumbnails: those of the first pairs, outliers, components and groups."""
    num_images = settings.gallery_pairs
    heads = numbered.pairs.with_row_index("row").filter(pl.col("fold").is_null() | (pl.col("fold") == pl.col("row")))
    first = [rows.head(num_images)[side] for rows in (heads, numbered.outliers) for side in ("a", "b")]
    members = first_of_card(numbered.members.filter(pl.col("group") < num_images), "group", MEMBERS)
    first.append(members["file"].head(_MEMBERS_PER_PAIR * num_images))
    if numbered.groups is not None:
        files = (table.select("group", "file") for table in _tables_of_groups(numbered.groups, num_images))
        first.append(pl.concat(files).sort("group", maintain_order=True)["file"].head(_MEMBERS_PER_PAIR * num_images))
    shown = pl.concat(first).unique()
    return [int(place) for place in shown.sort()]


def files_shown_later(numbered: NumberedResults, first: Sequence[int], settings: Settings) -> list[int]:
    """The files that get small thumbnails: those nearest to the head of a list, without files on stores.

    A store may hold files that take longer to read again than the run has taken.
    """
    rows = [(table, side) for table in (numbered.pairs, numbered.outliers) for side in ("a", "b")]
    rows.append((numbered.members, "file"))
    if (groups := numbered.groups) is not None:
        rows += [(groups.groups, "keep"), (groups.copies, "file"), (groups.related, "file")]
    ranked = pl.concat([table.select(file=pl.col(side).cast(pl.UInt32)).with_row_index("rank") for table, side in rows])
    ranked = ranked.group_by("file").agg(pl.col("rank").min()).sort("rank", "file")
    ranked = ranked.filter(~pl.col("file").is_in(list(first)))
    names = numbered.names.gather(ranked["file"])
    local = ranked.filter(~names.bin.contains(b"://")).head(settings.gallery_thumbnails)
    return [int(place) for place in local["file"].sort()]


def pairs_shown(settings: Settings) -> int:
    """Pairs or outliers on a page."""
    return min(settings.gallery_pairs, _MOST_ON_PAGE)


def components_shown(numbered: NumberedResults, settings: Settings) -> int:
    """The number of components whose shown members all have thumbnails."""
    sizes = numbered.components.head(min(settings.gallery_pairs, COMPONENTS_ON_PAGE))
    if sizes.is_empty():
        return 0
    return _whole(sizes["count"].clip(upper_bound=MEMBERS), settings)


def groups_shown(groups: NumberedGroups, settings: Settings) -> int:
    """The number of groups whose shown files all have thumbnails."""
    first = groups.groups.head(min(settings.gallery_pairs, GROUPS_ON_PAGE))
    return _whole(
        1 + first["copies"].clip(upper_bound=MEMBERS) + first["related"].cast(pl.Int64).clip(upper_bound=RELATED),
        settings,
    )


def _whole(sizes: pl.Series, settings: Settings) -> int:
    return int((sizes.cum_sum() <= _MEMBERS_PER_PAIR * settings.gallery_pairs).sum())


def _tables_of_groups(groups: NumberedGroups, most: int) -> Iterator[pl.DataFrame]:
    yield groups.groups.head(most).with_row_index("group").rename({"keep": "file"})
    yield first_of_card(groups.copies.filter(pl.col("group") < most), "group", MEMBERS)
    yield groups.related.filter(pl.col("group") < most).group_by("group", maintain_order=True).head(RELATED)
