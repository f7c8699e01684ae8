"""Whether the kept image may be the one of two copies that was made from the other, so that a person has to look."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import BORDER_ADDED, PAGE_ADDED, RECOMPRESSED
from dedup_assets.engine.core.spectrum import GROWN
from dedup_assets.engine.groups.images import Images

_STRAIGHT = 0.7  # of the length of an axis that stays where it was; turned by less than 45 degrees
_SAME_SIZE = 0.01  # of the pixels
_BEST = 101  # quality of what is no JPEG
_TONES = ["recoloured", "negative"]  # words of a kind
_GRAY, _BLURRED, _ROTATED, _CROPPED = "gray", "blurred", "rotated by", "cropped"  # likewise


def may_be_made_of(
    found: pl.DataFrame, images: Images, image: NDArray[np.int64], keep: NDArray[np.int64], worse: NDArray[np.int64]
) -> pl.Series:
    """Whether the kept image may be made from each image, although it has more pixels or another rule prefers it.

    A little more than the pixels of the other one may be an enlargement that is too small to be measured, and that was
    sharpened where the other one looks blurred. Colours and light that were changed leave no trace of what a file was
    made from; a gray picture may have been given its colours. A frame adds pixels, and sometimes its side is unknown.
    So is which of two files was stored again: a file in finer steps that shows those of the kept one is made from it,
    or from a file that was stored as it is. A camera says nothing here: editors keep its name, and other programs
    remove it from originals. Where steps are too much alike to say which of two was stored again, the only camera does.

    Args:
        found: the row of evidence of each image and the kept one.
        images: that the numbers are about.
        image: (n,) the images.
        keep: (n,) the kept image of each.
        worse: (n,) as of `edit_levels`; 0 where nothing is known.
    """
    own, kept = images.facts[image], images.facts[keep]
    growth = kept["pixels"] / own["pixels"]
    is_little = (growth > 1) & (growth <= GROWN**2)
    kind = found["kind"].fill_null("")
    is_toned = kind.str.contains_any(_TONES)
    is_framed = kind.str.contains_any([BORDER_ADDED, PAGE_ADDED])
    is_finer = (own["jpeg_quality"].fill_null(_BEST) > kept["jpeg_quality"].fill_null(_BEST)) & (kind == RECOMPRESSED)
    is_little = is_little.fill_null(value=False)
    is_lossless = own["is_lossless"].fill_null(value=False) | kept["is_lossless"].fill_null(value=False)
    is_untold = (kind == RECOMPRESSED) & ~is_lossless & ~_has_the_only_camera(images, image, keep)
    is_doubtful = is_finer | kind.str.contains(_GRAY) | (is_little & kind.str.contains(_BLURRED))
    return is_doubtful | (pl.Series(worse == 0) & (is_little | is_toned | is_framed | is_untold))


def may_be_photographed(found: pl.DataFrame) -> pl.Series:
    """Whether the kept image may be a photograph of each image, such as a print on a table: it shows more, turned.

    Args:
        found: the row of evidence of each image and the kept one.
    """
    kind = found["kind"].fill_null("")
    return (
        kind.str.contains(_ROTATED) & kind.str.contains(_CROPPED) & ~kind.str.contains_any([BORDER_ADDED, PAGE_ADDED])
    )


def may_be_turned(
    images: Images,
    image: NDArray[np.int64],
    keep: NDArray[np.int64],
    transform: NDArray[np.float64],
    worse: NDArray[np.int64],
) -> pl.Series:
    """Whether each image is the kept one mirrored or turned, in the same size, and nothing says which came first.

    What was done to either says it (`worse`), and a camera that only the kept one names.

    Args:
        images: that the numbers are about.
        image: (n,) the images.
        keep: (n,) the kept image of each.
        transform: (n, 9) map of pixels between the two, either way; nan if unknown.
        worse: (n,) as of `edit_levels`; 0 where nothing is known.
    """
    linear = transform.reshape(-1, 3, 3)[:, :2, :2]
    lengths = np.maximum(np.linalg.norm(linear, axis=1), np.finfo(np.float64).tiny)
    straight = np.minimum(linear[:, 0, 0] / lengths[:, 0], linear[:, 1, 1] / lengths[:, 1])
    pixels = images.facts["pixels"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    same_size = np.abs(pixels[image] / pixels[keep] - 1) < _SAME_SIZE
    has_no_side = pl.Series((straight < _STRAIGHT) & same_size & (worse == 0))
    return has_no_side & ~_has_the_only_camera(images, image, keep)


def _has_the_only_camera(images: Images, image: NDArray[np.int64], keep: NDArray[np.int64]) -> pl.Series:
    """Whether each kept image names a camera, and the other one none."""
    camera = images.facts["camera"].fill_null("")
    return (camera.gather(keep) != "") & (camera.gather(image) == "")
