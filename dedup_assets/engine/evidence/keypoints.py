"""Places that are found again in copies of a picture, with descriptors of their surroundings.

Corners are maxima of det / trace of the structure tensor (Foerstner and Guelch 1987) on levels that shrink by √2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.atlas import ATLAS_LEVELS, Atlas, fill_atlas, plan_atlas
from dedup_assets.engine.evidence.descriptors import DESCRIPTOR_VALUES, describe

MOST_KEYPOINTS = 256  # per picture
_SHARES = 2 ** (-0.5 * np.arange(ATLAS_LEVELS))  # of the keypoints, per level, finest first
_GRID = 6  # cells per side over which the corners of a level are spread
_ROUND = 3  # corners taken from each cell before any cell gives more
_TENSOR_PASSES = 3  # of the filter (1 1) along both axes over the structure tensor
_LEAST_STRENGTH = 0.05  # of a corner, in (gray levels per pixel)²
_LITTLE = np.float32(1e-4)  # added to divisors that may be 0


@dataclass(frozen=True, eq=False)
class Keypoints:
    """The keypoints of one picture, n of them, in no order of importance.

    Attributes:
        places: (n, 2) float32: x and y in units of the picture's longer side.
        sizes: (n,) float32: length of a pixel of the level where it was found, in the same units.
        angles: (n,) float32: its direction in radians, from x towards y.
        descriptors: (n, d) float32 of length 1: compare them by dot products.
    """

    places: NDArray[np.float32]
    sizes: NDArray[np.float32]
    angles: NDArray[np.float32]
    descriptors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.places)


def find_keypoints(rgb: NDArray[np.uint8]) -> Keypoints:
    """Find at most `MOST_KEYPOINTS` keypoints of a picture.

    Args:
        rgb: (h, w, 3) uint8.
    """
    height, width = rgb.shape[:2]
    atlas = plan_atlas(width, height)
    along_x, along_y = _slopes(fill_atlas(atlas, rgb), atlas.shape[1])
    strength = _corner_strength(along_x, along_y, atlas)
    at = _strongest(strength, atlas)
    if not len(at):
        return _NO_KEYPOINTS
    level = atlas.level[at]
    x, y = _refined(strength, at, atlas.shape[1])
    slopes = np.empty(len(along_x), np.complex64)
    slopes.real, slopes.imag = along_x, along_y
    angles, descriptors = describe(atlas, slopes, x, y, level)
    half, longer = np.float32(0.5), np.float32(max(width, height))
    pixel_width, pixel_height = atlas.pixel_width[level] / longer, atlas.pixel_height[level] / longer
    places = np.stack([(x - atlas.left[level] + half) * pixel_width, (y - atlas.top[level] + half) * pixel_height], 1)
    return Keypoints(places, np.sqrt(pixel_width * pixel_height), angles, descriptors)


def _slopes(gray: NDArray[np.float32], stride: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Slopes per pixel along x and y of gray smoothed by (1 2 1), half a pixel right of and below each place.

    Neighbours are found by shifting the flat array: a row's end meets the next row's begin, which lies in the margins.
    """
    smoothed = gray
    for step in (1, 1, stride, stride):
        smoothed = smoothed[:-step] + smoothed[step:]
    smoothed *= np.float32(1 / 32)  # 16 for (1 2 1) twice, 2 for the pair of slopes that is summed
    rise, pair = smoothed[1:] - smoothed[:-1], smoothed[1:] + smoothed[:-1]
    along_x, along_y = np.zeros_like(gray), np.zeros_like(gray)
    inner = slice(stride + 1, stride + 1 + len(rise) - stride)
    np.add(rise[:-stride], rise[stride:], out=along_x[inner])
    np.subtract(pair[stride:], pair[:-stride], out=along_y[inner])
    return along_x, along_y


def _corner_strength(along_x: NDArray[np.float32], along_y: NDArray[np.float32], atlas: Atlas) -> NDArray[np.float32]:
    """Ratio det / trace of the structure tensor at each place, in (gray levels per pixel)²; 0 outside the levels."""
    stride = atlas.shape[1]
    xx, yy, xy = along_x * along_x, along_y * along_y, along_x * along_y
    for step in (1, stride):
        for _ in range(_TENSOR_PASSES):
            xx, yy, xy = (plane[:-step] + plane[step:] for plane in (xx, yy, xy))
    determinant = xx * yy
    determinant -= xy * xy
    xx += yy
    xx += _LITTLE
    determinant /= xx
    determinant *= np.float32(4.0**-_TENSOR_PASSES)
    strength = np.zeros_like(along_x)
    first = (stride + 1) * (_TENSOR_PASSES + 1) // 2
    strength[first : first + len(determinant)] = determinant
    strength *= atlas.level >= 0
    return strength


def _strongest(strength: NDArray[np.float32], atlas: Atlas) -> NDArray[np.int64]:
    """Places of the strongest maxima in 5 x 5 px, spread over levels and cells."""
    stride = atlas.shape[1]
    highest = strength
    for step in (1, stride):
        pair = np.maximum(highest[:-step], highest[step:])
        four = np.maximum(pair[: -2 * step], pair[2 * step :])
        highest = np.maximum(four[:-step], highest[4 * step :])
    middle = 2 * (stride + 1)
    inner = strength[middle : middle + len(highest)]
    at = np.flatnonzero((inner >= highest) & (inner > _LEAST_STRENGTH)) + middle
    falling, level, cell = -strength[at], atlas.level[at], _cells(at, atlas)
    order = np.lexsort((falling, cell))
    rank = _ranks(cell, order)
    order = np.lexsort((falling, rank // _ROUND, level))
    filled = _ranks(level, order) / _SHARES[level]
    return np.sort(at[np.argsort(filled, kind="stable")[:MOST_KEYPOINTS]])


def _cells(at: NDArray[np.int64], atlas: Atlas) -> NDArray[np.int32]:
    """Numbers of the cells of all levels in which places lie."""
    level = atlas.level[at]
    y, x = np.divmod(at, atlas.shape[1])
    row = (y - atlas.top[level]) * _GRID / (atlas.bottom[level] - atlas.top[level])
    column = (x - atlas.left[level]) * _GRID / (atlas.right[level] - atlas.left[level])
    return (level.astype(np.int32) * _GRID + row.astype(np.int32)) * _GRID + column.astype(np.int32)


def _ranks(groups: NDArray[np.integer], order: NDArray[np.intp]) -> NDArray[np.int64]:
    """The place of each item within its group; `order` sorts by group, then by rank."""
    ranks, ordered = np.empty(len(order), np.int64), groups[order]
    ranks[order] = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return ranks


def _refined(
    strength: NDArray[np.float32], at: NDArray[np.int64], stride: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Columns and rows of maxima, at the tops of parabolas through each and its neighbours."""
    y, x = np.divmod(at, stride)
    return (x + _tops(strength, at, 1)).astype(np.float32), (y + _tops(strength, at, stride)).astype(np.float32)


def _tops(strength: NDArray[np.float32], at: NDArray[np.int64], step: int) -> NDArray[np.float32]:
    """How far from each maximum the top of the parabola through it and two neighbours lies, in pixels."""
    before, here, after = strength[at - step], strength[at], strength[at + step]
    tops: NDArray[np.float32] = (after - before) / (2 * (2 * here - before - after) + _LITTLE)
    return np.clip(tops, -0.5, 0.5)


_NO_KEYPOINTS = Keypoints(
    np.zeros((0, 2), np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros((0, DESCRIPTOR_VALUES), np.float32),
)
