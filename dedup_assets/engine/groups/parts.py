"""Members of a group that show different parts of the kept image, as two photographs in a collage do."""

import numpy as np
from numpy.typing import NDArray

_OVERLAP = 0.1  # of the smaller of two parts: what less is may be the inaccuracy of the maps
_WHOLE = 0.97  # of the kept image: next to such a part there is no room for another one


def parts_of(
    matrix: NDArray[np.float64], is_onto: NDArray[np.bool_], size: NDArray[np.float64], whole: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where each of n images is in its kept image: (n, 4) left, top, right, bottom in pixels of that; nan if unknown.

    Args:
        matrix: (n, 9) row by row; nan if unknown.
        is_onto: (n,) whether the matrix maps the image onto the kept one; otherwise it maps the kept one onto it.
        size: (n, 2) width and height in pixels; nan if unknown.
        whole: (n, 2) those of the kept image.
    """
    maps = matrix.reshape(-1, 3, 3)
    rows = maps[:, [1, 2, 0]], maps[:, [2, 0, 1]]
    back = np.cross(*rows, axis=2).transpose(0, 2, 1)  # the inverse but for a factor, which does not count
    maps = np.where(is_onto[:, None, None], maps, back)
    corners = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]], np.float64)
    points = np.einsum("nij,nkj->nki", maps, corners * np.concatenate([size, np.ones((len(size), 1))], 1)[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        places = points[:, :, :2] / points[:, :, 2:]
    low, high = places.min(1), places.max(1)
    return np.concatenate([np.clip(low, 0, whole), np.clip(high, 0, whole)], 1)


def is_beside_another(
    group: NDArray[np.int64], parts: NDArray[np.float64], whole: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """(n,) whether another image of the same group shows another part of the kept image.

    Args:
        group: (n,) equal for images of one group.
        parts: (n, 4) as `parts_of` gives them.
        whole: (n, 2) width and height of the kept image in pixels.
    """
    found = np.zeros(len(group), np.bool_)
    area = _area(parts)
    places = np.flatnonzero(area < _WHOLE * whole.prod(1))
    places = places[np.argsort(group[places], kind="stable")]
    for near in np.split(places, np.flatnonzero(np.diff(group[places])) + 1):
        for place in near if len(near) > 1 else ():
            low = np.maximum(parts[near, :2], parts[place, :2])
            shared = _area(np.concatenate([low, np.minimum(parts[near, 2:], parts[place, 2:])], 1))
            found[place] = (shared < _OVERLAP * np.minimum(area[near], area[place])).any()
    return found


def _area(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    sides: NDArray[np.float64] = np.maximum(parts[:, 2:] - parts[:, :2], 0)
    area: NDArray[np.float64] = sides.prod(1)
    return area
