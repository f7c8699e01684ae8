"""Filters of single-channel pictures: smoothing, slopes, bilinear samples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in gray (ITU-R BT.601)."""


def planes(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w, 3) float32 of gray (h, w): smoothed, and its slopes per pixel along x and y.

    Each of the three is in one piece of memory, because most filters read one of them.
    """
    soft = smooth(gray)
    found = np.empty((3, *soft.shape), np.float32).transpose(1, 2, 0)
    found[..., 0], found[..., 1:] = soft, slopes(soft)
    return found


def smooth(plane: NDArray[np.float32], times: int = 1) -> NDArray[np.float32]:
    """Smooth with the binomial filter (1 4 6 4 1) / 16 along both axes; the border is repeated.

    Args:
        plane: (h, w) float32.
        times: how often; each time adds 1 px² of variance.

    Returns:
        (h, w) float32.
    """
    for _ in range(times):
        plane = _binomial(plane)
    return plane


def _binomial(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Four sums of neighbours along each axis, of the flat padded array, whose rows need no cutting until the end."""
    height, width = plane.shape
    stride = width + 4
    padded = np.empty((height + 4, stride), np.float32)
    padded[2:-2, 2:-2] = plane
    padded[2:-2, :2], padded[2:-2, -2:] = plane[:, :1], plane[:, -1:]
    padded[:2], padded[-2:] = padded[2], padded[-3]
    flat = padded.reshape(-1)
    for step in (1, 1, 1, 1, stride, stride, stride):
        flat = flat[:-step] + flat[step:]
    summed = np.empty((height, stride), np.float32)
    np.add(flat[:-stride], flat[stride:], out=summed.reshape(-1)[:-4])
    smoothed: NDArray[np.float32] = summed[:, :width] * np.float32(1 / 256)
    return smoothed


def slopes(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Central differences of a picture per pixel; one-sided at the border.

    Args:
        plane: (h, w) float32, at least 2 x 2.

    Returns:
        (h, w, 2) float32: along x and along y, each in one piece of memory.
    """
    found = np.empty((2, *plane.shape), np.float32)
    for along, across in ((plane.T, found[0].T), (plane, found[1])):
        np.subtract(along[2:], along[:-2], out=across[1:-1])
        across[1:-1] *= np.float32(0.5)
        across[0], across[-1] = along[1] - along[0], along[-1] - along[-2]
    return found.transpose(1, 2, 0)


def share_of(found: NDArray[np.bool_]) -> float:
    """How many of them are true, in times of all; 1 if there are none. Far less work than their mean."""
    return np.count_nonzero(found) / found.size if found.size else 1.0


def around(plane: NDArray[Any], which: np.ufunc) -> NDArray[Any]:
    """The least or the most of each 3 x 3 pixels; those beyond the border count for nothing.

    Args:
        plane: (h, w).
        which: np.minimum or np.maximum.
    """
    tall = plane.copy()
    which(tall[1:], plane[:-1], out=tall[1:])
    which(tall[:-1], plane[1:], out=tall[:-1])
    wide = tall.copy()
    which(wide[:, 1:], tall[:, :-1], out=wide[:, 1:])
    which(wide[:, :-1], tall[:, 1:], out=wide[:, :-1])
    return wide


def sample(planes: NDArray[np.float32], x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float32]:
    """Sample bilinearly; positions outside are moved to the border.

    Args:
        planes: (h, w) or (h, w, c), at least 2 x 2.
        x: positions in pixels, of any shape; centres of pixels are whole numbers.
        y: positions in pixels, of the same shape.

    Returns:
        float32 of the shape of the positions, then c.
    """
    height, width = planes.shape[:2]
    x, y = np.clip(x, 0, width - 1.001), np.clip(y, 0, height - 1.001)
    left, top = x.astype(np.int32), y.astype(np.int32)
    right_share, low_share = (x - left).astype(np.float32), (y - top).astype(np.float32)
    if planes.ndim == 3:  # noqa: PLR2004 - (h, w, c)
        right_share, low_share = right_share[..., None], low_share[..., None]
    flat, at = planes.reshape(height * width, *planes.shape[2:]), top * width + left
    above = flat[at] * (1 - right_share) + flat[at + 1] * right_share
    below = flat[at + width] * (1 - right_share) + flat[at + width + 1] * right_share
    mixed: NDArray[np.float32] = above * (1 - low_share) + below * low_share
    return mixed
