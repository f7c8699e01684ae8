"""The page of leaks between named sets: a heat map of what each two sets share, and the leaks side by side."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.redaction import redacted_url
from dedup_assets.engine.core.set_records import DECIDE, DROP, LINK, LeakRole, Leaks, Tie
from dedup_assets.engine.gallery.pages.findings import WORDS, describe_kind
from dedup_assets.engine.gallery.pages.layout import ALONE, Frame, Page, render_page
from dedup_assets.engine.gallery.pages.shown_files import Illustrate, ShownFile

_HEATS = 5


@dataclass(frozen=True)
class ShownCell:
    """A cell of the heat map: images of the row's set that are in the column's set too.

    Attributes:
        other: name of the column's set.
        is_itself: whether both are one set; then the images are those of which the set has another copy.
        images: how many.
        size: images of the row's set.
        exact: pictures of which both sets have a file of the same bytes.
        copy: pictures of which they have other copies only.
        review: those of the images of which no match is certain.
    """

    other: str
    is_itself: bool
    images: int
    size: int
    exact: int
    copy: int
    review: int

    @property
    def heat(self) -> int:
        """From 0 (none) to 5 (most or all of the set)."""
        return math.ceil(_HEATS * self.images / self.size) if self.size else 0


@dataclass(frozen=True)
class ShownSet:
    """A set, a row of the heat map."""

    name: str
    size: int
    is_for_evaluation: bool
    cells: Sequence[ShownCell]


@dataclass(frozen=True)
class ShownLeak:
    """Two images of two sets that are one picture."""

    set_a: str
    a: ShownFile
    set_b: str
    b: ShownFile
    relation: str
    kind: str
    similarity: float | None
    review: str

    @property
    def word(self) -> str:
        """The relation in words."""
        return "same file" if self.relation == LINK else WORDS[Relation(self.relation)]

    @property
    def details(self) -> str:
        """What was done, or what the relation means."""
        return "" if self.relation == LINK else describe_kind(self.relation, self.kind)


@dataclass(frozen=True)
class ShownRole:
    """The pairs that are as sure as one another: those that are shown, and how many there are.

    `name` is the heading of all, `word` that of one.
    """

    name: str
    word: str
    leaks: Sequence[ShownLeak]
    total: int


def leaks_page(
    leaks: Leaks,
    illustrate: Illustrate,
    *,
    saying: str = "",
    to_look_at: str = "",
    work_dir: str = "",
    num_images: int = 50,
    frame: Frame = ALONE,
) -> str:
    """Show what named sets share.

    Args:
        leaks: what they share.
        illustrate: reads what is shown of a file, by the name that a set has for it.
        saying: the leaks in a sentence; empty if evaluation sets have none.
        to_look_at: the pairs that a person should look at, in words; empty if there are none.
        work_dir: path or URL of the results, for the command that shows these pairs one by one.
        num_images: most leaks shown of each role, with pictures; leaks.csv has all.
        frame: what it shares with the pages beside it.

    Returns:
        The page, as HTML.
    """
    look = cache(illustrate)
    by_role = {role: leaks.rows.filter(pl.col("role") == role) for role in LeakRole}
    fix = (
        leaks.fix.with_columns(why=_why_open(leaks))
        .group_by("set", "other_set", "action", "why", maintain_order=True)
        .agg(pl.col("filename").n_unique())
    )
    return render_page(
        Page.LEAKS,
        frame,
        saying=saying,
        to_look_at=to_look_at,
        command=f"dedup-assets review {shlex.quote(redacted_url(work_dir)) if work_dir else 'WORK_DIR'}",
        sets=_show_sets(leaks),
        certain=_show_role("Leaks", "Leak", by_role[LeakRole.CERTAIN], num_images, look),
        review=_show_role("To review", "Review", by_role[LeakRole.REVIEW], num_images, look),
        variants=_show_role("Variants", "Variant", by_role[LeakRole.VARIANT], num_images, look),
        undecided=by_role[LeakRole.UNDECIDED].height,
        drops=fix.filter(pl.col("action") == DROP).rows(named=True),
        decisions=fix.filter(pl.col("action") == DECIDE).rows(named=True),
    )


def _why_open(leaks: Leaks) -> pl.Expr:
    """Why a person decides about each image of `Leaks.fix`, in words."""
    are_alike = pl.all_horizontal(pl.col("set", "other_set").is_in(list(leaks.evaluation)))
    return (
        pl.when(pl.col("action") != DECIDE)
        .then(pl.lit(""))
        .when(pl.col("review").str.contains_any([tie.value for tie in Tie]))
        .then(pl.col("review"))
        .when(are_alike)
        .then(pl.lit("both sets are for evaluation"))
        .when(pl.col("review") != "")
        .then(pl.lit("the pair is to review"))
        .otherwise(pl.lit("both sets have one file under two names"))
    )


def _show_role(name: str, word: str, rows: pl.DataFrame, num_images: int, look: Illustrate) -> ShownRole:
    shown = [
        ShownLeak(set_a, look(a), set_b, look(b), relation, kind, similarity, review)
        for set_a, a, set_b, b, _, relation, kind, similarity, _, review in rows.head(num_images).iter_rows()
    ]
    return ShownRole(name, word, shown, rows.height)


def _show_sets(leaks: Leaks) -> list[ShownSet]:
    cells: dict[str, list[ShownCell]] = {name: [] for name in leaks.sizes}
    columns = leaks.matrix.select("a", "b", "images_of_a", "exact", "copy", "review_of_a")
    for a, b, images, *counts in columns.iter_rows():
        cells[a].append(ShownCell(b, a == b, images, leaks.sizes[a], *counts))
    return [ShownSet(name, size, name in leaks.evaluation, cells[name]) for name, size in leaks.sizes.items()]
