"""The page of images by a fact that was measured of them, such as the blurriest."""

from collections.abc import Sequence
from dataclasses import dataclass

from dedup_assets.engine.gallery.pages.layout import Frame, Page, render_page
from dedup_assets.engine.gallery.pages.shown_files import Illustrate, ShownFile


@dataclass(frozen=True)
class MeasuredFile:
    """An image and the value of the fact."""

    file: ShownFile
    value: str


def stats_page(
    rows: Sequence[tuple[bytes, float]], illustrate: Illustrate, *, metric: str, descending: bool, total: int
) -> str:
    """Show images in the order of a fact.

    Args:
        rows: names and values, in the order in which they are shown.
        illustrate: reads what is shown of a file.
        metric: name of the fact.
        descending: whether the highest value is first.
        total: number of images that have the fact.

    Returns:
        The page, as HTML, one file.
    """
    shown = [MeasuredFile(illustrate(name), f"{value:,.4g}") for name, value in rows]
    return render_page(
        Page.STATS,
        Frame(title=f"Images by {metric}"),
        images=shown,
        metric=metric,
        descending=descending,
        total=total,
    )
