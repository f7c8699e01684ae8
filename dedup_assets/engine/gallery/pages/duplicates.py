"""The page of duplicates and near-duplicates: pairs side by side, blended, or as their difference."""

from collections import Counter
from functools import cache

from dedup_assets.engine.core.records import Pairs
from dedup_assets.engine.gallery.pages.findings import MOST_OUTLINED, NO_FINDINGS, Findings
from dedup_assets.engine.gallery.pages.layout import ALONE, Frame, Page, render_page
from dedup_assets.engine.gallery.pages.pairing import (
    BLANK_PAIR,
    BLANK_PROVEN_PAIR,
    first_of_folds,
    frames_last,
    merge_directions,
    of_one_video,
    show_pairs,
)
from dedup_assets.engine.gallery.pages.quantities import Band
from dedup_assets.engine.gallery.pages.shown_files import Illustrate


def duplicates_page(
    pairs: Pairs,
    illustrate: Illustrate,
    *,
    num_images: int = 20,
    descending: bool = True,
    frame: Frame = ALONE,
    suggest: bool = True,
    findings: Findings = NO_FINDINGS,
) -> str:
    """Show pairs of similar images.

    Args:
        pairs: the pairs, as in similarity.csv; a pair listed in both directions is shown once.
        illustrate: reads what is shown of a file; called once for each name on the page.
        num_images: most pairs (fastdup's name), all if negative; the page says how many there are.
        descending: whether to start with the most similar pair; if not, with the least similar one.
        frame: what it shares with the pages beside it.
        suggest: say which of the two to keep.
        findings: what evidence and groups say of the pairs.

    Returns:
        The page, as HTML.
    """
    merged = frames_last(merge_directions(pairs)) if descending else merge_directions(pairs)
    shown = show_pairs(
        merged,
        cache(illustrate),
        num_images=num_images,
        descending=descending,
        suggest=suggest,
        findings=findings,
        folds=frame.site is not None,
    )
    counts = Counter(pair.band for pair in shown)
    return render_page(
        Page.DUPLICATES,
        frame,
        suggest=suggest,
        pairs=shown,
        blank=BLANK_PROVEN_PAIR if findings.pairs else BLANK_PAIR,
        proven=bool(findings.pairs),
        outlined=MOST_OUTLINED,
        grouped=findings.kept is not None,
        total=len(merged),
        descending=descending,
        folded=len(merged) - first_of_folds(merged.rows).height,
        of_video=int(of_one_video(merged.rows).sum()),
        bands=[(band, counts[band]) for band in Band if counts[band]],
    )
