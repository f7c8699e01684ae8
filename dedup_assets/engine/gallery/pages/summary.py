"""The first page: what the run found, in numbers, a histogram and a few examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from dedup_assets.engine.core.match_records import Role
from dedup_assets.engine.core.records import BadImages, Components, Pairs
from dedup_assets.engine.core.redaction import redacted_url
from dedup_assets.engine.core.setting_values import short_inputs
from dedup_assets.engine.gallery.pages.bad_images import list_codes
from dedup_assets.engine.gallery.pages.components import select_groups, show_components
from dedup_assets.engine.gallery.pages.findings import NO_FINDINGS, Findings
from dedup_assets.engine.gallery.pages.group_changes import ShownChanges
from dedup_assets.engine.gallery.pages.grouping import NO_GROUPS, NumberedGroups
from dedup_assets.engine.gallery.pages.groups import ShownGroup, show_groups
from dedup_assets.engine.gallery.pages.layout import GALLERY_PAGES, Frame, Page, render_page
from dedup_assets.engine.gallery.pages.pairing import frames_last, merge_directions, show_pairs
from dedup_assets.engine.gallery.pages.shown_files import Illustrate
from dedup_assets.engine.gallery.pages.tasks import COPIES_TO_REVIEW, Task

_WITH_ALL = Frame(pages=GALLERY_PAGES)
_PREVIEW_PAIRS = 6
_PREVIEW_GROUPS = 3
_PREVIEW_COMPONENTS = 2
_PREVIEW_MEMBERS = 6
_PREVIEW_OUTLIERS = 4
_MOST_REASONS = 12
_HISTOGRAM_BARS = 30
_MILLION = 1_000_000
_HISTOGRAM_STEP = 50_000  # millionths; the axis starts at a multiple of it


@dataclass(frozen=True)
class Freed:
    """What could be removed if one image of each group, or of each component, stayed.

    These are readable files, without parts of containers.

    `files` is their number and `size_bytes` the sum of their known sizes. `unsized` of them have no known size.
    """

    files: int
    size_bytes: int
    unsized: int


@dataclass(frozen=True)
class Uncompared:
    """What the input holds besides the compared and the bad images.

    Attributes:
        left_out: number of files and folders that were not read, by reason: an extension, or words.
        links: number of further names of listed files.
        empty_images: number of good images that show nothing (flat, black, blank); they match only exact copies.
    """

    left_out: Mapping[str, int] = field(default_factory=dict)
    links: int = 0
    empty_images: int = 0

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The reasons with their counts, the most frequent first; rare ones are summed up."""
        ordered = sorted(self.left_out.items(), key=lambda item: (-item[1], item[0]))
        rest = ordered[_MOST_REASONS:]
        if not rest:
            return ordered
        return [*ordered[:_MOST_REASONS], (f"{len(rest)} more kinds", sum(count for _, count in rest))]


@dataclass(frozen=True)
class Summary:
    """The results of a run, from which the summary page is made.

    Attributes:
        names: (n,) binary: the path's bytes of each good image.
        bad: the bad images.
        pairs: the pairs, as in similarity.csv.
        components: the similarity graph, summed up.
        outliers: the outliers, as in outliers.csv.
        settings: every effective parameter by name; shown as text, without credentials.
        freed: what could be removed if one image of each group, or of each component, stayed; None if unknown.
        suggest: say which image of each shown pair to keep.
        uncompared: what the input holds besides the compared and the bad images.
        groups: the groups, and the names of the files that they number; None if the run made none.
        findings: what evidence and groups say of the shown pairs.
        leaks: what named sets share, in a sentence; empty without leaks.
        open_leaks: pairs across sets that a person should look at, in words; empty without any.
        changes: what the last run changed in groups; None if nothing is shown of it.
        conflicts: number of verdicts that groups do not honour.
        tasks: what to do about copies, the most certain first.
        calibration: address of the page of curves for these images, from the first page; empty if there is none.
    """

    names: pl.Series
    bad: BadImages
    pairs: Pairs
    components: Components
    outliers: Pairs
    settings: Mapping[str, object]
    freed: Freed | None = None
    suggest: bool = True
    uncompared: Uncompared = Uncompared()
    groups: tuple[NumberedGroups, pl.Series] | None = None
    findings: Findings = NO_FINDINGS
    leaks: str = ""
    open_leaks: str = ""
    changes: ShownChanges | None = None
    conflicts: int = 0
    tasks: Sequence[Task] = ()
    calibration: str = ""


