"""A rough map made exact on the pixels.

Inverse compositional Gauss-Newton (Baker and Matthews 2004) on a thousand places with structure, which stay where they
are while the map moves. Contrast and light are unknowns of the same linear system, so that a negative is no special
case. Cauchy weights leave out what was changed.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.anchors import MIDDLE, Anchors
from dedup_assets.engine.evidence.look import SIDE, Box, Look
from dedup_assets.engine.evidence.maps import Map, apply, area_scale, invert, is_plausible

_LEAST_PLACES = 40
_EDGE = 0.006  # of the longer side: a margin inside the content, in which no place counts
_FAINT, _FAR = 0.05, 0.25  # gain, and move in longer sides, from which the map runs away
_HALF = np.float32(0.5)  # px: from the corner of a pixel to its middle
_PROBING = 3  # steps after which a map that does not hold is given up
_SETTLED = 0.05  # px: the last move of the corners


@dataclass(frozen=True)
class Refined:
    """A refined map from a to b; gray of b = gain * gray of a + offset.

    `alike` is the correlation of the places' grays, robust weights left out.
    """

    map: Map
    gain: float
    offset: float
    alike: float


def pick_levels(a: Look, b: Look, map_: Map, level: int) -> tuple[int, int]:
    """Levels of a and b whose pixels are about equally fine under the map; `level` is that of a, if it has it."""
    level = min(level, len(a.levels) - 1)
    finer = level + math.log2(max(1e-6, area_scale(map_, a.extent))) / 2
    return level, min(max(round(finer), 0), len(b.levels) - 1)


def refine(
    a: Look,
    b: Look,
    map_: Map,
    level: int,
    steps: int,
    perspective: bool = False,
    risen: float = 0.0,
    is_covered: bool = False,
) -> Refined | None:
    """Move a map until b, seen through it, differs least from a.

    Args:
        a: the picture that shows less, whose places are compared.
        b: the other one.
        map_: from a to b.
        level: of a's pyramid.
        steps: at most.
        perspective: whether the map may become a homography.
        risen: the correlation of a map that goes on after `_PROBING` steps.
        is_covered: whether something of other tones may lie over a part, which weights leave out only if the tones of
            most places are known first.

    Returns:
        The map where it settled; None if it runs away, if too few places lie in both pictures, or if these stay too
        little alike.
    """
    level, level_b = pick_levels(a, b, map_, level)
    target = Target.of(b.gray(level_b), SIDE >> level_b, b.content)
    anchors, per = a.anchors(level), SIDE >> level
    if risen:
        probed = settle(anchors, target, per, a.extent, map_, _PROBING, perspective)
        if probed is None or abs(probed.alike) < risen:
            return None
        map_, steps = probed.map, steps - _PROBING
    return settle(anchors, target, per, a.extent, map_, steps, perspective, is_covered)


def settle(
    anchors: Anchors,
    target: "Target",
    per: int,
    extent: NDArray[np.float64],
    map_: Map,
    steps: int,
    perspective: bool,
    is_covered: bool = False,
) -> Refined | None:
    """Move a map until the target, seen through it, differs least from the anchors; see `refine`.

    Args:
        anchors: places of a.
        target: b.
        per: px of a's longer side.
        extent: (2,) of a.
        map_: from a to b.
        steps: at most.
        perspective: whether the map may become a homography.
        is_covered: as of `refine`.
    """
    if len(anchors.x) < _LEAST_PLACES:
        return None
    unknowns = anchors.columns if perspective else anchors.columns[:8]
    seen = target.see(map_, anchors)
    tone = (_middle_tone if is_covered else _fit_tone)(anchors.values, seen.values, seen.inside)
    for _ in range(steps):
        if seen.count < _LEAST_PLACES:
            return None
        solved = _solve(unknowns, seen, tone, anchors.values)
        tone = (float(solved[0]), float(solved[1]))
        moved = solved[2:] / per / tone[0] if abs(tone[0]) > _FAINT else np.full(6, np.inf)
        if not np.abs(moved).max() < _FAR:
            return None
        map_ = map_ @ invert(_step(moved))
        map_ /= map_[2, 2]
        if perspective and not is_plausible(map_, extent):
            return None
        seen = target.see(map_, anchors)
        if np.abs(moved).max() * per < _SETTLED:
            break
    if not is_plausible(map_, extent):
        return None
    return Refined(map_, *tone, _correlation(anchors.values, seen.values, seen.inside))


@dataclass(frozen=True, eq=False)
class _Seen:
    """The gray of the other picture at the places of one: (n,) values, which of them lie in it, and how many."""

    values: NDArray[np.float32]
    inside: NDArray[np.bool_]
    count: int


@dataclass(frozen=True, eq=False)
class Target:
    """A picture that a map leads to: (h, w, 3) gray and slopes, px of its longer side, the content's bounds in px."""

    planes: NDArray[np.float32]
    per: np.float32
    bounds: tuple[np.float32, ...]

    @classmethod
    def of(cls, planes: NDArray[np.float32], per: int, content: Box) -> "Target":
        """The target of these planes, within the content in units of the longer side."""
        left, top, right, bottom = content
        bounds = (left + _EDGE, top + _EDGE, right - _EDGE, bottom - _EDGE)
        return cls(planes, np.float32(per), tuple(np.float32(at * per - 0.5) for at in bounds))

    def see(self, map_: Map, anchors: Anchors) -> _Seen:
        """The target at the places of another picture."""
        u, v = apply(map_, anchors.x, anchors.y)
        u, v = u * self.per - _HALF, v * self.per - _HALF
        left, top, right, bottom = self.bounds
        inside = (u > left) & (u < right) & (v > top) & (v < bottom)
        return _Seen(sample_gray(self.planes, u, v), inside, int(np.count_nonzero(inside)))


