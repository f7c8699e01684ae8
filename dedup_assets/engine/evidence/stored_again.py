"""Whether nothing but storing again tells two pictures apart, and which of them has less fine detail.

JPEG (ITU-T T.81) rounds each coefficient of a block to a multiple of a step, so that two files of one picture differ by
half a step of each at the most. Sharpening, softening, painting and an earlier life in coarser steps move coefficients
further. A digit that is another one in only one of them moves the coefficients of few blocks, by much.
"""

from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.jpeg_grid import ORDERS, transform

SOFTER, BLURRED = 0.6, 0.35
"""Fine detail, beside coarse detail, that one picture has of the other one's, below which it is a softer form of it,
and below which it surely is.

It was 0.07 to 0.58 of 72 blurred photographs, 0.84 to 0.95 of 24 photographs beside forms that were sharpened along
edges of 2 px, and 0.37 to 0.85 beside forms that were sharpened along finer ones.
"""

_SIDE = 8
_MOST_BLOCKS = 3200
_FEWEST_BLOCKS = 50  # that have neither black nor white, where encoders cut colours off
_DARK, _LIGHT = 4, 251
_LOW = 4  # orders of coefficients that are compared; encoders leave out finer ones at will
_LITTLE, _MUCH = 2, 4  # levels beyond the steps: colours are rounded, too
_ALTERED = {_LITTLE: 0.012, _MUCH: 0.003}  # of the blocks; up to 0.010 and 0.001 of files that were stored again
_MEAN_NOISE = 0.2  # of the step of a mean, by which libjpeg-turbo's quick division rounds otherwise
_TELLING, _FEWEST_TELLING = 6, 3  # levels by which steps are coarser, and number of them, from which they tell
_MADE_OF, _STORED_AGAIN = 0.06, 0.6  # of the blocks; 0 to 0.045 of 40 files, and 0.9 to 1 of 60 others
_APART = 64  # blocks that differ most, and are looked at one by one
_PLACE, _PLACE_STEPS, _PLACE_ORDERS = 16, 1.5, 3  # levels, times the coarsest step; below in 1,200 such pairs
_COARSE, _FINE = (2, 4), (5, 9)  # orders


class Made(Enum):
    """Which of two pictures was made by storing the other one again."""

    UNKNOWN = 0
    FIRST = 1
    SECOND = 2


class StoredAgain(NamedTuple):
    """What two pictures of the same size, of which the second has coarser steps, differ by.

    Attributes:
        is_altered: something but storing again was done to one of them; None where it cannot be told.
        made: the one that was made by storing the other one again.
        detail: fine detail, beside coarse detail, of the second in times that of the first, where one was altered.
    """

    is_altered: bool | None = None
    made: Made = Made.UNKNOWN
    detail: float = 1.0


def compare_stored(
    first: NDArray[np.uint8], second: NDArray[np.uint8], steps: tuple[NDArray[np.int64] | None, NDArray[np.int64]]
) -> StoredAgain:
    """Compare two pictures that lie on each other, pixel by pixel.

    The first one was made from the second if no coefficient moved by more than half of its own step. If most of the
    blocks have others, and both steps together explain them, the second one was made from the first.

    Args:
        first: (h, w) gray.
        second: likewise; the luminance of a JPEG file on its own grid.
        steps: (8, 8) of the first one's luminance by row and column, in any turn, None without loss; and of the second
            one's, which are coarser.
    """
    one, two = _seen_blocks(first, second)
    if len(one) < _FEWEST_BLOCKS:
        return StoredAgain()
    low = ORDERS <= _LOW
    own, other = _steps_of(steps, low)
    moved = np.abs(transform(one, low) - transform(two, low))
    beyond = moved - (own + other) / 2
    beyond[:, 0] -= _MEAN_NOISE * max(own[0], other[0])
    is_altered = any(float((beyond > noise).any(1).mean()) > most for noise, most in _ALTERED.items())
    if is_altered:
        return StoredAgain(True, Made.UNKNOWN, _ratio(two, one, _FINE) / _ratio(two, one, _COARSE))
    telling = other - own > _TELLING
    if np.count_nonzero(telling) < _FEWEST_TELLING:
        return StoredAgain(False)
    share = float((moved - own / 2 > _LITTLE)[:, telling].any(1).mean())
    made = Made.FIRST if share < _MADE_OF else Made.SECOND if share > _STORED_AGAIN else Made.UNKNOWN
    return StoredAgain(False, made)


def differs_in_a_place(
    first: NDArray[np.uint8], second: NDArray[np.uint8], steps: tuple[NDArray[np.int64] | None, NDArray[np.int64]]
) -> bool:
    """Whether a single block, wherever it is, differs by more than storing again can do.

    Args:
        first: as of `compare_stored`.
        second: likewise. Where only its gray levels, in place of its luminance, make it differ less, colours were cut
            off in decoding it.
        steps: as of `compare_stored`.
    """
    one, two = (_blocks(picture) for picture in (first, second))
    apart = np.abs(one.astype(np.int16) - two).sum((1, 2))
    most = np.argsort(-apart, kind="stable")[:_APART]
    low = ORDERS <= _PLACE_ORDERS
    own, other = _steps_of(steps, low)
    beyond = np.abs(transform(one[most], low) - transform(two[most], low)) - (own + other) / 2
    far = np.sqrt(np.square(np.maximum(beyond, 0)).sum(1)).max(initial=0)
    return float(far) > _PLACE + _PLACE_STEPS * float(max(own.max(), other.max()))


def _steps_of(
    steps: tuple[NDArray[np.int64] | None, NDArray[np.int64]], some: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) some steps of both pictures; of the first one in whichever turn they are coarser."""
    own = np.zeros_like(steps[1]) if steps[0] is None else np.maximum(steps[0], steps[0].T)
    return own[some], steps[1][some]


def _seen_blocks(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(n, 8, 8): the same blocks of both, those in which neither is black or white anywhere."""
    one, two = (blocks[:: max(1, -(-len(blocks) // _MOST_BLOCKS))] for blocks in (_blocks(first), _blocks(second)))
    is_seen = np.ones(len(one), np.bool_)
    for blocks in (one, two):
        flat = blocks.reshape(len(blocks), _SIDE**2)
        is_seen &= (flat.min(1, initial=255) >= _DARK) & (flat.max(1, initial=0) <= _LIGHT)
    return one[is_seen], two[is_seen]


def _blocks(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = (length // _SIDE for length in picture.shape)
    cut = picture[: rows * _SIDE, : columns * _SIDE].reshape(rows, _SIDE, columns, _SIDE)
    return cut.swapaxes(1, 2).reshape(-1, _SIDE, _SIDE)


def _ratio(two: NDArray[np.uint8], one: NDArray[np.uint8], orders: tuple[int, int]) -> float:
    """Amplitude of some orders of the blocks of two in times that of one."""
    some = (orders[0] <= ORDERS) & (orders[1] >= ORDERS)
    in_two, in_one = (float(np.square(transform(each, some)).sum()) + 1 for each in (two, one))
    return float(np.sqrt(in_two / in_one))
