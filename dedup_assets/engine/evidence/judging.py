"""How much of what two pictures share is the same.

The picture that shows less gives the grid, at 128 px; the other is sampled through the map.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.blocks import BLOCK, MANY_BLOCKS, Aligned, Blocks, compare_blocks, ramp
from dedup_assets.engine.evidence.filters import slopes
from dedup_assets.engine.evidence.look import SIDE, Box, Look
from dedup_assets.engine.evidence.maps import Map, apply, area_scale, invert, linear_part, scales
from dedup_assets.engine.evidence.refining import Refined, pick_levels, sample_gray

CHECK_LEVEL = 1
"""Level of the grid of the picture that shows less."""
CHECK_SIDE = SIDE >> CHECK_LEVEL
"""Longer side of the grid in px."""
_SURE, _EXACT = 0.7, 0.85  # a score no other map could have; agreement of a map that squeezes the frame
_LEAST_BLOCKS = 8  # with structure; fewer prove nothing
_EDGE = 0.004  # of the longer side: a margin inside the content
_LEAST_PIXELS = 200
_HOPELESS, _DOUBTFUL = 0.12, 0.985  # agreement between which a fairer comparison is worth its time
_AS_SHARP = 0.93  # of the slopes' energy: else the other picture is softened before it is compared
_MOST_SOFTENING = 24  # px² of variance


@dataclass(frozen=True, eq=False)
class Judged:
    """What the pixels say about one map from a to b, over what both pictures show.

    Attributes:
        map: (3, 3) from a to b.
        inliers: keypoints that voted for it; 0 for a pose of the whole picture.
        agreement: share of the structure that is the same.
        structured: number of blocks with structure, in either picture.
        overlap_a: share of a's area that b shows.
        overlap_b: share of b's area that a shows.
        changed: share of the blocks that differ.
        gain: gray of b = gain * gray of a + offset.
        offset: gray levels.
        softened: px² of variance by which a (negative: b) was softened beyond what the levels' sizes explain.
        squeeze: the most that the map lengthens anything, in times the least.
        aligned: what it was computed from.
        blocks: and what was computed for each block.
        is_a_first: whether a is the picture that shows less.
    """

    map: Map
    inliers: int
    agreement: float
    structured: int
    overlap_a: float
    overlap_b: float
    changed: float
    gain: float
    offset: float
    softened: float
    squeeze: float
    aligned: Aligned
    blocks: Blocks
    is_a_first: bool = True

    @property
    def score(self) -> float:
        """Agreement, less where few blocks carry it; halved for a doubtful match by a map that squeezes the frame."""
        if self.structured < _LEAST_BLOCKS:
            return 0.0
        is_odd = self.squeeze > 1.05 and self.agreement < _EXACT and min(self.overlap_a, self.overlap_b) < 0.95  # noqa: PLR2004
        return self.agreement * math.sqrt(math.sqrt(min(1.0, self.structured / MANY_BLOCKS))) * (0.5 if is_odd else 1)

    @property
    def is_sure(self) -> bool:
        """Whether no other map needs to be tried."""
        return self.score >= _SURE and self.structured >= MANY_BLOCKS // 2

    def inverse(self) -> "Judged":
        """The same of b and a."""
        return Judged(
            invert(self.map),
            self.inliers,
            self.agreement,
            self.structured,
            self.overlap_b,
            self.overlap_a,
            self.changed,
            1 / self.gain,
            -self.offset / self.gain,
            -self.softened,
            self.squeeze,
            self.aligned,
            self.blocks,
            not self.is_a_first,
        )


def judge(a: Look, b: Look, refined: Refined, inliers: int = 0) -> Judged | None:
    """Compare two pictures through a refined map from a to b, a being the one that shows less.

    Returns:
        None if they share too little.
    """
    map_ = refined.map
    aligned, share_a = align(a, b, refined)
    if np.count_nonzero(aligned.inside) < _LEAST_PIXELS:
        return None
    softened, blocks = 0.0, compare_blocks(aligned)
    agreement, structured = _agreement(blocks)
    if _HOPELESS < agreement < _DOUBTFUL and structured >= _LEAST_BLOCKS:
        fairer, softened = make_fair(aligned, refined, blocks)
        again = blocks if fairer is aligned else compare_blocks(fairer)
        if len(again.rows) >= len(blocks.rows) / 2:
            aligned, blocks = fairer, again
            agreement, structured = _agreement(blocks)
            softened -= _coarseness(a, b, map_)
    share_b = share_a * float(a.extent.prod() / b.extent.prod()) * area_scale(map_, a.extent)
    most, least = scales(linear_part(map_, a.extent / 2))
    changed = float(blocks.differs.mean()) if len(blocks.differs) else 1.0
    return Judged(
        map_, inliers, agreement, structured, share_a, min(1.0, share_b), changed, refined.gain, refined.offset,
        softened, most / least, aligned, blocks,
    )  # fmt: skip


def _coarseness(a: Look, b: Look, map_: Map) -> float:
    """Variance in px² of a's grid that b is softer than a, because its level is coarser; negative: finer."""
    level_a, level_b = pick_levels(a, b, map_, CHECK_LEVEL)
    return float(4.0 ** (level_b - level_a)) / area_scale(map_, a.extent) - 1


def align(
    a: Look, b: Look, refined: Refined, level: int = CHECK_LEVEL, with_borders: bool = False
) -> tuple[Aligned, float]:
    """Both on a's grid at a level, and the share of it that lies in b; `with_borders` as of `lay`."""
    level_a, level_b = pick_levels(a, b, refined.map, level)
    return lay(a, a.gray(level_a), b, b.gray(level_b), refined, with_borders)


