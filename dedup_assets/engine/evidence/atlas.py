"""Gray levels of a picture side by side in one array, so that each filter is one call for all of them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ATLAS_LEVELS = 6
_SECOND = 2**-0.5  # size of the second level, to the picture
_MULTIPLE = 4  # sides of the second level are multiples of this, so that halves of it are whole
_MARGIN = 3  # px at the borders of a level that filters mix with its neighbours


@dataclass(frozen=True, eq=False)
class Atlas:
    """Where the levels of pictures of one size lie.

    Attributes:
        shape: height and width of the array.
        left: (levels,) float32: first column of each level.
        top: (levels,) float32: first row of each level.
        right: (levels,) float32: the column after each level.
        bottom: (levels,) float32: the row after each level.
        pixel_width: (levels,) float32: of a pixel of each level, in pixels of the picture.
        pixel_height: (levels,) float32: likewise.
        level: (height * width,) int8: the level of a place; -1 between levels and at their margins.
    """

    shape: tuple[int, int]
    left: NDArray[np.float32]
    top: NDArray[np.float32]
    right: NDArray[np.float32]
    bottom: NDArray[np.float32]
    pixel_width: NDArray[np.float32]
    pixel_height: NDArray[np.float32]
    level: NDArray[np.int8]


@lru_cache(32)  # pictures of one collection have few sizes; an atlas takes 70 kB
def plan_atlas(width: int, height: int) -> Atlas:
    """Lay out the levels of pictures of this size, in pixels.

    The levels are 1, 1 / √2, 1 / 2, ... of the picture: two chains, in which each level halves the one before.
    """
    sizes = [(width, height), _second(width, height)]
    pixels = [(1.0, 1.0), (width / sizes[1][0], height / sizes[1][1])]
    for level in range(2, ATLAS_LEVELS):
        sizes.append(((sizes[level - 2][0] + 1) // 2, (sizes[level - 2][1] + 1) // 2))
        pixels.append((pixels[level - 2][0] * 2, pixels[level - 2][1] * 2))
    places, shape = _pack(sizes)
    level_of = np.full(shape, -1, np.int8)
    for level, ((left, top), (w, h)) in enumerate(zip(places, sizes, strict=True)):
        if min(w, h) > 2 * _MARGIN:
            level_of[top + _MARGIN : top + h - _MARGIN, left + _MARGIN : left + w - _MARGIN] = level
    start, size, pixel = (np.array(each, np.float32).T for each in (places, sizes, pixels))
    end = start + size
    return Atlas(shape, start[0], start[1], end[0], end[1], pixel[0], pixel[1], level_of.ravel())


def _second(width: int, height: int) -> tuple[int, int]:
    columns, rows = (max(1, round(side * _SECOND / _MULTIPLE)) * _MULTIPLE for side in (width, height))
    return columns, rows


def _pack(sizes: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Left and top of each size on shelves as wide as the first size; and the height and width of all."""
    width, places = sizes[0][0], []
    shelves: list[list[int]] = []  # top, height, used width
    end = 0
    for w, h in sizes:
        shelf = next((each for each in shelves if h <= each[1] and each[2] + w <= width), None)
        if shelf is None:
            shelf = [end, h, 0]
            shelves.append(shelf)
            end += h
        places.append((shelf[2], shelf[0]))
        shelf[2] += w
    return places, (end, width)


def fill_atlas(atlas: Atlas, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Gray (0 to 255) of a picture at all levels.

    Args:
        atlas: of the picture's size.
        rgb: (h, w, 3) uint8.

    Returns:
        (height * width,) float32, row by row; 0 between levels.
    """
    gray = Image.fromarray(rgb).convert("L")
    levels = [gray, gray.resize(_second(gray.width, gray.height), Image.Resampling.BICUBIC)]
    for level in range(2, ATLAS_LEVELS):
        levels.append(levels[level - 2].reduce(2))
    sheet = Image.new("L", atlas.shape[::-1])
    for image, left, top in zip(levels, atlas.left.tolist(), atlas.top.tolist(), strict=True):
        sheet.paste(image, (int(left), int(top)))
    return np.asarray(sheet).astype(np.float32).ravel()
