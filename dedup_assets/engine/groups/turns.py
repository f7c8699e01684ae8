"""Whether the kept image may be the turned one of two copies, so that a person has to look which way round is right."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.groups.images import Images

_STRAIGHT = 0.7  # of the length of an axis that stays where it was; turned by less than 45 degrees
_SAME_SIZE = 0.01  # of the pixels


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
    camera = images.facts["camera"].fill_null("")
    is_camera_original = (camera.gather(keep) != "") & (camera.gather(image) == "")
    return pl.Series((straight < _STRAIGHT) & same_size & (worse == 0)) & ~is_camera_original