def _solve(
    unknowns: NDArray[np.float32], seen: _Seen, tone: tuple[float, float], values: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Gain, offset, and gain times the move of the map, by weighted least squares."""
    off = np.abs(seen.values - np.float32(tone[0]) * values - np.float32(tone[1]))
    off[~seen.inside] = np.inf
    middle = np.partition(off, seen.count // 2)[seen.count // 2]
    weighted = unknowns / (1 + (off / (np.float32(1.5) * middle + 2)) ** 2)
    normal = (weighted @ unknowns.T).astype(float)
    moves = np.arange(2, len(normal))
    normal[moves, moves] = normal[moves, moves] * 1.001 + 1e-3  # held lightly, where no slope holds the map
    solved: NDArray[np.float64] = np.linalg.solve(normal, (weighted @ seen.values).astype(float))
    return solved


def _step(moved: NDArray[np.float64]) -> Map:
    """The homography of eight (or six) parameters that count from the middle."""
    a, b, c, d, e, f, *perspective = moved.tolist()
    g, h = perspective or (0.0, 0.0)
    m = float(MIDDLE)
    a, e, depth = 1 + a, 1 + e, 1 - m * (g + h)
    return np.array(
        [
            [a + m * g, b + m * h, c - m * (a + b) + m * depth],
            [d + m * g, e + m * h, f - m * (d + e) + m * depth],
            [g, h, depth],
        ]
    )


def sample_gray(planes: NDArray[np.float32], u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first of planes (h, w, 3), bilinear, at pixel positions; those outside are moved to the border."""
    return np.asarray(sample_planes(planes, u, v, (0,))[0])


def sample_planes(
    planes: NDArray[np.float32], u: NDArray[np.float32], v: NDArray[np.float32], wanted: tuple[int, ...]
) -> NDArray[np.float32]:
    """Some of planes (h, w, 3), bilinear, at pixel positions of any shape; the planes come first in the result."""
    height, width = planes.shape[:2]
    u = np.minimum(np.maximum(u, np.float32(0)), np.float32(width - 1.01))
    v = np.minimum(np.maximum(v, np.float32(0)), np.float32(height - 1.01))
    left, top = u.astype(np.intp), v.astype(np.intp)
    right_share, low_share = u - left.astype(np.float32), v - top.astype(np.float32)
    at = top * width + left
    mixed = np.empty((len(wanted), *np.shape(at)), np.float32)
    for n, plane in enumerate(wanted):
        flat, low = planes[..., plane].reshape(-1), mixed[n]
        above = flat.take(at, mode="clip")
        above += (flat[1:].take(at, mode="clip") - above) * right_share
        right = flat[width + 1 :].take(at, mode="clip")
        flat[width:].take(at, out=low, mode="clip")
        low += (right - low) * right_share
        low -= above
        low *= low_share
        low += above
    return mixed


def _fit_tone(values: NDArray[np.float32], seen: NDArray[np.float32], inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Gain and offset by least squares."""
    p, q = values[inside], seen[inside]
    mean_p, mean_q = p.mean(), q.mean()
    p, q = p - mean_p, q - mean_q
    gain = float(p @ q) / (float(p @ p) + 1e-3)
    return gain, float(mean_q) - gain * float(mean_p)


def _middle_tone(
    values: NDArray[np.float32], seen: NDArray[np.float32], inside: NDArray[np.bool_]
) -> tuple[float, float]:
    """Gain and offset that bring medians and spreads to each other, which a bar over a fifth hardly moves."""
    p, q = values[inside], seen[inside]
    if not len(p):
        return 1.0, 0.0
    middle_p, middle_q = np.median(p), np.median(q)
    p, q = p - middle_p, q - middle_q
    gain = float(np.median(np.abs(q)) + 1) / float(np.median(np.abs(p)) + 1)
    gain = gain if np.sign(p) @ np.sign(q) >= 0 else -gain
    return gain, float(middle_q) - gain * float(middle_p)


def _correlation(values: NDArray[np.float32], seen: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    p, q = values[inside], seen[inside]
    p, q = p - p.mean(), q - q.mean()
    return float(p @ q) / math.sqrt(float(p @ p) * float(q @ q) + 1e-6)
