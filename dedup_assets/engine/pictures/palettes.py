"""Whether a file stores its picture in the colours of a table, which are at most 256."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # as in `looking`
    import numpy as np
    from numpy.typing import NDArray

MOST_COLOURS = 256
"""Colours that a table can hold in PNG, GIF and BMP."""

_COUNTED = 1 << 18  # pixels
_TABLE_BITS = range(1, 9)  # bits of a pixel whose colour is a row of a table


def has_palette(data: bytes) -> bool:
    """Whether a file has such a table: a GIF, a PNG of colour type 3 (PNG 11.2.1), or a BMP of at most 8 bits."""
    if data.startswith(b"\x89PNG"):
        return data[25:26] == b"\x03"
    if data.startswith(b"BM"):
        return int.from_bytes(data[28:30], "little") in _TABLE_BITS
    return data.startswith(b"GIF8")


def count_colours(rgb: "NDArray[np.uint8]") -> int:
    """How many colours some pixels of a picture, spread over it, have.

    Args:
        rgb: (h, w, 3).
    """
    import numpy as np

    pixels = rgb.reshape(-1, 3)
    pixels = pixels[:: max(1, -(-len(pixels) // _COUNTED))].astype(np.uint32)
    return len(np.unique(pixels[:, 0] << 16 | pixels[:, 1] << 8 | pixels[:, 2]))
