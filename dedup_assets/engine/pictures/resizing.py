"""Pictures to the size of a model's input.

By the SIMD code of fast_image_resize (cykooz-resizer), a third of the time that Pillow takes; there are no wheels of it
for Linux on ARM, and there Pillow does it. Both compute the same weighted means, in whole numbers of different
precision: they differ by at most one of 255 levels.
"""

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

METHOD = "fast_image_resize" if find_spec("cykooz_resizer") else "Pillow"
"""What resizes here: part of what a stored vector depends on."""


def resize(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Squash a whole picture to a size, each new pixel a triangle-weighted mean of all those under it.

    Bilinear interpolation whose support grows with the reduction, so that it does not alias.

    Args:
        picture: (h, w, 3) uint8.
        size: (height, width) of the result.

    Returns:
        (height, width, 3) uint8, contiguous; `picture` itself where it already is that.
    """
    if picture.shape[:2] == size:
        return np.ascontiguousarray(picture)
    squashed = _by_fast_image_resize(picture, size) if METHOD == "fast_image_resize" else _by_pillow(picture, size)
    return np.frombuffer(squashed, np.uint8).reshape(*size, 3)


def _by_fast_image_resize(picture: NDArray[np.uint8], size: tuple[int, int]) -> bytes:
    from cykooz_resizer import FilterType, ImageData, PixelType, ResizeAlg, ResizeOptions, Resizer

    given = ImageData(picture.shape[1], picture.shape[0], PixelType.U8x3, picture.tobytes())
    squashed = ImageData(size[1], size[0], PixelType.U8x3)
    Resizer().resize(given, squashed, ResizeOptions(resize_alg=ResizeAlg.convolution(FilterType.bilinear)))
    return bytes(squashed.get_buffer())


def _by_pillow(picture: NDArray[np.uint8], size: tuple[int, int]) -> bytes:
    from PIL import Image

    return Image.fromarray(picture).resize(size[::-1], Image.Resampling.BILINEAR).tobytes()
