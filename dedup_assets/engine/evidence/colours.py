"""The colours of two pictures, laid upon each other."""

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.judging import grid
from dedup_assets.engine.evidence.look import SIDE, Look
from dedup_assets.engine.evidence.maps import Map, apply, invert
from dedup_assets.engine.evidence.refining import pick_levels, sample_planes
from dedup_assets.engine.evidence.surroundings import lies_in


def lay_colours(
    a: Look, b: Look, map_: Map, level: int, is_a_first: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """The colours of both on the grid of the picture that shows less.

    Args:
        a: one picture.
        b: the other.
        map_: (3, 3) from a to b, in units of the longer sides.
        level: of that pyramid, at least.
        is_a_first: whether a shows less.

    Returns:
        (3, h, w) RGB of a, the same of b, and (h, w) whether a pixel lies in both.
    """
    if not is_a_first:
        two, one, inside = lay_colours(b, a, invert(map_), level, is_a_first=True)
        return one, two, inside
    level_a, level_b = pick_levels(a, b, map_, level)
    image, other = a.levels[level_a], b.levels[level_b]
    height, width = image.shape[:2]
    u, v = apply(map_, *grid(height, width, SIDE >> level_a))
    per_b, half = np.float32(SIDE >> level_b), np.float32(0.5)
    seen = sample_planes(np.asarray(other, np.float32), u * per_b - half, v * per_b - half, (0, 1, 2))
    return (
        image.reshape(-1, 3).T.astype(np.float32, order="C").reshape(3, height, width),
        seen.reshape(3, height, width),
        lies_in(b, u, v, 0.01).reshape(height, width),
    )
