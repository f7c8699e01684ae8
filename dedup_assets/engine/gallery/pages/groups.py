"""The page of groups: each is one picture, a kept image beside its copies, with what was done to each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.gallery.pages.findings import MOST_OUTLINED, Explained
from dedup_assets.engine.gallery.pages.frames import first_of_card
from dedup_assets.engine.gallery.pages.group_changes import ShownChanges
from dedup_assets.engine.gallery.pages.grouping import NumberedGroups
from dedup_assets.engine.gallery.pages.layout import ALONE, Frame, Page, render_page
from dedup_assets.engine.gallery.pages.pairing import BLANK_PROVEN_PAIR
from dedup_assets.engine.gallery.pages.shown_files import BLANK_FILE, Illustrate, ShownFile


@dataclass(frozen=True)
class ShownMatch(Explained):
    """An image beside the kept one: a copy, or a related image, which `other` says the group of, if it is in one.

    `frames` says of which frames it is the first that is shown for all of them; empty for any other. `reason` says why
    the kept image goes before a copy; empty where that one cannot be read, and for a related image.
    """

    file: ShownFile
    similarity: float
    relation: Relation
    kind: str = ""
    other: str = ""
    frames: str = ""
    reason: str = ""


@dataclass(frozen=True)
class ShownGroup:
    """One group on a page: `count` copies, which take `size_bytes`, and `nearby` related images; some are shown.

    `reason` is None if the kept image cannot be read.
    """

    group_id: str
    kept: ShownFile
    reason: str | None
    count: int
    size_bytes: int
    nearby: int = 0
    copies: list[ShownMatch] = field(default_factory=list)
    related: list[ShownMatch] = field(default_factory=list)
    blank: bool = False


_BLANK_MATCH = ShownMatch(BLANK_FILE, 0.0, Relation.COPY, other="g", frames=" ")
BLANK_GROUP = ShownGroup("", BLANK_FILE, "", 0, 0, 1, [_BLANK_MATCH], [_BLANK_MATCH], blank=True)


def show_groups(
    numbered: NumberedGroups,
    names: pl.Series,
    illustrate: Illustrate,
    *,
    num_groups: int,
    max_copies: int,
    max_related: int,
) -> list[ShownGroup]:
    """Return the first groups, each with its first copies and related images. Frames of one video are one copy.

    Args:
        numbered: the groups.
        names: (n,) binary: the name of each file.
        illustrate: reads what is shown of a file.
        num_groups: most groups.
        max_copies: most copies of a group.
        max_related: most related images of a group.
    """
    groups = numbered.groups.head(num_groups)
    ids = numbered.groups["group_id"]

    def show(table: pl.DataFrame, most: int) -> Mapping[int, list[ShownMatch]]:
        first = first_of_card(table.filter(pl.col("group") < groups.height), "group", most)
        shown: dict[int, list[ShownMatch]] = {}
        for row in first.iter_rows(named=True):
            other = row.get("other")
            match = ShownMatch(
                illustrate(names[row["file"]]),
                row["similarity"],
                Relation(row["relation"]),
                row["kind"] or "",
                "" if other is None else ids[other],
                row["frames"] or "",
                row.get("reason") or "",
            )
            shown.setdefault(row["group"], []).append(match)
        return shown

    related = numbered.related.with_columns(frames=pl.lit(None, pl.String))
    copies, beside = show(numbered.copies, max_copies), show(related, max_related)
    return [
        ShownGroup(
            group_id=row["group_id"],
            kept=illustrate(names[row["keep"]]),
            reason=row["reason"],
            count=row["copies"],
            size_bytes=row["bytes"],
            nearby=row["related"],
            copies=copies.get(place, []),
            related=beside.get(place, []),
        )
        for place, row in enumerate(groups.iter_rows(named=True))
    ]


def groups_page(
    numbered: NumberedGroups,
    names: pl.Series,
    illustrate: Illustrate,
    *,
    changes: ShownChanges | None = None,
    num_groups: int = 20,
    max_copies: int = 24,
    max_related: int = 6,
    frame: Frame = ALONE,
) -> str:
    """Show the groups whose copies take most bytes first.

    Args:
        numbered: the groups.
        names: (n,) binary: the name of each file.
        illustrate: reads what is shown of a file; called once for each name on the page.
        changes: what the last run changed; None if nothing is shown of it.
        num_groups: most groups; the page says how many there are.
        max_copies: most copies of a group.
        max_related: most related images of a group.
        frame: what it shares with the pages beside it.

    Returns:
        The page, as HTML.
    """
    return render_page(
        Page.GROUPS,
        frame,
        groups=show_groups(
            numbered,
            names,
            cache(illustrate),
            num_groups=num_groups,
            max_copies=max_copies,
            max_related=max_related,
        ),
        changes=changes,
        blank=BLANK_GROUP,
        blank_pair=BLANK_PROVEN_PAIR,
        total=numbered.groups.height,
        outlined=MOST_OUTLINED,
        copies=numbered.copies.height,
        size_bytes=int(numbered.groups["bytes"].sum()),
    )
