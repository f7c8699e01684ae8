"""Whether a picture shows anything: flat, black and blank pictures do not.

The embeddings of such pictures are nearly the same: two black frames of different films are as similar as two copies.
So these pictures are recognised here, in the small size that the model sees, and are never matched by their embeddings.
"""

import numpy as np
from numpy.typing import NDArray

VERSION = 1
"""Raised when the rule for which pictures show nothing changes."""

_LEVELS = 8  # of 255: noise of sensors and codecs stays within them
_SHARE = 0.001  # of the pixels: dust on a blank page, a defective pixel
_MOST_STDV = 13.0  # gray levels, see `is_varied`
_SAMPLE_SIDE = 20  # pixels per side of the sample that is checked first


def is_varied(stdv: float) -> bool:
    """Whether a picture shows something for sure, by the standard deviation of its gray levels, which is quick to tell.

    All but 0.1 % of the pixels of a picture that shows nothing are within 9.5 gray levels of one level, rounding
    included. The others are within 255. So its standard deviation is at most 12.5.
    """
    return stdv > _MOST_STDV


def shows_nothing(picture: NDArray[np.uint8]) -> bool:
    """Whether nearly all pixels of a picture have nearly the same colour.

    That is: all but 0.1 % of them lie within 8 levels of the median in each channel. Measured on the 160 x 160 pictures
    of 1,400 photographs, night scenes, screenshots, drawings and pages of text: among those that show something, the
    lowest share of pixels further away is 1.6 %.

    Args:
        picture: (h, w, 3) uint8 RGB, as the model sees it.
    """
    height, width, channels = picture.shape
    few = int(_SHARE * height * width)
    sample = picture[:: max(1, height // _SAMPLE_SIDE), :: max(1, width // _SAMPLE_SIDE)].reshape(-1, channels)
    if len(sample) > 2 * few + 1:
        # More than `few` pixels of the sample are too far from the median, wherever it lies. Photographs end here.
        ordered = np.partition(sample, (few, len(sample) - 1 - few), axis=0)
        if (ordered[-1 - few].astype(np.int16) - ordered[few] > 2 * _LEVELS).any():
            return False
    pixels = picture.reshape(-1, channels).astype(np.int16)
    away = np.abs(pixels - np.median(pixels, axis=0)) > _LEVELS
    return int(away.any(axis=1).sum()) <= few
