"""How fine the detail of a picture is in full size: its spectrum, by the bands of `core.spectrum`."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.core.spectrum import BANDS

_SIDES = (256, 128, 64)  # pixels of a window
_MOST_WINDOWS = 4  # along an axis
_REPEATED = 0.12  # share of the columns or rows that repeat the one before, from which pixels were repeated
_ROWS_TO_CONVERT, _ROWS_TO_COMPARE = 512, 64  # at a time
_NEAR, _STILL = 9, 0.6  # columns around one; share of their mean difference below which it is a repetition


def measure_fineness(picture: NDArray[np.uint8]) -> list[float] | None:
    """The spectrum of a picture.

    Args:
        picture: (h, w, 3) uint8 RGB in full size.

    Returns:
        Energy of its gray levels in each of `BANDS`, summed over up to 16 windows; None where it has less than 64
        pixels along an axis, or was enlarged by repeating pixels, which makes edges without detail.
    """
    side = next((side for side in _SIDES if side <= min(picture.shape[:2])), 0)
    if not side or _has_repeated_pixels(gray := _gray_of(picture)):
        return None
    energy = np.zeros((side, side // 2 + 1), np.float32)
    window = np.hanning(side).astype(np.float32)
    for top in _starts(gray.shape[0], side):
        for left in _starts(gray.shape[1], side):
            part = gray[top : top + side, left : left + side].astype(np.float32)
            energy += np.abs(np.fft.rfft2((part - part.mean()) * window * window[:, None])) ** 2
    return [float(f"{value:.4g}") for value in np.bincount(_bands(side), energy.ravel(), len(BANDS) + 1)[1:-1]]


@cache
def _bands(side: int) -> NDArray[np.int64]:
    """The band of each value of a window's transform: 1 to 24; 0 and 25 for those that are outside."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    bands: NDArray[np.int64] = np.digitize(frequency, BANDS).ravel().astype(np.int64)
    return bands


def _starts(length: int, side: int) -> NDArray[np.int64]:
    count = min(_MOST_WINDOWS, -(-length // side))
    return np.linspace(0, length - side, count).astype(np.int64)


def _gray_of(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The gray levels, some rows at a time: what Pillow holds meanwhile would be larger than the picture."""
    gray = np.empty(picture.shape[:2], np.uint8)
    for top in range(0, len(gray), _ROWS_TO_CONVERT):
        rows = slice(top, top + _ROWS_TO_CONVERT)
        gray[rows] = np.asarray(Image.fromarray(picture[rows]).convert("L"))
    return gray


def _has_repeated_pixels(gray: NDArray[np.uint8]) -> bool:
    """Whether columns or rows repeat those before them at regular places, as the nearest pixel does when enlarging."""
    return any(_repeated(change) > _REPEATED for change in _mean_changes(gray))


def _mean_changes(gray: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much each row differs from the one before, and each column; sums of whole numbers, which float32 holds."""
    height, width = gray.shape
    down, across = np.empty(height - 1, np.float32), np.zeros(width - 1, np.float32)
    for top in range(0, height, _ROWS_TO_COMPARE):
        rows = gray[top : top + _ROWS_TO_COMPARE + 1]
        steps = _differences(rows[1:], rows[:-1])
        down[top : top + len(steps)] = steps @ np.ones(width, np.float32)
        rows = rows[:_ROWS_TO_COMPARE]
        across += np.ones(len(rows), np.float32) @ _differences(rows[:, 1:], rows[:, :-1])
    down /= np.float32(width)
    across /= np.float32(height)
    return down, across


def _differences(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    return (np.maximum(one, other) - np.minimum(one, other)).astype(np.float32)


def _repeated(change: NDArray[np.float32]) -> float:
    around = np.convolve(change, np.full(_NEAR, 1 / _NEAR), "same")
    return float((change < _STILL * around).mean())
