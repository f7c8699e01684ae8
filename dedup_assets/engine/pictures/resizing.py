"""Resize pictures to the size of a model's input.

fast_image_resize (cykooz-resizer, SIMD) takes a third of Pillow's time. It has no wheels for Linux on ARM; Pillow
resizes there. Both compute the same weighted means in integers of different precision, and differ by at most one of 255
levels.
"""

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.pictures.versions import RESIZE_METHOD


def resize(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Squash a whole picture to a size, without keeping its aspect ratio.

    Bilinear interpolation whose support grows with the reduction, so that it does not alias: each new pixel is a
    triangle-weighted mean of all pixels that it covers.

    Args:
        picture: (h, w, 3) uint8.
        size: (height, width) of the result.

    Returns:
        (height, width, 3) uint8, contiguous; `picture` itself if it has this size and is contiguous.
    """
    if picture.shape[:2] == size:
        return np.ascontiguousarray(picture)
    squashed = (
        _by_fast_image_resize(picture, size) if RESIZE_METHOD == "fast_image_resize" else _by_pillow(picture, size)
    )
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
