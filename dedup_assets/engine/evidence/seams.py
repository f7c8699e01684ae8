"""Whether a picture ends in a step where another one goes on: a frame, a strip with a caption or a page begins there.

A photograph that was cropped goes on beyond its edge as it does within it. What was put around a picture begins
abruptly, all along a side.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.filters import LUMA, sample, share_of
from dedup_assets.engine.evidence.look import SIDE, Look
from dedup_assets.engine.evidence.maps import Map, apply, invert, is_affine

SEAM = "seam"
"""What is said of copies beside the edits: what one shows beyond the other begins in a step."""

_Places = tuple[NDArray[np.float32], NDArray[np.float32]]

_PLACES = 96  # along a side
_ENDS = 0.04  # of a side, which are left out: corners are rounded, and strips end there
_DEPTHS = (-6, -2, 2)  # px of the whole, outwards: two within the picture and one beyond it
_ROOM, _SEEN = 4, 0.9  # px beyond the picture that the whole must show, and in which share of the places
_STEP = 12  # levels
_SEAM = 0.4  # share of places with a step, less that within: frames 0.58 to 1; of 400 crops 394 have less than this


def ends_in_step(whole: Look, map_: Map, part: Look) -> bool:
    """Whether at least one side of the part is a step in the whole.

    Args:
        whole: the picture that shows more.
        map_: (3, 3) from it to the other, affine; of another one nothing is said.
        part: the other.
    """
    if not is_affine(map_):
        return False
    gray = whole.rgb @ LUMA
    back, pixel = invert(map_), np.sqrt(abs(np.linalg.det(map_[:2, :2]))) / SIDE
    for side in _sides(part, pixel):
        levels = [_sampled(gray, back, *side(depth)) for depth in (*_DEPTHS, _ROOM)]
        if share_of(levels[-1][1]) < _SEEN:  # the side is that of the whole, too
            continue
        inner, edge, beyond = (each for each, _ in levels[:-1])
        if share_of(np.abs(beyond - edge) > _STEP) - share_of(np.abs(edge - inner) > _STEP) > _SEAM:
            return True
    return False


def _sides(part: Look, pixel: float) -> Iterator[Callable[[int], _Places]]:
    """For each side what gives places along it, at a depth in pixels of the whole, outwards."""
    width, height = part.sides
    along = np.linspace(_ENDS, 1 - _ENDS, _PLACES, dtype=np.float32)
    x, y = along * np.float32(width), along * np.float32(height)
    yield lambda depth: (np.full_like(y, -depth * pixel), y)
    yield lambda depth: (np.full_like(y, width + depth * pixel), y)
    yield lambda depth: (x, np.full_like(x, -depth * pixel))
    yield lambda depth: (x, np.full_like(x, height + depth * pixel))


def _sampled(
    gray: NDArray[np.float32], back: Map, x: NDArray[np.float32], y: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Gray levels of the whole at places of the part, and which of these lie in the whole."""
    height, width = gray.shape
    u, v = (each * np.float32(SIDE) - np.float32(0.5) for each in apply(back, x, y))
    return sample(gray, u, v), (u > 0) & (u < width - 1) & (v > 0) & (v < height - 1)
