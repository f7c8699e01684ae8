"""The page of connected components: groups of images that similarity links."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import polars as pl

from dedup_assets.engine.core.records import Components
from dedup_assets.engine.gallery.pages.frames import first_of_card, fold_members
from dedup_assets.engine.gallery.pages.layout import ALONE, Frame, Page, render_page
from dedup_assets.engine.gallery.pages.quantities import count_things, format_count
from dedup_assets.engine.gallery.pages.shown_files import BLANK_FILE, Illustrate, ShownFile

_SMALLEST = 2  # one image is not a group

Keeping = Mapping[bytes, str]
"""The reason to keep an image, by the name of each image to keep."""

Pictures = Mapping[int, tuple[int, int]]
"""For each `component_id` how many groups have an image in it, and how many of its images are in no group."""

_NO_SUGGESTIONS: Keeping = {}


@dataclass(frozen=True)
class ShownComponent:
    """One component on a page: `count` images, of which `files` are shown.

    `mean`, `lowest` and `highest` are similarities of its edges. `reasons` says why, by the name of each image to keep.
    `chain` says what only chains hold together; `grouped` is whether groups say which images are copies.
    `frames` says, by the name of the first of several frames of one video that are shown by it, which they are.
    """

    component_id: int
    count: int
    files: list[ShownFile]
    mean: float | None
    lowest: float | None
    highest: float | None
    reasons: Keeping = field(default_factory=dict)
    chain: str = ""
    grouped: bool = False
    frames: Mapping[bytes, str] = field(default_factory=dict)
    blank: bool = False


_BLANK_COMPONENT = ShownComponent(
    0, 0, [BLANK_FILE], 0.0, 0.0, 0.0, {BLANK_FILE.name: ""}, frames={BLANK_FILE.name: " "}, blank=True
)


def describe_chain(count: int, groups: int, alone: int) -> str:
    """Say that a component is several pictures; empty for one picture.

    Args:
        count: its images.
        groups: groups that have an image in it.
        alone: images of it that are in no group.
    """
    if groups + alone <= 1:
        return ""
    parts = [count_things(groups, "group")] if groups else []
    parts += [f"{count_things(alone, 'image')} in no group"] if alone else []
    return (
        f"Held together by chains only: these {format_count(count)} images are {format_count(groups + alone)} pictures"
        f" ({' and '.join(parts)})."
    )


def select_groups(components: Components) -> pl.DataFrame:
    """Return the rows of `components.info` with at least two images, largest first; none if they were not computed."""
    if "count" not in components.info.columns:
        return components.info.clear()
    return components.info.filter(pl.col("count") >= _SMALLEST).sort("count", descending=True, maintain_order=True)


def show_components(
    components: Components,
    names: pl.Series,
    illustrate: Illustrate,
    *,
    num_components: int,
    max_images: int,
    keeping: Keeping = _NO_SUGGESTIONS,
    pictures: Pictures | None = None,
    folds: bool = False,
) -> list[ShownComponent]:
    """Return the largest components (all if `num_components` is negative), each with its first `max_images` images.

    With `folds`, frames of one video are one image.
    """
    groups = select_groups(components)
    groups = groups if num_components < 0 else groups.head(num_components)
    if groups.is_empty():
        return []
    members = components.images.filter(pl.col("component_id").is_in(groups["component_id"].to_list())).sort("__id")
    named = names.gather(members["__id"])
    unfolded = pl.repeat(None, members.height, dtype=pl.String, eager=True).alias("frames")
    members = members.with_columns(fold_members(members["component_id"], named) if folds else unfolded)
    first = first_of_card(members, "component_id", max_images)
    rows_of: dict[int, list[int]] = dict(first.group_by("component_id", maintain_order=True).agg("__id").iter_rows())
    folded = first.drop_nulls("frames")
    frames = dict(zip(names.gather(folded["__id"]), folded["frames"], strict=True))
    return [
        ShownComponent(
            component_id=row["component_id"],
            count=row["count"],
            files=[illustrate(names[index]) for index in rows_of.get(row["component_id"], [])],
            mean=row["mean"],
            lowest=row["min"],
            highest=row["max"],
            reasons=keeping,
            chain=describe_chain(row["count"], *pictures[row["component_id"]]) if pictures else "",
            grouped=pictures is not None,
            frames=frames,
        )
        for row in groups.iter_rows(named=True)
    ]


def components_page(
    components: Components,
    names: pl.Series,
    illustrate: Illustrate,
    *,
    num_components: int = 20,
    max_images: int = 24,
    keeping: Keeping = _NO_SUGGESTIONS,
    pictures: Pictures | None = None,
    frame: Frame = ALONE,
) -> str:
    """Show the components of two images or more, largest first.

    Args:
        components: the similarity graph, summed up.
        names: (n,) binary: the path's bytes of each row of the features; `__id` counts them.
        illustrate: reads what is shown of a file; called once for each name on the page.
        num_components: most components, all if negative; the page says how many there are.
        max_images: most images of a component, in the order of the features, all if negative.
        keeping: the suggestions.
        pictures: what the components hold together; None without groups.
        frame: what it shares with the pages beside it.

    Returns:
        The page, as HTML.
    """
    groups = select_groups(components)
    shown = show_components(
        components,
        names,
        cache(illustrate),
        num_components=num_components,
        max_images=max_images,
        keeping=keeping,
        pictures=pictures,
        folds=frame.site is not None,
    )
    return render_page(
        Page.COMPONENTS,
        frame,
        components=shown,
        blank=replace(_BLANK_COMPONENT, chain=" " if pictures is not None else "", grouped=pictures is not None),
        total=groups.height,
        images=int(groups["count"].sum()) if groups.height else 0,
    )
