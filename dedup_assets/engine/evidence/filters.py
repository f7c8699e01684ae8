"""Filters of single-channel pictures: smoothing, slopes, bilinear samples."""

import numpy as np
from numpy.typing import NDArray

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in gray (ITU-R BT.601)."""


def smooth(plane: NDArray[np.float32], times: int = 1) -> NDArray[np.float32]:
    """Smooth with the binomial filter (1 4 6 4 1) / 16 along both axes; the border is repeated.

    Args:
        plane: (h, w) float32.
        times: how often; each time adds 1 px² of variance.

    Returns:
        (h, w) float32.
    """
    for _ in range(times):
        for axis in (0, 1):
            plane = _binomial(plane, axis)
    return plane


def _binomial(plane: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    padded = np.pad(plane, [(2, 2) if axis == a else (0, 0) for a in range(2)], mode="edge")
    if axis == 1:
        padded = padded.T
    rows = len(padded) - 4
    far, near, middle = padded[:rows] + padded[4:], padded[1 : rows + 1] + padded[3 : rows + 3], padded[2 : rows + 2]
    smoothed: NDArray[np.float32] = far * np.float32(1 / 16) + near * np.float32(1 / 4) + middle * np.float32(3 / 8)
    return smoothed if axis == 0 else smoothed.T


def slopes(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Central differences of a picture per pixel; one-sided at the border.

    Args:
        plane: (h, w) float32, at least 2 x 2.

    Returns:
        (h, w, 2) float32: along x and along y.
    """
    along_y, along_x = np.gradient(plane)
    return np.stack([along_x, along_y], 2)


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
