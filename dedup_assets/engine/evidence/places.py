"""Whether a place of two pictures, of whose compression nothing is known, differs by more than compression does.

Compression in WebP, HEIF or AVIF changes all of a picture by about as much. Another digit, or what moves between two
frames of a film, changes one place by more than nearly all others. A thing in another colour may be a part of a picture
so large that nothing stands out; but no compression changes the mean colour of a place by much.
"""

import numpy as np
from numpy.typing import NDArray

_SIDE, _FINE = 8, 2  # px of a place, and of what is averaged within it, where compression leaves little
_BAND = 256  # rows at once; a multiple of the side
_DIFFERS, _STILL = 15.0, 2.0  # gray levels; gray levels added to what all but a hundredth differ by
_ODD, _ODD_RESIZED = 1.3, 1.7  # times this; 1.53 at most of 150 photographs reduced in five ways
_MOST = 0.99
_PATCH, _OTHER_COLOUR, _COLOURED = 16, 7.0, 0.98  # px; levels of Cb or Cr; all but so many. At most 3.0 of 120 reduced


def has_odd_place(one: NDArray[np.uint8], other: NDArray[np.uint8], *, resized: bool = False) -> bool:
    """Whether a place differs by more than compression makes it.

    Of 360 pairs of photographs that were stored again as WebP, AVIF, JPEG or PNG none does. Of 80 pairs with another
    digit of 24 px 78 do, of 12 px 53.

    Args:
        one: (h, w) gray levels of a picture in full size.
        other: likewise, of the same size and the same way round.
        resized: whether one of them was brought to the size of the other.
    """
    height, width = (side - side % _SIDE for side in one.shape)
    if not height or not width:
        return False
    bands = [slice(top, min(top + _BAND, height)) for top in range(0, height, _BAND)]
    apart = np.concatenate([_apart(one[band, :width], other[band, :width]) for band in bands])
    most = float(apart.max())
    odd = _ODD_RESIZED if resized else _ODD
    return most > _DIFFERS and most > odd * (_STILL + float(np.quantile(apart, _MOST)))


def differs_in_colour(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether some places have another colour than compression or reducing gives them.

    Args:
        one: (h, w, 2) Cb and Cr of a picture.
        other: likewise, of the same size and the same way round.
    """
    rows, columns = (side // _PATCH for side in one.shape[:2])
    if not rows or not columns:
        return False
    off = (one.astype(np.int16) - other)[: rows * _PATCH, : columns * _PATCH]
    means = off.reshape(rows, _PATCH, columns, _PATCH, 2).mean((1, 3), dtype=np.float32)
    return float(np.quantile(np.abs(means).max(-1), _COLOURED)) > _OTHER_COLOUR


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n,) root of the mean squared difference in each place; height and width are multiples of its side."""
    off = one.astype(np.int16) - other
    rows, columns, cells = off.shape[0] // _SIDE, off.shape[1] // _SIDE, _SIDE // _FINE
    fine = off.reshape(rows, cells, _FINE, columns, cells, _FINE).mean((2, 5), dtype=np.float32)
    apart: NDArray[np.float32] = np.sqrt(np.square(fine).mean((1, 3))).ravel()
    return apart
