"""Which of two pictures lies over the other, place by place, where they differ.

Text, a plate, a banner or a watermark is of one colour: it moves each pixel that it covers towards that colour, so that
one colour explains all that changed in its place. Another moment, another text or another face moves pixels both ways,
in whichever direction the two are looked at.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.blocks import BLOCK, Aligned, Blocks, block_means
from dedup_assets.engine.evidence.filters import around, slopes


@dataclass(frozen=True)
class _Bars:
    """What a block must do to differ. Compression, noise and moire are in all blocks, and raise the bars.

    Attributes:
        alike: correlation that it must be below, at least and at most.
        excess: gray levels beyond those of the pixels around, in the other picture, that it must exceed, likewise.
        louder: times the excess that most blocks stay below.
        odder: times what most blocks lack in correlation.
        count: blocks that must differ, or else it may be noise.
    """

    alike: tuple[float, float]
    excess: tuple[float, float]
    louder: float
    odder: float
    count: int


_PHOTO = _Bars((0.75, 0.75), (3.0, 12.0), 3.0, 0.0, 2)
_TEXT = _Bars((0.75, 0.85), (1.0, 3.0), 4.0, 6.0, 1)
_LOUD, _ODD = 0.75, 0.1  # share of the blocks that have less excess, and of those that have less correlation
_CHANGED = 14.0  # gray levels of a pixel
_SIDE = 256  # px of the longer side at which places are joined block by block
_LEAST_PIXELS, _MOST_PIXELS, _CORE_PIXELS = 4, 600, 12  # of a place: looked at, at most, and within it
_FIELD = 0.04  # share of the blocks of a page: more is an overlay, such as a plate or lines across
_LEAST_MASS, _LINE_MASS, _FIELD_MASS = 600.0, 3000.0, 4000.0  # levels in all changed pixels; noise has less
_NOISE = 6.0  # gray levels that a pixel may move away
_AWAY = 0.05  # share of the change that leads away from one colour: more is no overlay
_PLATE = 8.0  # gray levels of spread within a place, above which it is no plate
_LIKELY, _SURE, _EDGED = 0.25, 0.8, 0.6  # of the signs of what lies over the other; of its edge alone
_MIXED = 0.3  # share of the change that no overlay explains, from which both pictures show something of their own
_SPOTS, _SPOT, _CLEAR = 3, 8.0, 6.0  # pixels that differ; gray levels; times what all but a twentieth differ by
_TYPICAL = 20
_COLOURS = np.arange(0, 256, 17, dtype=np.float32)


@dataclass(frozen=True)
class Differences:
    """What differs between two pictures.

    Attributes:
        share: of the blocks that lie in both pictures, how many differ.
        count: number of blocks that differ; 0 if there are so few of them that it may be noise.
        mixed: share of the change in places where both pictures show something of their own.
        over_one: share of the change that lies over the first picture, as added text does.
        over_two: share of the change that lies over the second.
        opposed: share of the change that surely lies over that picture over which less lies.
        fills_field: whether both hold text, and the size of what differs is that of a field: another page.
    """

    share: float = 0.0
    count: int = 0
    mixed: float = 0.0
    over_one: float = 0.0
    over_two: float = 0.0
    opposed: float = 0.0
    fills_field: bool = False

    @property
    def is_edit(self) -> bool:
        """Whether all that differs may have been laid over one of the pictures."""
        return self.mixed + 3 * self.opposed < _MIXED

    @property
    def side(self) -> int:
        """1: something was laid over the first picture; 2: over the second; 0: unknown."""
        if abs(self.over_one - self.over_two) < _MIXED:
            return 0
        return 1 if self.over_one > self.over_two else 2


def has_spots(aligned: Aligned, with_borders: bool) -> bool:
    """Whether a few pixels differ much more than others do, as small text does, wherever it is.

    Args:
        aligned: both pictures.
        with_borders: whether borders of one colour are looked at, too.
    """
    seen = around(around(aligned.shared if with_borders else aligned.inside, np.minimum), np.minimum)
    seen[:2] = seen[-2:] = seen[:, :2] = seen[:, -2:] = False
    excess = np.maximum(*_excess(aligned.one, aligned.two))[seen]
    typical = max(_SPOTS, len(excess) // _TYPICAL)
    if len(excess) <= typical:
        return False
    most = np.partition(excess, (-typical, -_SPOTS))
    return bool(most[-_SPOTS] > max(_SPOT, _CLEAR * most[-typical]))


def find_differences(aligned: Aligned, blocks: Blocks, hold_text: bool = False, are_alike: bool = False) -> Differences:
    """Tell what was laid over one picture from what both show of their own.

    Args:
        aligned: both pictures.
        blocks: their blocks.
        hold_text: whether both hold text, of which little may have been changed.
        are_alike: whether all blocks are alike at half the scale, so that less than a line of text is noise.
    """
    bars = _TEXT if hold_text else _PHOTO
    unlike = _find_unlike(blocks, bars)
    if not unlike.any():
        return Differences()
    over_one, over_two = (over * aligned.inside for over in _excess(aligned.one, aligned.two))
    sticks_out = block_means(np.maximum(over_one, over_two))
    differs = _find_differing(blocks, unlike, sticks_out[blocks.rows, blocks.columns], bars)
    if not differs.any():
        return Differences()
    found = np.zeros(sticks_out.shape, np.bool_)
    found[blocks.rows[differs], blocks.columns[differs]] = True
    places = _places(found, max(1, round(max(aligned.one.shape) / _SIDE)))
    judged = [_judge_place(aligned, over_one, over_two, *place) for place in places]
    masses, mixed, signs = (np.array(each) for each in zip(*judged, strict=True))
    mass = float(masses.sum())
    if not hold_text and mass < (_LINE_MASS if are_alike else _LEAST_MASS):
        return Differences()
    masses /= max(1e-6, masses.sum())
    opposed = min(float(masses[~mixed & (signs < -_SURE)].sum()), float(masses[~mixed & (signs > _SURE)].sum()))
    count = int(np.count_nonzero(differs))
    return Differences(
        count / len(differs),
        count,
        float(masses[mixed].sum()),
        float(masses[~mixed & (signs < -_LIKELY)].sum()),
        float(masses[~mixed & (signs > _LIKELY)].sum()),
        opposed,
        hold_text and mass > _FIELD_MASS and count < _FIELD * len(differs),
    )


def _find_unlike(blocks: Blocks, bars: _Bars) -> NDArray[np.bool_]:
    """Which blocks with structure are less alike than what lies over the whole picture explains."""
    structured = blocks.structured
    if not structured.any():
        return structured
    lack = 1 - float(np.quantile(blocks.alike[structured], _ODD))
    return np.asarray(structured & (blocks.alike < _between(1 - bars.odder * lack, bars.alike)))


def _find_differing(
    blocks: Blocks, unlike: NDArray[np.bool_], excess: NDArray[np.floating], bars: _Bars
) -> NDArray[np.bool_]:
    """Which of the unlike blocks stick out by more than what lies over the whole picture; none if too few do."""
    typical = float(np.quantile(excess[blocks.structured], _LOUD))
    differs = unlike & (excess > _between(bars.louder * typical, bars.excess))
    return differs if np.count_nonzero(differs) >= bars.count else np.zeros_like(differs)


def _between(value: float, ends: tuple[float, float]) -> float:
    return max(ends[0], min(ends[1], value))


def _judge_place(
    aligned: Aligned,
    over_one: NDArray[np.float32],
    over_two: NDArray[np.float32],
    rows: slice,
    columns: slice,
    within: NDArray[np.bool_],
) -> tuple[float, bool, float]:
    """The sum of a place's change; whether both show something of their own; signs that two (-: one) is laid over."""
    one, two = aligned.one[rows, columns], aligned.two[rows, columns]
    within = within & aligned.inside[rows, columns]
    changed = within & (np.abs(two - one) > _CHANGED)
    p, q = np.clip(one[changed], 0, 255), np.clip(two[changed], 0, 255)
    mass = float(np.abs(p - q).sum())
    if len(p) < _LEAST_PIXELS:
        return mass, False, 0.0
    away_one, away_two = _leads_away(p, q), _leads_away(q, p)
    out_one, out_two = float(over_one[rows, columns][within].sum()), float(over_two[rows, columns][within].sum())
    edge = _has_edge(one, two, changed, within)
    signs = edge + _is_plate(one, two, changed)
    signs += max(-1.0, min(1.0, 5 * (away_one - away_two)))
    signs += max(-1.0, min(1.0, 3 * (out_two - out_one) / (out_one + out_two + 1)))
    is_laid_over = abs(signs) > _SURE and edge * signs > _EDGED * abs(signs)
    return mass, min(away_one, away_two) > _AWAY and not is_laid_over, signs


