"""The page of outliers: images that no other image resembles."""

from functools import cache

from dedup_assets.engine.core.records import Pairs
from dedup_assets.engine.gallery.pages.layout import ALONE, Frame, Page, render_page
from dedup_assets.engine.gallery.pages.pairing import BLANK_PAIR, show_pairs
from dedup_assets.engine.gallery.pages.shown_files import Illustrate


def outliers_page(
    outliers: Pairs,
    illustrate: Illustrate,
    *,
    num_images: int = 20,
    descending: bool = True,
    frame: Frame = ALONE,
) -> str:
    """Show images that are far from all others, each with its nearest neighbour.

    Args:
        outliers: as in outliers.csv: the image, its nearest neighbour, their similarity.
        illustrate: reads what is shown of a file; called once for each name on the page.
        num_images: most outliers, all if negative; the page says how many there are.
        descending: whether to start with the most isolated image; if not, with the least isolated one.
        frame: what it shares with the pages beside it.

    Returns:
        The page, as HTML.
    """
    # The most isolated image is the least similar one.
    shown = show_pairs(outliers, cache(illustrate), num_images=num_images, descending=not descending)
    return render_page(
        Page.OUTLIERS,
        frame,
        outliers=shown,
        blank=BLANK_PAIR,
        total=len(outliers),
        descending=descending,
    )
