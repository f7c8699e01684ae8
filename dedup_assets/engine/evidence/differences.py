"""Which of two pictures lies over the other, place by place, where they differ.

Text, a plate, a banner or a watermark is of one colour: it moves each pixel that it covers towards that colour, so that
one colour explains all that changed in its place. Another moment, another text or another face moves pixels both ways,
in whichever direction the two are looked at.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.filters import around
from dedup_assets.engine.evidence.judging import BLOCK, Aligned, Blocks, block_means

_ALIKE = 0.6  # correlation of a block below which it shows something else
_EXCESS = 2.0  # gray levels of a block beyond those of the pixels around, in the other picture
_CHANGED = 14.0  # gray levels of a pixel
_SIDE = 256  # px of the longer side at which places are joined block by block
_LEAST_PIXELS, _MOST_PIXELS = 4, 600  # of a place, which are looked at
_NOISE = 6.0  # gray levels that a pixel may move away
_AWAY = 0.05  # share of the change that leads away from one colour: more is no overlay
_ONE_SIDED = 0.3  # of what sticks out, from which strokes stand in one picture alone
_COVERED = 0.05  # difference of those shares from which what is covered is told from what covers it
_COLOURS = np.arange(0, 256, 17, dtype=np.float32)


@dataclass(frozen=True)
class Differences:
    """What differs between two pictures.

    Attributes:
        share: of the blocks that lie in both pictures, how many differ.
        count: number of blocks that differ.
        mixed: share of the change in places where both pictures show something of their own.
        over_one: share of the change that lies over the first picture, as added text does.
        over_two: share of the change that lies over the second.
    """

    share: float
    count: int
    mixed: float
    over_one: float
    over_two: float

    @property
    def is_edit(self) -> bool:
        """Whether all that differs may have been laid over one of the pictures."""
        return self.mixed + 2 * min(self.over_one, self.over_two) < 0.3  # noqa: PLR2004

    @property
    def side(self) -> int:
        """1: something was laid over the first picture; 2: over the second; 0: unknown."""
        if max(self.over_one, self.over_two) < 0.5:  # noqa: PLR2004
            return 0
        return 1 if self.over_one > self.over_two else 2


def find_differences(aligned: Aligned, blocks: Blocks) -> Differences:
    """Tell what was laid over one picture from what both show of their own."""
    over_one, over_two = _excess(aligned)
    left, right = block_means(*aligned.one.shape)
    sticks_out = left @ np.maximum(over_one, over_two) @ right
    differs = blocks.structured & (blocks.alike < _ALIKE) & (sticks_out[blocks.rows, blocks.columns] > _EXCESS)
    if not differs.any():
        return Differences(0.0, 0, 0.0, 0.0, 0.0)
    found = np.zeros(sticks_out.shape, np.bool_)
    found[blocks.rows[differs], blocks.columns[differs]] = True
    changes = np.zeros(4)
    for place in _places(found, max(1, round(max(aligned.one.shape) / _SIDE))):
        which, mass = _judge_place(aligned, over_one, over_two, place)
        changes[which] += mass
    mixed, one, two, _ = changes / max(1e-6, changes.sum())
    count = int(np.count_nonzero(differs))
    return Differences(count / len(differs), count, float(mixed), float(one), float(two))


def _judge_place(
    aligned: Aligned,
    over_one: NDArray[np.float32],
    over_two: NDArray[np.float32],
    place: tuple[slice, slice, NDArray[np.bool_]],
) -> tuple[int, float]:
    """What a place is: 0 for mixed, 1 for over one, 2 for over two, 3 for unknown; and the sum of its change."""
    rows, columns, within = place
    one, two = aligned.one[rows, columns], aligned.two[rows, columns]
    within = within & aligned.inside[rows, columns]
    changed = within & (np.abs(two - one) > _CHANGED)
    p, q = np.clip(one[changed], 0, 255), np.clip(two[changed], 0, 255)
    mass = float(np.abs(p - q).sum())
    if len(p) < _LEAST_PIXELS:
        return 3, mass
    away_one, away_two = _leads_away(p, q), _leads_away(q, p)
    out_one, out_two = float(over_one[rows, columns][within].sum()), float(over_two[rows, columns][within].sum())
    sided = (out_two - out_one) / (out_one + out_two + 1)
    if abs(sided) < _ONE_SIDED:
        if min(away_one, away_two) > _AWAY:
            return 0, mass
        if abs(away_one - away_two) > _COVERED:
            return (1 if away_one < away_two else 2), mass
    if abs(sided) > _ONE_SIDED / 2:
        return (2 if sided > 0 else 1), mass
    return 3, mass


def _leads_away(p: NDArray[np.float32], q: NDArray[np.float32]) -> float:
    """Share of the change from q to p that leads away from one colour: 0 if p is q with something laid over it."""
    if len(p) > _MOST_PIXELS:
        some = np.linspace(0, len(p) - 1, _MOST_PIXELS).astype(np.intp)
        p, q = p[some], q[some]
    moved = np.abs(p[:, None] - _COLOURS) - np.abs(q[:, None] - _COLOURS)
    away = np.maximum(moved - np.float32(_NOISE), 0).sum(0)
    return float(away.min()) / (float(np.abs(p - q).sum()) + 1e-3)


def _excess(aligned: Aligned) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far each pixel of one, and each of two, lies beyond the 3 x 3 pixels around it in the other picture."""
    planes = aligned.one, aligned.two
    found = []
    for own, other in (planes, planes[::-1]):
        low, high = (around(other, which) for which in (np.minimum, np.maximum))
        found.append(np.maximum(np.maximum(own - high, low - own), 0) * aligned.inside)
    return found[0], found[1]


def _places(found: NDArray[np.bool_], joined: int) -> list[tuple[slice, slice, NDArray[np.bool_]]]:
    """Blocks that touch, with a block around them, as rows, columns and mask of pixels.

    Args:
        found: (rows, columns) of blocks.
        joined: blocks along each axis that count as one.
    """
    rows, columns = found.shape
    tall, wide = -(-rows // joined), -(-columns // joined)
    cells = np.zeros((tall * joined, wide * joined), np.bool_)
    cells[:rows, :columns] = found
    taken = cells.reshape(tall, joined, wide, joined).any((1, 3))
    left, places = {(int(row), int(column)) for row, column in np.argwhere(taken)}, []
    for start in sorted(left):
        if start not in left:
            continue
        left.discard(start)
        members, waiting = [start], [start]
        while waiting:
            row, column = waiting.pop()
            for near in ((row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)):
                if near in left:
                    left.discard(near)
                    members.append(near)
                    waiting.append(near)
        places.append(_pixels(np.array(members), found, joined))
    return places


def _pixels(cells: NDArray[np.intp], found: NDArray[np.bool_], joined: int) -> tuple[slice, slice, NDArray[np.bool_]]:
    """The differing blocks of some cells, widened by a block."""
    top, left = np.maximum(cells.min(0) * joined - 1, 0)
    bottom, right = np.minimum((cells.max(0) + 1) * joined + 1, found.shape)
    mine = np.zeros(found.shape, np.bool_)
    for row, column in cells * joined:
        mine[row : row + joined, column : column + joined] = True
    blocks = (found & mine)[top:bottom, left:right]
    wide = around(blocks, np.maximum)
    mask = np.repeat(np.repeat(wide, BLOCK, 0), BLOCK, 1)
    return slice(top * BLOCK, bottom * BLOCK), slice(left * BLOCK, right * BLOCK), mask
