"""What differs where two pictures are joined: something laid over one of them, or another moment.

Text or a plate brings edges into one picture alone. A burst, a still camera and a template with other text bring
them into both: where something is, and where it was; or they displace blocks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.blocks import BLOCK, Aligned, Blocks, block_means
from dedup_assets.engine.evidence.filters import around, slopes
from dedup_assets.engine.evidence.judging import Judged

_AS_BEFORE = 0.95  # correlation of a block from which it is not displaced
_PLATE = 3.5  # gray levels of standard deviation: less is one colour
_BIN = 4  # gray levels
_PLATE_SHARE, _PLATE_ALONE = 0.2, 0.7  # of the differing pixels, of all pixels of a gray: a plate
_SAME_COLOUR = 10.0  # gray levels between blocks of one surface
_CHANGED = 0.01  # share of the blocks that differ, below which nothing was changed
_DIFFERENT = 16.0  # gray levels between pixels that show something else
_STEEPER = np.float32(1.5)  # times the other picture's slope: a new edge
_MUCH_NEW = 0.006  # new edges, in times the common ones, from which they count fully
_MOVED, _EXPLAINED = 0.35, 0.5  # px of a block's displacement, and the share of its difference that it must explain


@dataclass(frozen=True)
class Changes:
    """What the differences between two pictures look like.

    Attributes:
        new_a: edges of a that b lacks where the pictures differ, in times all edges that both have.
        new_b: edges of b that a lacks.
        displaced: share of the structure that is displaced.
    """

    new_a: float
    new_b: float
    displaced: float

    @property
    def mixing(self) -> float:
        """0: all that is new is in one picture, as if laid over it; 1: both have as much of their own."""
        less, more = sorted((self.new_a, self.new_b))
        return min(1.0, less / _MUCH_NEW) * less / more if more else 0.0


def find_changes(judged: Judged) -> Changes:
    """Tell whether something lies over one picture, or both show something of their own."""
    aligned, blocks = judged.aligned, judged.blocks
    new_one, new_two = _new_edges(aligned, blocks) if judged.changed > _CHANGED else (0.0, 0.0)
    new_a, new_b = (new_one, new_two) if judged.is_a_first else (new_two, new_one)
    return Changes(new_a, new_b, _displaced(aligned, blocks))


def _new_edges(aligned: Aligned, blocks: Blocks) -> tuple[float, float]:
    """Edges that the other picture lacks, in one and in two; those that a plate hides are none."""
    steep_one = np.hypot(aligned.slopes[..., 0], aligned.slopes[..., 1])
    steep_two = np.hypot(*np.moveaxis(slopes(aligned.two), 2, 0))
    differing = _widen(np.abs(aligned.two - aligned.one) > _DIFFERENT) & aligned.inside
    hidden_one = _plates(blocks, blocks.spread_two, blocks.mean_two, differing.shape) | _plate(aligned.two, differing)
    hidden_two = _plates(blocks, blocks.spread_one, blocks.mean_one, differing.shape) | _plate(aligned.one, differing)
    both = float((np.minimum(steep_one, steep_two) * aligned.inside).sum()) + 1e-3
    new_one = np.maximum(steep_one - _STEEPER * steep_two - 2, 0)
    new_two = np.maximum(steep_two - _STEEPER * steep_one - 2, 0)
    return (
        float((new_one * (differing & ~hidden_one)).sum()) / both,
        float((new_two * (differing & ~hidden_two)).sum()) / both,
    )


def _widen(plane: NDArray[Any]) -> NDArray[Any]:
    return around(plane, np.maximum)


def _plates(
    blocks: Blocks, spread: NDArray[np.floating], mean: NDArray[np.floating], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Pixels in plates of one picture and in the blocks around them."""
    tall, wide = shape[0] // BLOCK + 2, shape[1] // BLOCK + 2
    plates = np.zeros((tall, wide), np.bool_)
    found = _is_plate(blocks, spread, mean)
    plates[blocks.rows[found] + 1, blocks.columns[found] + 1] = True
    pixels = np.repeat(np.repeat(_widen(plates)[1:, 1:], BLOCK, 0), BLOCK, 1)
    return pixels[: shape[0], : shape[1]]


def _plate(plane: NDArray[np.float32], differing: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the gray that most differing pixels have, and those around, if the rest of the picture lacks it."""
    bins = np.bincount(np.clip(plane[differing], 0, 255).astype(np.intp) // _BIN, minlength=1)
    colour = np.float32((int(bins.argmax()) + 0.5) * _BIN)
    alike = np.abs(plane - colour) < _SAME_COLOUR / 2
    found = alike & differing
    count = np.count_nonzero(found)
    if count < _PLATE_SHARE * np.count_nonzero(differing) or count < _PLATE_ALONE * np.count_nonzero(alike):
        return np.zeros_like(differing)
    return np.asarray(_widen(_widen(found)))


def _is_plate(blocks: Blocks, spread: NDArray[np.floating], mean: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which changed blocks are of one colour that does not go on in an unchanged neighbour."""
    plain = spread < _PLATE
    found = blocks.differs & plain
    if not found.any():
        return found
    shape = (int(blocks.rows.max()) + 3, int(blocks.columns.max()) + 3)
    surface = np.full(shape, np.inf)
    kept = plain & ~blocks.differs
    surface[blocks.rows[kept] + 1, blocks.columns[kept] + 1] = mean[kept]
    for down, right in ((0, 1), (2, 1), (1, 0), (1, 2)):
        found &= ~(np.abs(surface[blocks.rows + down, blocks.columns + right] - mean) < _SAME_COLOUR)
    return found


def _displaced(aligned: Aligned, blocks: Blocks) -> float:
    """Share of the structure that a small shift of its block explains (Lucas and Kanade 1981, one step)."""
    along_x, along_y = aligned.slopes[..., 0], aligned.slopes[..., 1]
    off = aligned.two - aligned.one

    def mean(plane: NDArray[np.floating]) -> NDArray[np.float32]:
        averaged: NDArray[np.float32] = block_means(plane)[blocks.rows, blocks.columns]
        return averaged

    off_mean = mean(off)
    xx, yy, xy = mean(along_x * along_x), mean(along_y * along_y), mean(along_x * along_y)
    x, y = mean(along_x * off) - mean(along_x) * off_mean, mean(along_y * off) - mean(along_y) * off_mean
    hold = np.float32(4)
    determinant = (xx + hold) * (yy + hold) - xy * xy
    shift_x, shift_y = ((yy + hold) * x - xy * y) / determinant, ((xx + hold) * y - xy * x) / determinant
    before = mean(off * off) - off_mean * off_mean
    explained = (shift_x * x + shift_y * y) / (before + 1)
    moved = (shift_x**2 + shift_y**2 > _MOVED**2) & (explained > _EXPLAINED) & (blocks.alike < _AS_BEFORE)
    total = float(blocks.weights.sum())
    return float(blocks.weights[moved].sum()) / total if total else 0.0