def lay(
    a: Look,
    planes: NDArray[np.float32],
    b: Look,
    other: NDArray[np.float32],
    refined: Refined,
    with_borders: bool = False,
) -> tuple[Aligned, float]:
    """Both on the grid of a's planes, and the share of it that lies in b.

    Args:
        a: the picture that shows less.
        planes: (h, w, 3) of it, see `filters.planes`.
        b: the other picture.
        other: likewise.
        refined: from a to b.
        with_borders: whether borders of one colour are compared, too: there may be a line of text beyond them.
    """
    height, width = planes.shape[:2]
    per_a, per_b = max(height, width), max(other.shape[:2])
    x, y = grid(height, width, per_a)
    u, v = apply(refined.map, x, y)
    shared = (u > 0) & (u < b.sides[0]) & (v > 0) & (v < b.sides[1])
    share = np.count_nonzero(shared) / shared.size
    box_a, box_b = (Box(0, 0, *look.sides) if with_borders else look.content for look in (a, b))
    inside = _within(box_a, x, y) & _within(box_b, u, v)
    half = np.float32(0.5)
    seen = sample_gray(other, u * np.float32(per_b) - half, v * np.float32(per_b) - half)
    two = (seen - np.float32(refined.offset)) / np.float32(refined.gain)
    return Aligned(planes[..., 0], two, planes[..., 1:], inside, shared), share


def grid(height: int, width: int, per: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The middles of pixels: (width,) and (height, 1), in units of `per` pixels."""
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5)) / np.float32(per)
    y = (np.arange(height, dtype=np.float32) + np.float32(0.5)) / np.float32(per)
    return x, y[:, None]


def _within(box: Box, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which positions lie in a part of a picture, a margin away from its border."""
    edge = np.float32(_EDGE)
    return (x > box.left + edge) & (x < box.right - edge) & (y > box.top + edge) & (y < box.bottom - edge)


def _agreement(blocks: Blocks) -> tuple[float, int]:
    """Share of the structure that is the same, and number of blocks with structure."""
    same = (ramp(blocks.alike, 0.7, 0.95) + ramp(blocks.alike, 0.9, 0.99)) / 2 * blocks.light
    total = float(blocks.weights.sum())
    agreement = float(same @ blocks.weights) / total if total else 0.0
    return agreement, int(np.count_nonzero(blocks.structured))


def make_fair(aligned: Aligned, refined: Refined, blocks: Blocks) -> tuple[Aligned, float]:
    """Leave out what light or contrast cut off in one picture, and smooth the sharper one until both are equally sharp.

    Returns:
        The pictures, the same ones if they are fair, and the variance in px² that the first was smoothed by; negative:
        the second.
    """
    one, two, inside = aligned.one, aligned.two, aligned.inside
    gain, offset = np.float32(refined.gain), np.float32(refined.offset)
    for values, low, high in ((one, *_range(gain, offset)), (two, *_range(1 / gain, -offset / gain))):
        inside = inside & (values > low) & (values < high)
    weights = _unchanged(blocks, inside).astype(np.float32)
    pairs = weights[:, 1:] * weights[:, :-1], weights[1:] * weights[:-1]
    sharp_one, sharp_two = _sharpness(one, *pairs), _sharpness(two, *pairs)
    is_first, variance = sharp_one > sharp_two, 0.0
    sharper, sharp, aim = (one, sharp_one, sharp_two) if is_first else (two, sharp_two, sharp_one)
    while aim < _AS_SHARP * sharp and variance < _MOST_SOFTENING:
        share = np.float32(min(0.25, 0.6 * (1 - aim / sharp)))
        sharper = _smooth_a_little(sharper, share)
        sharp, variance = _sharpness(sharper, *pairs), variance + 2 * float(share)
    if not variance and np.array_equal(inside, aligned.inside):
        return aligned, 0.0
    if is_first and variance:
        return Aligned(sharper, two, slopes(sharper), inside, aligned.shared), variance
    return Aligned(one, sharper if variance else two, aligned.slopes, inside, aligned.shared), -variance


def _unchanged(blocks: Blocks, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the blocks that show the same, because what is laid over a picture has edges of its own."""
    height, width = inside.shape
    kept = np.zeros((height // BLOCK + 1, width // BLOCK + 1), np.bool_)
    same = ~blocks.differs
    kept[blocks.rows[same], blocks.columns[same]] = True
    return np.asarray(inside & np.repeat(np.repeat(kept, BLOCK, 0), BLOCK, 1)[:height, :width])


def _range(gain: np.float32, offset: np.float32) -> tuple[np.float32, np.float32]:
    """Values that stay between black and white, with a margin, under gain and offset."""
    ends = sorted(((np.float32(-4) - offset) / gain, (np.float32(259) - offset) / gain))
    return ends[0], ends[1]


def _smooth_a_little(plane: NDArray[np.float32], share: np.float32) -> NDArray[np.float32]:
    """Give each neighbour along both axes this share: 2 * share px² of variance; the border is kept."""
    soft = plane.copy()
    soft[1:-1] += share * (plane[2:] + plane[:-2] - 2 * plane[1:-1])
    softer = soft.copy()
    softer[:, 1:-1] += share * (soft[:, 2:] + soft[:, :-2] - 2 * soft[:, 1:-1])
    return softer


def _sharpness(plane: NDArray[np.float32], beside: NDArray[np.float32], below: NDArray[np.float32]) -> float:
    """Energy of the slopes between neighbours in a row and in a column, where weights (0 or 1) of these pairs allow."""
    across, down = plane[:, 1:] - plane[:, :-1], plane[1:] - plane[:-1]
    across *= beside
    down *= below
    return float(np.vdot(across, across)) + float(np.vdot(down, down)) + 1e-3