def _has_edge(
    one: NDArray[np.float32], two: NDArray[np.float32], changed: NDArray[np.bool_], within: NDArray[np.bool_]
) -> float:
    """How much steeper two is than one at the rim of what changed (logarithm): what lies over a picture ends there."""
    rim = around(changed, np.maximum) & ~around(changed, np.minimum) & within
    if not rim.any():
        return 0.0
    steep_one, steep_two = (float(np.hypot(*np.moveaxis(slopes(each), 2, 0))[rim].mean()) for each in (one, two))
    return max(-2.0, min(2.0, math.log((steep_two + 2) / (steep_one + 2))))


def _is_plate(one: NDArray[np.float32], two: NDArray[np.float32], changed: NDArray[np.bool_]) -> float:
    """How much plainer two is than one within what changed (logarithm), if either is of one colour."""
    core = around(changed, np.minimum)
    core = core if np.count_nonzero(core) >= _CORE_PIXELS else changed
    spread_one, spread_two = (float(np.abs(each[core] - np.median(each[core])).mean()) for each in (one, two))
    if min(spread_one, spread_two) > _PLATE:
        return 0.0
    return max(-1.5, min(1.5, math.log((spread_one + 1) / (spread_two + 1))))


def _leads_away(p: NDArray[np.float32], q: NDArray[np.float32]) -> float:
    """Share of the change from q to p that leads away from one colour: 0 if p is q with something laid over it."""
    if len(p) > _MOST_PIXELS:
        some = np.linspace(0, len(p) - 1, _MOST_PIXELS).astype(np.intp)
        p, q = p[some], q[some]
    moved = np.abs(p[:, None] - _COLOURS) - np.abs(q[:, None] - _COLOURS)
    away = np.maximum(moved - np.float32(_NOISE), 0).sum(0)
    return float(away.min()) / (float(np.abs(p - q).sum()) + 1e-3)


def _excess(one: NDArray[np.float32], two: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far each pixel of one, and each of two, lies beyond the 3 x 3 pixels around it in the other picture."""
    found = []
    for own, other in ((one, two), (two, one)):
        low, high = (around(other, which) for which in (np.minimum, np.maximum))
        found.append(np.maximum(np.maximum(own - high, low - own), 0))
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
