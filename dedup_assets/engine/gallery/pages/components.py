"""The page of connected components: groups of images that similarity links."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

import polars as pl

from dedup_assets.engine.core.records import Components
from dedup_assets.engine.gallery.pages.layout import Page, Site, render_page
from dedup_assets.engine.gallery.pages.shown_files import BLANK_FILE, Illustrate, ShownFile

_SMALLEST = 2  # one image is not a group

Keeping = Mapping[int, tuple[bytes, str]]
"""The name of the image to keep, and the reason, by `component_id`."""

_NO_SUGGESTIONS: Keeping = {}


@dataclass(frozen=True)
class ShownComponent:
    """One component on a page: `count` images, of which `files` are shown.

    `mean`, `lowest` and `highest` are similarities of its edges. `keep` is the name of the image to keep, and `reason`
    says why; both are empty without a suggestion.
    """

    component_id: int
    count: int
    files: list[ShownFile]
    mean: float | None
    lowest: float | None
    highest: float | None
    keep: bytes = b""
    reason: str = ""
    blank: bool = False


BLANK_COMPONENT = ShownComponent(0, 0, [BLANK_FILE], 0.0, 0.0, 0.0, blank=True)


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
) -> list[ShownComponent]:
    """Return the largest components (all if `num_components` is negative), each with its first `max_images` images."""
    groups = select_groups(components)
    groups = groups if num_components < 0 else groups.head(num_components)
    if groups.is_empty():
        return []
    members = (
        components.images.filter(pl.col("component_id").is_in(groups["component_id"].to_list()))
        .sort("__id")
        .group_by("component_id")
        .agg(pl.col("__id") if max_images < 0 else pl.col("__id").head(max_images))
    )
    rows_of: dict[int, list[int]] = dict(members.iter_rows())
    return [
        ShownComponent(
            component_id=row["component_id"],
            count=row["count"],
            files=[illustrate(names[index]) for index in rows_of.get(row["component_id"], [])],
            mean=row["mean"],
            lowest=row["min"],
            highest=row["max"],
            keep=keeping.get(row["component_id"], (b"", ""))[0],
            reason=keeping.get(row["component_id"], (b"", ""))[1],
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
    title: str = "Components",
    subtitle: str = "",
    pages: Collection[Page] = (),
    site: Site | None = None,
) -> str:
    """Show the components of two images or more, largest first.

    Args:
        components: the similarity graph, summed up.
        names: (n,) binary: the path's bytes of each row of the features; `__id` counts them.
        illustrate: reads what is shown of a file; called once for each name on the page.
        num_components: most components, all if negative; the page says how many there are.
        max_images: most images of a component, in the order of the features, all if negative.
        keeping: the suggestions.
        title: the heading.
        subtitle: run facts under the heading.
        pages: the pages that exist beside this one.
        site: what the page loads; None for a page of one file.

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
    )
    return render_page(
        Page.COMPONENTS,
        title=title,
        subtitle=subtitle,
        pages=pages,
        site=site,
        components=shown,
        blank=BLANK_COMPONENT,
        total=groups.height,
        images=int(groups["count"].sum()) if groups.height else 0,
    )
