"""How fine the detail of a picture is in full size: its spectrum, by the bands of `core.spectrum`."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.core.spectrum import BANDS

_SIDES = (256, 128, 64)  # pixels of a window
_MOST_WINDOWS = 4  # along an axis
_REPEATED = 0.12  # share of the columns or rows that repeat the one before, from which pixels were repeated
_NEAR, _STILL = 9, 0.6  # columns around one; share of their mean difference below which it is a repetition


def measure_fineness(picture: NDArray[np.uint8]) -> list[float] | None:
    """The spectrum of a picture.

    Args:
        picture: (h, w, 3) uint8 RGB in full size.

    Returns:
        Energy of its gray levels in each of `BANDS`, summed over up to 16 windows; None where it has less than 64
        pixels along an axis, or was enlarged by repeating pixels, which makes edges without detail.
    """
    gray = np.asarray(Image.fromarray(picture).convert("L"), np.float32)
    side = next((side for side in _SIDES if side <= min(gray.shape)), 0)
    if not side or _has_repeated_pixels(gray):
        return None
    energy = np.zeros((side, side // 2 + 1), np.float32)
    window = np.hanning(side).astype(np.float32)
    for top in _starts(gray.shape[0], side):
        for left in _starts(gray.shape[1], side):
            part = gray[top : top + side, left : left + side]
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


def _has_repeated_pixels(gray: NDArray[np.float32]) -> bool:
    """Whether columns or rows repeat those before them at regular places, as the nearest pixel does when enlarging."""
    return any(_repeated(np.abs(np.diff(gray, axis=axis)).mean(1 - axis)) > _REPEATED for axis in (0, 1))


def _repeated(change: NDArray[np.float32]) -> float:
    around = np.convolve(change, np.full(_NEAR, 1 / _NEAR), "same")
    return float((change < _STILL * around).mean())
