"""Two pictures on one grid, compared in blocks of 8 x 8 px.

Normalised correlation is disturbed by no change of contrast or light.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

BLOCK = 8
"""Side of the blocks in px."""
MANY_BLOCKS = 64
"""Blocks with structure from which more of them prove nothing more."""

_FLAT = 4.0  # gray levels: a block that varies less in both pictures has no structure
_WHOLE_BLOCK = 0.9  # share of a block's pixels that must lie in both pictures
_NOISE = 0.3  # squared gray levels that hold the correlation of faint blocks down
_LIGHT = 40.0  # gray levels that gain and offset may leave unexplained
_EIGHT = np.ones(BLOCK, np.float32)
_HALF = 0.5  # of what is alike: a block that is less alike shows something else


@dataclass(frozen=True, eq=False)
class Aligned:
    """Both pictures on the grid of that which shows less, in its tones.

    Attributes:
        one: (h, w) float32 gray, smoothed, of the picture that shows less.
        two: (h, w) float32 of the other.
        slopes: (h, w, 2) float32 of `one`.
        inside: (h, w): which pixels lie in the content of both.
        shared: (h, w): which pixels lie in both, borders of one colour included.
    """

    one: NDArray[np.float32]
    two: NDArray[np.float32]
    slopes: NDArray[np.float32]
    inside: NDArray[np.bool_]
    shared: NDArray[np.bool_]

    def in_whole_blocks(self) -> "Aligned":
        """The same with the last rows and columns repeated, so that blocks hold all of both."""
        height, width = self.one.shape
        rows, columns = ((0, -side % BLOCK) for side in (height, width))
        if not rows[1] and not columns[1]:
            return self
        ends = rows, columns
        return Aligned(
            np.pad(self.one, ends, "edge"),
            np.pad(self.two, ends, "edge"),
            np.pad(self.slopes, (*ends, (0, 0)), "edge"),
            np.pad(self.inside, ends, "edge"),
            np.pad(self.shared, ends, "edge"),
        )


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks that lie in both pictures, n of them, in the grid of the picture that shows less.

    Attributes:
        rows: (n,) rows of the grid of blocks.
        columns: (n,).
        alike: (n,) float32: normalised correlation.
        light: (n,) float32: 1 where the means agree, 0 where they are far apart.
        spread_one: (n,) float32: standard deviation in the picture that shows less.
        spread_two: (n,) float32: in the other.
        mean_one: (n,) float32.
        mean_two: (n,) float32.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    alike: NDArray[np.floating]
    light: NDArray[np.floating]
    spread_one: NDArray[np.floating]
    spread_two: NDArray[np.floating]
    mean_one: NDArray[np.floating]
    mean_two: NDArray[np.floating]

    @cached_property
    def structured(self) -> NDArray[np.bool_]:
        """Which of them have structure in either picture."""
        return np.asarray(np.maximum(self.spread_one, self.spread_two) > _FLAT)

    @cached_property
    def weights(self) -> NDArray[np.floating]:
        """How much each counts."""
        return np.where(self.structured, np.sqrt(np.maximum(self.spread_one, self.spread_two)), np.float32(0))

    @cached_property
    def differs(self) -> NDArray[np.bool_]:
        """Which of them show something else."""
        alike = np.where(self.structured, ramp(self.alike, 0.25, 0.75), np.float32(1))
        return np.asarray(alike * self.light < _HALF)


@lru_cache(maxsize=64)
def _averaging(length: int) -> NDArray[np.float32]:
    """(length, length // 8): the matrix that gives the means of blocks from the sums of eight rows."""
    matrix = np.zeros((length, length // BLOCK), np.float32)
    for n in range(matrix.shape[1]):
        matrix[n * BLOCK : (n + 1) * BLOCK, n] = 1 / BLOCK**2
    return matrix


def block_means(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of blocks: (..., h // 8, w // 8) of (..., h, w) float32."""
    *many, height, width = planes.shape
    tall = height // BLOCK
    rows = planes[..., : tall * BLOCK, :].reshape(*many, tall, BLOCK, width)
    sums: NDArray[np.float32] = np.matmul(_EIGHT, rows)
    return np.asarray(sums @ _averaging(width))


def compare_blocks(aligned: Aligned) -> Blocks:
    """Compare block by block."""
    rows, columns = np.nonzero(block_means(aligned.inside.astype(np.float32)) > _WHOLE_BLOCK)
    planes = np.empty((5, *aligned.one.shape), np.float32)
    one, two, square_one, square_two, product = planes
    np.subtract(aligned.one, np.float32(128), out=one)
    np.minimum(np.maximum(aligned.two, np.float32(-400), out=two), np.float32(400), out=two)
    two -= np.float32(128)
    np.multiply(one, one, out=square_one)
    np.multiply(two, two, out=square_two)
    np.multiply(one, two, out=product)
    mean_one, mean_two, squares_one, squares_two, products = block_means(planes)[:, rows, columns]
    spread_one = np.sqrt(np.maximum(squares_one - mean_one * mean_one, np.float32(0)))
    spread_two = np.sqrt(np.maximum(squares_two - mean_two * mean_two, np.float32(0)))
    alike = (products - mean_one * mean_two) / (spread_one * spread_two + np.float32(_NOISE))
    lighter = np.abs(mean_two - mean_one - _light_field(rows, columns, mean_two - mean_one))
    light = ramp(-lighter, -1.5 * _LIGHT, -0.5 * _LIGHT)
    return Blocks(rows, columns, alike, light, spread_one, spread_two, mean_one, mean_two)


def _light_field(
    rows: NDArray[np.intp], columns: NDArray[np.intp], lighter: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A gentle change of light over the picture, as of a lamp or a lens: what a quadratic function explains."""
    if len(lighter) < MANY_BLOCKS // 2 or np.abs(lighter).max() < _LIGHT / 2:
        return np.zeros_like(lighter)
    x, y = ((at / max(1, at.max()) - 0.5).astype(np.float32) for at in (columns, rows))
    known = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])
    field = np.zeros_like(lighter)
    for _ in range(3):
        weighted = known / (1 + ((lighter - field) / np.float32(_LIGHT / 3)) ** 2)
        fitted = np.linalg.solve((weighted @ known.T).astype(float) + 0.5 * np.eye(6), weighted @ lighter)
        field = fitted.astype(np.float32) @ known
    return field


def ramp(values: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    """0 up to the low value, 1 from the high one, and straight between."""
    risen = (values - np.float32(low)) / np.float32(high - low)
    return np.asarray(np.minimum(np.maximum(risen, np.float32(0)), np.float32(1)))
