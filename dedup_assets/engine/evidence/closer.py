"""A finer view of pictures that hold text, whose smallest differences matter and are lost at the size of a look."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLOSER_SIDE = 768
"""Longer side in px, at most; smaller files are taken as they are."""

_LEAST_SIDE = 16  # px of the shorter side, so that every filter fits
_GREEN = 1
_STEP = 8  # levels of one bin of the ground's colour
_GROUND, _FLAT = 0.3, 0.6  # share of the pixels that have the commonest gray, or that of their neighbour
_SOME_ROWS, _GROUND_ROUGHLY = 4, 0.2  # every fourth row; share of its pixels, likewise
_SAME, _STROKE = 2, 30  # levels between neighbours
_STROKES = 0.01  # share of the pixels that are thin and have ground on both sides: documents 0.019 to 0.075
_REACH = 5  # px: strokes and letters are less wide than this


@dataclass(frozen=True, eq=False)
class Closer:
    """The gray of a picture with more pixels than its look.

    Attributes:
        find: gives the gray, once.
        height: rows.
        width: columns.
    """

    find: Callable[[], Image.Image]
    height: int
    width: int

    @classmethod
    def of(cls, rgb: NDArray[np.uint8]) -> "Closer":
        """The view of a picture (h, w, 3) uint8."""
        gray = _gray_of(rgb)
        return cls(lambda: gray, *rgb.shape[:2])

    @classmethod
    def later(cls, decode: Callable[[], NDArray[np.uint8]], height: int, width: int) -> "Closer":
        """A view that is decoded when it is first needed, to (height, width, 3) uint8."""
        return cls(lambda: _gray_of(decode()), height, width)

    @cached_property
    def _gray(self) -> Image.Image:
        return self.find()

    @property
    def side(self) -> int:
        """Longer side in px."""
        return max(self.width, self.height)

    def grays(self, side: float) -> list[NDArray[np.uint8]]:
        """Gray (h, w) at half of a longer side in px, and at that side, or at the one that there is if it is less."""
        picture, share = self._gray, side / self.side
        if share < 1:
            size = max(_LEAST_SIDE, round(self.width * share)), max(_LEAST_SIDE, round(self.height * share))
            picture = picture.resize(size, Image.Resampling.BILINEAR)
        return [np.asarray(each) for each in (picture.reduce(2), picture)]


def _gray_of(rgb: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(rgb).convert("L")


def closer_size(width: int, height: int) -> tuple[int, int]:
    """Width and height in pixels of the finer view of a picture of this size."""
    share = min(1.0, CLOSER_SIDE / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))


@dataclass(frozen=True)
class Strokes:
    """Thin strokes on the commonest ground of a picture.

    Attributes:
        share: of all pixels.
        between: share of all thin things that have this ground on both sides.
    """

    share: float = 0.0
    between: float = 0.0

    @property
    def hold_text(self) -> bool:
        """Whether there are as many as a page has."""
        return self.share > _STROKES


def holds_text(rgb: NDArray[np.uint8]) -> bool:
    """Whether a picture looks like a page, a form or a screen: thin strokes on a plain ground.

    Args:
        rgb: (h, w, 3) uint8 of the size of a look.
    """
    return find_strokes(rgb).hold_text


def find_strokes(rgb: NDArray[np.uint8]) -> Strokes:
    """The strokes across rows; none where there is no plain ground; argument as of `holds_text`."""
    if _commonest(rgb[::_SOME_ROWS])[1] < _GROUND_ROUGHLY:  # most photographs
        return Strokes()
    low, share = _commonest(rgb)
    if share < _GROUND:
        return Strokes()
    gray = rgb[..., _GREEN].astype(np.int16)
    across = np.abs(gray[:, 1:] - gray[:, :-1])
    if np.count_nonzero(across <= _SAME) < _FLAT * across.size:
        return Strokes()
    thin = np.abs(2 * gray[:, 1:-1] - gray[:, :-2] - gray[:, 2:]) > _STROKE
    ground = (gray >= low) & (gray < low + 4 * _STEP)
    lines = thin & (_between(ground) | _between(ground.T).T)[:, 1:-1]
    return Strokes(float(lines.mean()), float(np.count_nonzero(lines)) / max(1.0, float(np.count_nonzero(thin))))


def _commonest(rgb: NDArray[np.uint8]) -> tuple[int, float]:
    """The least gray of the commonest ones and of those a bin beside them, and the share of the pixels of two bins."""
    levels = Image.fromarray(np.ascontiguousarray(rgb[..., _GREEN])).histogram()
    bins = np.array([*levels, *[0] * _STEP]).reshape(-1, _STEP).sum(1)
    common = bins[:-1] + bins[1:]
    return (int(common.argmax()) - 1) * _STEP, float(common.max()) / (rgb.size // 3)


def _between(ground: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pixels of a row have ground on both sides. Thin lines of a photograph on a plain page or frame have not."""
    left, right = np.zeros_like(ground), np.zeros_like(ground)
    for step in range(1, _REACH + 1):
        left[:, step:] |= ground[:, :-step]
        right[:, :-step] |= ground[:, step:]
    return left & right