@dataclass(frozen=True)
class Counts:
    """The numbers of a run.

    `redundant` is the number of images that could be removed if one of each group stayed, or without groups one of each
    component. Pages do not show it if there are no groups and components were switched off (`grouped` is false).
    `to_review` is the number of copies that have something the kept image lacks; `files_to_review` of them are files,
    the others are inside archives and videos. `staying` is the number of exact copies that stay nevertheless.
    """

    good: int
    bad: int
    pairs: int
    components: int
    in_components: int
    largest: int
    outliers: int
    grouped: bool
    groups: int | None = None
    copies: int = 0
    to_review: int = 0
    files_to_review: int = 0
    staying: int = 0

    @property
    def images(self) -> int:
        """Number of all listed images."""
        return self.good + self.bad

    @property
    def redundant(self) -> int:
        """Number of images beyond the first of each group, or of each component."""
        return self.in_components - self.components if self.groups is None else self.copies

    @property
    def counts_redundant(self) -> bool:
        """Whether it is known how many images are redundant."""
        return self.grouped or self.groups is not None


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram: `count` values in `[low, high)`, and from `low` on in the last bar.

    Values are rounded to millionths first, as in the lists of pages. `filters` says for the page of pairs to list these
    values only, as the fragment of an address.
    """

    low: float
    high: float
    count: int
    filters: str


def summary_page(
    facts: Summary,
    illustrate: Illustrate,
    *,
    frame: Frame = _WITH_ALL,
) -> str:
    """Show what a run found: counts, the distribution of similarity, the first findings, the settings.

    Args:
        facts: the results of the run.
        illustrate: reads what is shown of a file; called once for each name on the page.
        frame: what it shares with the pages beside it.

    Returns:
        The page, as HTML.
    """
    illustrate = cache(illustrate)
    merged = frames_last(merge_directions(facts.pairs))
    return render_page(
        Page.SUMMARY,
        frame,
        counts=count_results(facts, merged),
        bars=draw_histogram(merged.rows["distance"]),
        pairs=show_pairs(
            merged,
            illustrate,
            num_images=_PREVIEW_PAIRS,
            descending=True,
            suggest=facts.suggest,
            findings=facts.findings,
            folds=True,
        ),
        groups=_show_groups(facts, illustrate),
        components=show_components(
            facts.components,
            facts.names,
            illustrate,
            num_components=_PREVIEW_COMPONENTS,
            max_images=_PREVIEW_MEMBERS,
            folds=True,
        ),
        outliers=show_pairs(facts.outliers, illustrate, num_images=_PREVIEW_OUTLIERS, descending=False),
        codes=list_codes(facts.bad),
        settings={name: _show_setting(value) for name, value in facts.settings.items()},
        freed=facts.freed,
        uncompared=facts.uncompared,
        leaks=facts.leaks,
        open_leaks=facts.open_leaks,
        changes=facts.changes,
        conflicts=facts.conflicts,
        tasks=facts.tasks,
        calibration=facts.calibration,
    )


def _show_groups(facts: Summary, illustrate: Illustrate) -> list[ShownGroup]:
    if facts.groups is None:
        return []
    groups, names = facts.groups
    return show_groups(
        groups, names, illustrate, num_groups=_PREVIEW_GROUPS, max_copies=_PREVIEW_MEMBERS, max_related=0
    )


def _show_setting(value: object) -> str:
    """A setting as text, without the credentials of URLs; the URLs of a list are treated one by one."""
    if isinstance(value, list):
        return short_inputs([_show_setting(item) for item in value])
    return redacted_url(value) if isinstance(value, str) else str(value)


def count_results(facts: Summary, merged: Pairs) -> Counts:
    """Count what a run found; `merged` holds each of its pairs once."""
    sizes = select_groups(facts.components).get_column("count", default=pl.Series([], dtype=pl.Int64))
    copies = (NO_GROUPS if facts.groups is None else facts.groups[0]).copies
    return Counts(
        good=len(facts.names),
        bad=len(facts.bad),
        pairs=len(merged),
        components=len(sizes),
        in_components=int(sizes.sum()),
        largest=int(sizes[0]) if len(sizes) else 0,
        outliers=len(facts.outliers),
        grouped=not facts.components.info.is_empty(),
        groups=None if facts.groups is None else facts.groups[0].groups.height,
        copies=copies.height,
        to_review=copies.filter(pl.col("twin").is_null(), ~pl.col("stays"), role=Role.REVIEW.value).height,
        staying=int(copies["stays"].sum()),
        files_to_review=sum(task.files for task in facts.tasks if task.certainty == COPIES_TO_REVIEW),
    )


def draw_histogram(similarities: pl.Series) -> list[Bar]:
    """Return bars of equal width from a multiple of 0.05 below the lowest similarity up to 1; none without values."""
    if similarities.is_empty():
        return []
    millionths = (similarities.cast(pl.Float64) * _MILLION).round().cast(pl.Int64)
    lowest = int(millionths.min())  # type: ignore[arg-type]  # the minimum of integers is an integer
    start = min(lowest // _HISTOGRAM_STEP * _HISTOGRAM_STEP, _MILLION - _HISTOGRAM_STEP)
    span = _MILLION - start
    places = ((millionths - start) * _HISTOGRAM_BARS // span).clip(0, _HISTOGRAM_BARS - 1)
    counts: dict[int, int] = dict(places.value_counts().iter_rows())
    edges = [start - (-place * span // _HISTOGRAM_BARS) for place in range(_HISTOGRAM_BARS + 1)]
    return [
        Bar(
            low=(start + place * span / _HISTOGRAM_BARS) / _MILLION,
            high=(start + (place + 1) * span / _HISTOGRAM_BARS) / _MILLION,
            count=counts.get(place, 0),
            filters=_filters(edges[place], edges[place + 1] if place + 1 < _HISTOGRAM_BARS else None),
        )
        for place in range(_HISTOGRAM_BARS)
    ]


def _filters(low: int, end: int | None) -> str:
    """The filters of similarities from `low` up to, but without, `end`, in millionths."""
    highest = "" if end is None else f"&high={(end - 1) / _MILLION:.6f}"
    return f"low={low / _MILLION:.6f}{highest}"
