"""Places that are found again in copies of a picture, with descriptors of their surroundings.

Corners are maxima of det / trace of the structure tensor (Foerstner and Guelch 1987) on levels that shrink by √2. Each
has a direction, in which its wide neighbourhood rises, and a descriptor: histograms of slopes' directions in 4 x 4
cells, turned by the keypoint's direction (Lowe 2004), square-rooted (Arandjelovic and Zisserman 2012).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.evidence.filters import LUMA, sample, smooth

MOST_KEYPOINTS = 256  # per picture
_LEVELS = 7
_SHRINKING = 2**0.5  # from one level to the next
_LEAST_LEVEL = 24  # px of the shorter side
_GRID = 6  # cells per side over which corners are spread
_ROUND = 3  # corners taken from each cell before any cell gives more
_MARGIN = 4  # px at the border, in which no corner counts
_CELLS = 4  # per side of a descriptor
_DIRECTIONS = 8  # per cell
_WIDTH = _CELLS * _CELLS * _DIRECTIONS
_SAMPLES = 16  # per side of a descriptor's patch
_SPACING = 1.25  # px between samples


@dataclass(frozen=True, eq=False)
class Keypoints:
    """The keypoints of one picture, n of them.

    Attributes:
        places: (n, 2) float32: x and y in units of the picture's longer side.
        sizes: (n,) float32: length of a pixel of the level where it was found, in the same units.
        angles: (n,) float32: its direction in radians, from x towards y.
        descriptors: (n, 128) float32, not negative, of length 1: compare them by dot products.
    """

    places: NDArray[np.float32]
    sizes: NDArray[np.float32]
    angles: NDArray[np.float32]
    descriptors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.places)


def mirrored(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Descriptors that the same keypoints have in the mirrored picture; (n, d) float32 both.

    Mirroring left and right turns the direction a of a keypoint into π - a.
    """
    return descriptors[:, _MIRRORED]


def _mirrored_columns() -> NDArray[np.int64]:
    cells = np.arange(_WIDTH).reshape(_CELLS, _CELLS, _DIRECTIONS)
    return cells[::-1, :, -np.arange(_DIRECTIONS) % _DIRECTIONS].ravel()


_MIRRORED = _mirrored_columns()


def find_keypoints(rgb: NDArray[np.uint8]) -> Keypoints:
    """Find at most `MOST_KEYPOINTS` keypoints of a picture, finest level first.

    Args:
        rgb: (h, w, 3) uint8.
    """
    gray = Image.fromarray(rgb @ LUMA)
    sizes = [(round(gray.height / _SHRINKING**n), round(gray.width / _SHRINKING**n)) for n in range(_LEVELS)]
    sizes = [size for size in sizes if min(size) >= _LEAST_LEVEL] or sizes[:1]
    shares = _SHRINKING ** -np.arange(len(sizes), dtype=float)
    found = [
        _of_level(np.asarray(gray.resize(size[::-1], Image.Resampling.BILINEAR)), int(most))
        for size, most in zip(sizes, np.ceil(MOST_KEYPOINTS * shares / shares.sum()), strict=True)
    ]
    return Keypoints(
        np.concatenate([one.places for one in found])[:MOST_KEYPOINTS],
        np.concatenate([one.sizes for one in found])[:MOST_KEYPOINTS],
        np.concatenate([one.angles for one in found])[:MOST_KEYPOINTS],
        np.concatenate([one.descriptors for one in found])[:MOST_KEYPOINTS],
    )


def _of_level(gray: NDArray[np.float32], most: int) -> Keypoints:
    smoothed = smooth(gray)
    rises = np.zeros((*gray.shape, 2), np.float32)
    rises[:, 1:-1, 0] = smoothed[:, 2:] - smoothed[:, :-2]
    rises[1:-1, :, 1] = smoothed[2:] - smoothed[:-2]
    x, y = _corners(rises, most)
    angles, descriptors = _describe(rises, x, y)
    pixel = np.float32(1 / max(gray.shape))
    places = (np.stack([x, y], 1).astype(np.float32) + np.float32(0.5)) * pixel
    return Keypoints(places, np.full(len(x), pixel), angles, descriptors)


def _corners(rises: NDArray[np.float32], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Strongest maxima in 5 x 5 px, spread over the picture."""
    along_x, along_y = rises[..., 0], rises[..., 1]
    xx, yy, xy = smooth(along_x * along_x, 2), smooth(along_y * along_y, 2), smooth(along_x * along_y, 2)
    strength = (xx * yy - xy * xy) / (xx + yy + np.float32(1e-3))
    height, width = strength.shape
    inner = strength[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    windows = np.lib.stride_tricks.sliding_window_view(strength, (5, 5)).max((2, 3))
    peaks = windows[_MARGIN - 2 : height - _MARGIN - 2, _MARGIN - 2 : width - _MARGIN - 2]
    y, x = np.nonzero((inner >= peaks) & (inner > 1))
    y, x = y + _MARGIN, x + _MARGIN
    order = np.argsort(-strength[y, x], kind="stable")
    y, x = y[order], x[order]
    cells = y * _GRID // height * _GRID + x * _GRID // width
    by_cell = np.argsort(cells, kind="stable")
    rank = np.empty(len(x), np.int64)
    rank[by_cell] = np.arange(len(x)) - np.searchsorted(cells[by_cell], cells[by_cell])
    kept = np.argsort(rank // _ROUND, kind="stable")[:most]
    return x[kept], y[kept]


def _describe(
    rises: NDArray[np.float32], x: NDArray[np.int64], y: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Direction and descriptor of each keypoint of a level."""
    angles = np.arctan2(smooth(rises[..., 1], 6)[y, x], smooth(rises[..., 0], 6)[y, x])
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    steps = (np.arange(_SAMPLES, dtype=np.float32) - (_SAMPLES - 1) / 2) * np.float32(_SPACING)
    right, down = np.meshgrid(steps, steps)
    rise = sample(rises, x[:, None, None] + cos * right - sin * down, y[:, None, None] + sin * right + cos * down)
    along, across = rise[..., 0] * cos + rise[..., 1] * sin, rise[..., 1] * cos - rise[..., 0] * sin
    weights = np.hypot(along, across) * np.exp(-(right**2 + down**2) / 128)
    turn = np.arctan2(across, along) * (_DIRECTIONS / (2 * np.pi))
    low = np.floor(turn).astype(np.int64)
    share, cell = turn - low, np.arange(_SAMPLES) * _CELLS // _SAMPLES
    start = (cell[:, None] * _CELLS + cell) * _DIRECTIONS + np.arange(len(x))[:, None, None] * _WIDTH
    size = len(x) * _WIDTH
    summed = np.bincount((start + low % _DIRECTIONS).ravel(), (weights * (1 - share)).ravel(), size)
    summed += np.bincount((start + (low + 1) % _DIRECTIONS).ravel(), (weights * share).ravel(), size)
    summed = summed.reshape(-1, _WIDTH)
    return angles, np.sqrt(summed / (summed.sum(1, keepdims=True) + 1e-6)).astype(np.float32)
