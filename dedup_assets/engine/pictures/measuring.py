"""Measures of a picture: brightness, contrast, uniformity and blur.

They are taken of the small picture that the model sees, which is at hand and the same size for all images, so that
images of different sizes can be compared. Blur that is finer than a pixel of it is not seen.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

VERSION = 2
"""Raised when a measure changes."""

_ROW_STEP = 2  # every second row is half the work, and has the same variance within a few percent
_NEAR = 5  # levels that count as one: noise of codecs stays within them
_RGB = 3
_GRAY_WEIGHTS = np.array([19595, 38470, 7471], np.float32) / np.float32(1 << 16)  # 0.299, 0.587, 0.114
_MOMENTS = np.stack([np.arange(256), np.arange(256) ** 2], axis=1)  # of each level, to sum by their counts
_DIGITS = 4  # decimals; more would say nothing, and cost room


class Measures(NamedTuple):
    """See `core.image_facts.ImageFacts`."""

    unique: int
    mean: float
    stdv: float
    min: int
    max: int
    uniformity: float
    blur: float


def measure(picture: NDArray[np.uint8]) -> Measures:
    """Measure a picture.

    Args:
        picture: (h, w, 3) uint8 RGB, contiguous; at least 3 x 3.

    Returns:
        Its measures. Gray levels are those of ITU-R BT.601, as Pillow's `convert("L")` gives them. Blur is the variance
        of the four-neighbour Laplacian (Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, 2000).
    """
    gray = _gray(picture)
    counts = np.array(Image.frombuffer("L", gray.shape[::-1], gray, "raw", "L", 0, 1).histogram())  # without a copy
    (present,) = counts.nonzero()
    total, squares = (int(moment) for moment in counts @ _MOMENTS)
    mean, variance = total / gray.size, (squares * gray.size - total * total) / gray.size**2
    sums = counts.cumsum()
    near = max(int(sums[_NEAR - 1]), int((sums[_NEAR:] - sums[:-_NEAR]).max()))
    return Measures(
        unique=len(present),
        mean=round(mean, _DIGITS),
        stdv=round(math.sqrt(variance), _DIGITS),
        min=int(present[0]),
        max=int(present[-1]),
        uniformity=round(near / gray.size, _DIGITS),
        blur=round(_variance_of_laplacian(gray), _DIGITS),
    )


def _gray(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What Pillow's `convert("L")` gives, without its copies: (h, w) uint8, contiguous.

    The weights are multiples of 2 to the -16, so that float32 holds each sum without rounding.
    """
    levels: NDArray[np.float32] = picture.reshape(-1, _RGB).astype(np.float32) @ _GRAY_WEIGHTS
    levels += np.float32(0.5)
    return levels.astype(np.uint8).reshape(picture.shape[:2])


def _variance_of_laplacian(gray: NDArray[np.uint8]) -> float:
    rows = gray[1:-1:_ROW_STEP].astype(np.int16)
    around = gray[:-2:_ROW_STEP, 1:-1].astype(np.int16)
    around += gray[2::_ROW_STEP, 1:-1]
    around += rows[:, :-2]
    around += rows[:, 2:]
    around -= rows[:, 1:-1] * np.int16(4)
    values = around.astype(np.float32).ravel()
    return max(float(values @ values / values.size - values.mean() ** 2), 0.0)
