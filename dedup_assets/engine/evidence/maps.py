"""Maps between two pictures: their arithmetic, and those that whole thumbnails propose.

A map is (3, 3) float64 with 1 in its last place. It takes positions in one picture, in units of its longer side, to
positions in another, in units of that one's longer side. All maps but those of pictures of screens are affine.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.look import Box, Look

Map = NDArray[np.float64]

_LEAST_SCALE, _MOST_SCALE, _MOST_SQUEEZE = 1 / 8, 8.0, 3.5
_POSES: tuple[Map, ...] = tuple(  # of the unit square, in the order of `Look.thumbnails`
    np.array([*rows, [0, 0, 1]], float)
    for rows in (
        ([1, 0, 0], [0, 1, 0]),
        ([0, 1, 0], [-1, 0, 1]),
        ([-1, 0, 1], [0, -1, 1]),
        ([0, -1, 1], [1, 0, 0]),
        ([-1, 0, 1], [0, 1, 0]),
        ([0, 1, 0], [1, 0, 0]),
        ([1, 0, 0], [0, -1, 1]),
        ([0, -1, 1], [-1, 0, 1]),
    )
)


def invert(map_: Map) -> Map:
    """The map the other way round, with 1 in its last place."""
    if is_affine(map_):
        (a, b, c), (d, e, f), (_, _, i) = map_.tolist()
        area = a * e - b * d
        return np.array(
            [
                [e * i / area, -b * i / area, (b * f - c * e) / area],
                [-d * i / area, a * i / area, (c * d - a * f) / area],
                [0.0, 0.0, 1.0],
            ]
        )
    inverse: Map = np.linalg.inv(map_).astype(np.float64, copy=False)
    inverse /= inverse[2, 2]
    return inverse


def apply(map_: Map, x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Positions of one picture in the other; float32 arrays of one shape, or shapes that broadcast to it."""
    across, down, depth = map_.astype(np.float32)
    u = across[0] * x + (across[1] * y + across[2])
    v = down[0] * x + (down[1] * y + down[2])
    if is_affine(map_):
        return u, v
    w = depth[0] * x + (depth[1] * y + depth[2])
    return u / w, v / w


def is_affine(map_: Map) -> bool:
    """Whether parallel lines stay parallel."""
    return bool(map_[2, 0] == 0 and map_[2, 1] == 0)


def linear_part(map_: Map, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 2): the map's derivative at a place (2,): the linear part itself, where the map is affine."""
    if is_affine(map_):
        return map_[:2, :2]
    w = map_[2, :2] @ place + map_[2, 2]
    mapped = (map_[:2, :2] @ place + map_[:2, 2]) / w
    linear: NDArray[np.float64] = (map_[:2, :2] - np.outer(mapped, map_[2, :2])) / w
    return linear


def scales(linear: NDArray[np.float64]) -> tuple[float, float]:
    """The most and the least that a linear part (2, 2) lengthens anything: its singular values."""
    (a, b), (c, d) = linear.tolist()
    one, two = math.hypot(a + d, c - b), math.hypot(a - d, c + b)
    return (one + two) / 2, abs(one - two) / 2


def area_scale(map_: Map, extent: NDArray[np.float64]) -> float:
    """How many times an area grows in the middle of a picture of this extent (2,)."""
    (a, b), (c, d) = linear_part(map_, extent / 2).tolist()
    return abs(float(a * d - b * c))


def is_plausible(map_: Map, extent: NDArray[np.float64]) -> bool:
    """Whether a person could have made it: no scale beyond eight times, no side squeezed to less than 1 / 3.5."""
    if not math.isfinite(sum(map(sum, map_.tolist()))):
        return False
    if not is_affine(map_) and not _is_in_front(map_, extent):
        return False
    most, least = scales(linear_part(map_, extent / 2))
    return least > _LEAST_SCALE and most < _MOST_SCALE and most < _MOST_SQUEEZE * least


def _is_in_front(map_: Map, extent: NDArray[np.float64]) -> bool:
    """Whether no corner of the picture comes near the horizon."""
    depths = [map_[2, 0] * x + map_[2, 1] * y + map_[2, 2] for x in (0, extent[0]) for y in (0, extent[1])]
    return bool(min(depths) > 0 and max(depths) < 3 * min(depths))


def pose_maps(a: Look, b: Look) -> list[tuple[float, Map]]:
    """Maps of the whole picture, or of its content, in the eight poses.

    Returns:
        The correlation of the two thumbnails and the map from a to b, closest to 1 or -1 first: the best two for whole
        pictures and the best for contents, where either picture has a border.
    """
    found = [(value, _POSES[n], False) for n, value in _best(a.thumbnails, b.thumbnails, 2)]
    if a.has_border or b.has_border:
        found += [(value, _POSES[n], True) for n, value in _best(a.content_thumbnails, b.content_thumbnails, 1)]
    found.sort(key=lambda one: -abs(one[0]))
    return [(value, _of_boxes(pose, *_boxes(a, b, of_content))) for value, pose, of_content in found]


def whole_map(map_: Map, a: Look, b: Look) -> Map:
    """The map of all of a onto all of b in the pose that is nearest to a map."""
    boxes = _boxes(a, b, of_content=False)
    return min((_of_boxes(pose, *boxes) for pose in _POSES), key=lambda whole: float(np.abs(whole - map_).max()))


def _best(a: NDArray[np.float32], b: NDArray[np.float32], most: int) -> list[tuple[int, float]]:
    alike = a @ b[0]
    order = np.argsort(-np.abs(alike), kind="stable")[:most]
    return [(int(n), float(alike[n])) for n in order]


def _boxes(a: Look, b: Look, of_content: bool) -> tuple[Box, Box]:
    return (a.content, b.content) if of_content else (Box(0, 0, *a.extent), Box(0, 0, *b.extent))


def _of_boxes(pose: Map, a: Box, b: Box) -> Map:
    """A pose of the unit square as a map from one box to another."""
    width, height = a.right - a.left, a.bottom - a.top
    to_unit = np.array([[1 / width, 0, -a.left / width], [0, 1 / height, -a.top / height], [0, 0, 1]])
    to_box = np.array([[b.right - b.left, 0, b.left], [0, b.bottom - b.top, b.top], [0, 0, 1]])
    mapped: Map = to_box @ pose @ to_unit
    return mapped
