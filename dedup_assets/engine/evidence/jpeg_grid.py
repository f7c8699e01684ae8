"""Whether a picture was made from a JPEG file: its pixels still lie on the steps to which that file rounds.

JPEG (ITU-T T.81) cuts a picture into blocks of 8 x 8 and rounds each coefficient of their cosine transform to multiples
of a step. A picture that was decoded from it, turned and stored again, in fewer steps or without loss, has coefficients
near these multiples on the file's own grid; another one has them anywhere (Lin et al., Fast, automatic and fine-grained
tampered JPEG image detection via DCT coefficient analysis, 2009).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MADE, NOT_MADE = 0.12, 0.08
"""Agreement from which a picture was made from a file, and below which it was not; nothing tells between the two.

It was 0.09 to 0.97 of 900 pictures that were made from a file, and up to 0.095 of others, which have an earlier life.
"""

_SIDE = 8
_MOST_BLOCKS = 400
_FEWEST_VALUES = 300
_LAST_ORDER = 5  # of the coefficients: finer ones are 0
_LEAST_STEP = 2
_COARSER = 4 / 3  # times the own steps: the first multiple is a quarter of a step away then
_RIGHT_ANGLE = 0.02  # by how much an entry of a turn may differ from 0 and 1


class Turn(NamedTuple):
    """A turn by right angles, mirrored or not.

    Attributes:
        is_transposed: rows and columns are exchanged, before all else.
        flips_rows: the last row becomes the first.
        flips_columns: the last column becomes the first.
    """

    is_transposed: bool
    flips_rows: bool
    flips_columns: bool

    def of(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A (h, w) or (h, w, channels) picture turned; a view of it."""
        turned = picture.swapaxes(0, 1) if self.is_transposed else picture
        return turned[:: -1 if self.flips_rows else 1, :: -1 if self.flips_columns else 1]

    @property
    def is_none(self) -> bool:
        """Whether nothing is turned."""
        return not any(self)


def turn_of(linear: NDArray[np.float64]) -> Turn | None:
    """The turn that a (2, 2) map of x and y is, y downwards; None if it is none, or scales."""
    rounded = np.round(linear)
    if np.abs(linear - rounded).max() > _RIGHT_ANGLE or np.abs(rounded).sum() != len(linear):
        return None
    x, y = rounded.sum(1)
    return Turn(bool(rounded[0, 0] == 0), bool(y < 0), bool(x < 0))


def agreement(
    gray: NDArray[np.uint8], steps: NDArray[np.int64], turn: Turn, own: NDArray[np.int64] | None = None
) -> float | None:
    """How well a picture lies on the steps of a JPEG file.

    Args:
        gray: (h, w) the picture in full size.
        steps: (8, 8) of the file's luminance, by row and column of the coefficients.
        turn: from the picture to the file's rows and columns as they are stored.
        own: (8, 8) steps that the picture was rounded to last; None for one without loss. Coefficients with steps
            nearly as large as the file's do not count: small multiples of both are the same, whatever was made from
            which.

    Returns:
        The mean cosine of the coefficients as phases between two multiples: 1 where all are multiples, about 0 where
        they are anywhere. None where too few are large enough to tell.
    """
    turned = turn.of(gray)
    rows, columns = (length // _SIDE for length in turned.shape)
    some = np.unique(np.linspace(0, rows * columns - 1, min(_MOST_BLOCKS, rows * columns)).astype(np.int64))
    row, column = (_SIDE * places[:, None, None] for places in divmod(some, max(columns, 1)))
    blocks = turned[row + np.arange(_SIDE)[:, None], column + np.arange(_SIDE)]
    last = 0 if own is None else np.maximum(own, own.T)
    chosen = (ORDERS > 0) & (ORDERS <= _LAST_ORDER) & (steps >= _LEAST_STEP) & (steps > _COARSER * last)
    counts = transform(blocks, chosen) / steps[chosen]
    every = counts[np.abs(np.round(counts)) >= 1]
    return float(np.cos(2 * np.pi * every).mean()) if len(every) >= _FEWEST_VALUES else None


def transform(blocks: NDArray[np.uint8], chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Coefficients of blocks, in one product of matrices.

    Args:
        blocks: (n, 8, 8).
        chosen: (8, 8) which of them, by row and column.

    Returns:
        (n, m) float32, by rows.
    """
    found: NDArray[np.float32] = (
        blocks.reshape(len(blocks), _SIDE**2).astype(np.float32) @ _TRANSFORM[:, chosen.ravel()]
    )
    return found


def _cosines() -> NDArray[np.float32]:
    order, place = np.arange(_SIDE)[:, None], np.arange(_SIDE)[None]
    cosines = np.cos(np.pi * (2 * place + 1) * order / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    cosines[0] /= np.sqrt(2)
    single: NDArray[np.float32] = cosines.astype(np.float32)
    return single


_TRANSFORM = np.kron(_cosines(), _cosines()).T  # (64, 64), from pixels to coefficients
ORDERS = np.add.outer(np.arange(_SIDE), np.arange(_SIDE))
"""(8, 8): the order of each coefficient."""
