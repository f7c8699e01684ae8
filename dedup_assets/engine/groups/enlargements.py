"""Whether the kept image may be an enlargement of another one of its group."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import SEEN_WHOLE
from dedup_assets.engine.core.spectrum import BANDS, GROWN, has_finer_detail
from dedup_assets.engine.groups.images import Images

_WHOLE = 0.95


def may_be_enlarged(
    found: pl.DataFrame,
    images: Images,
    keep: NDArray[np.int64],
    transform: NDArray[np.float64],
    is_a: NDArray[np.bool_],
) -> pl.Series:
    """Whether each kept image has clearly more pixels than the other one, and nothing proves that it is the source.

    The proof is detail that the other one could not hold. Small files that show the same were compared in full size,
    where an enlargement is seen at once (`not_upscaled`). Of axes with different scales the smaller one counts.

    Args:
        found: the row of evidence of each image and the kept one.
        images: that the numbers are about.
        keep: (n,) the kept image.
        transform: (n, 9) of each row its map of pixels of b onto a; nan if unknown.
        is_a: (n,) whether the kept image is a.
    """
    linear = transform.reshape(-1, 3, 3)[:, :2, :2]
    known = ~np.isnan(linear).any(axis=(1, 2))
    lengths = np.ones((len(linear), 2))
    lengths[known] = np.linalg.svd(linear[known], compute_uv=False)
    scales = np.where(is_a[:, None], lengths, 1 / np.maximum(lengths, np.finfo(np.float64).tiny))
    spectra = [row or [np.nan] * (len(BANDS) - 1) for row in images.facts["spectrum"].gather(keep).to_list()]
    is_finer = has_finer_detail(np.array(spectra, np.float64).reshape(-1, len(BANDS) - 1), scales.min(1))
    sides = images.facts.select(side=pl.max_horizontal("width", "height"))["side"].gather(keep).fill_null(SEEN_WHOLE)
    shows_all = found.select(whole=pl.min_horizontal("overlap_a", "overlap_b").fill_null(0.0) > _WHOLE)["whole"]
    was_seen = shows_all.to_numpy() & (sides.to_numpy() < SEEN_WHOLE)
    return pl.Series(known & (scales.prod(1) > GROWN**2) & ~was_seen & ~is_finer)
