"""The orientation that a camera wrote (EXIF 2.32, tag 0x0112), and how to turn the picture upright.

Only this tag is read, by hand: that takes microseconds, and a damaged EXIF block never costs the picture.
"""

import struct

import numpy as np
from numpy.typing import NDArray

UPRIGHT = 1
_ORIENTATION_TAG = 0x0112
_SHORT = 3


def read_orientation(exif: bytes) -> int:
    r"""The orientation of an EXIF block: 1 to 8; 1 (upright) where there is none or it cannot be read.

    Args:
        exif: a TIFF structure, with or without `Exif\0\0` before it.
    """
    return _find_orientation(exif) or UPRIGHT


def has_orientation(exif: bytes) -> bool:
    """Whether an EXIF block says how to turn the picture, or that it is upright."""
    return _find_orientation(exif) is not None


def swaps_sides(orientation: int) -> bool:
    """Whether the picture as displayed has the stored width as its height."""
    return orientation >= 5  # noqa: PLR2004 - 5 to 8 are the four that mirror along or turn by a diagonal


def turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The stored (h, w, 3) pixels as displayed; contiguous, a view of `pixels` where nothing turns."""
    if swaps_sides(orientation):
        pixels = pixels.transpose(1, 0, 2)
    # What is left after the transposition, as steps over rows and columns.
    down, right = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation, (1, 1))
    return np.ascontiguousarray(pixels[::down, ::right])


def _find_orientation(exif: bytes) -> int | None:
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, entry)
            if tag == _ORIENTATION_TAG:
                return value if kind == _SHORT and value in range(1, 9) else None
    except struct.error:  # the block ends early
        pass
    return None
