"""What differs where two pictures are joined: something laid over one of them, or another moment.

Text or a plate brings edges into one picture alone. A burst, a still camera and a template with other text bring
them into both: where something is, and where it was; or they displace blocks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.judging import Aligned, Blocks, Judged, block_means

_PLATE = 3.5  # gray levels of standard deviation: less is one colour
_BUSIER = 1.4  # times the other's standard deviation
_SAME_COLOUR = 10.0  # gray levels between blocks of one surface
_MOVED, _EXPLAINED = 0.35, 0.5  # px of a block's displacement, and the share of its difference that it must explain


@dataclass(frozen=True)
class Changes:
    """Shares of the blocks that both pictures show.

    Attributes:
        over_a: something lies over a.
        over_b: something lies over b.
        mixed: both show something of their own.
        displaced: share of the structure that is displaced.
    """

    over_a: float
    over_b: float
    mixed: float
    displaced: float


def find_changes(judged: Judged) -> Changes:
    """Tell what kind of change the blocks show that differ."""
    blocks = judged.blocks
    count = max(1, len(blocks.rows))
    over_one = _is_plate(blocks, blocks.spread_one, blocks.mean_one)
    over_two = _is_plate(blocks, blocks.spread_two, blocks.mean_two)
    busy_one = blocks.differs & ~over_one & ~over_two & (blocks.spread_one > _BUSIER * blocks.spread_two)
    busy_two = blocks.differs & ~over_one & ~over_two & (blocks.spread_two > _BUSIER * blocks.spread_one)
    both = over_one & over_two
    one = int(np.count_nonzero((over_one & ~both) | busy_one))
    two = int(np.count_nonzero((over_two & ~both) | busy_two))
    mixed = int(np.count_nonzero(blocks.differs)) - one - two
    over_a, over_b = (one, two) if judged.is_a_first else (two, one)
    return Changes(over_a / count, over_b / count, mixed / count, _displaced(judged.aligned, blocks))


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
    left, right = block_means(*aligned.one.shape)
    along_x, along_y = aligned.slopes[..., 0], aligned.slopes[..., 1]
    off = aligned.two - aligned.one

    def mean(plane: NDArray[np.floating]) -> NDArray[np.float32]:
        averaged: NDArray[np.float32] = (left @ plane @ right)[blocks.rows, blocks.columns]
        return averaged

    off_mean = mean(off)
    xx, yy, xy = mean(along_x * along_x), mean(along_y * along_y), mean(along_x * along_y)
    x, y = mean(along_x * off) - mean(along_x) * off_mean, mean(along_y * off) - mean(along_y) * off_mean
    hold = np.float32(4)
    determinant = (xx + hold) * (yy + hold) - xy * xy
    shift_x, shift_y = ((yy + hold) * x - xy * y) / determinant, ((xx + hold) * y - xy * x) / determinant
    before = mean(off * off) - off_mean * off_mean
    explained = (shift_x * x + shift_y * y) / (before + 1)
    moved = (shift_x**2 + shift_y**2 > _MOVED**2) & (explained > _EXPLAINED)
    total = float(blocks.weights.sum())
    return float(blocks.weights[moved].sum()) / total if total else 0.0
