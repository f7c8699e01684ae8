"""Boxes and polygons through a map."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.rewriting.replacing import Map, Size

SAME_IOU = 0.9
"""Boxes of one class that overlap as much are one."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

_LEAST_SHARE = 0.2  # of a box that the kept image must show
_UPRIGHT = 0.02  # part of a pixel's way along the other axis: 1 degree


def move_points(points: Sequence[float], map_: Map) -> NDArray[np.float64]:
    """Positions x, y, x, y, ... through a map; gives (n, 2)."""
    flat = np.asarray(points, np.float64).reshape(-1, 2)
    moved = np.column_stack([flat, np.ones(len(flat))]) @ map_.T
    found: NDArray[np.float64] = moved[:, :2] / moved[:, 2:]
    return found


def keeps_boxes(map_: Map) -> bool:
    """Whether a map takes upright boxes to upright boxes: no turn but by 90 degrees, no perspective."""
    first = np.abs(map_[:2, :2]) / np.abs(map_[:2, :2]).max()
    is_turned = min(first[0, 1], first[1, 0]) > min(first[0, 0], first[1, 1])
    beside = np.diag(first) if is_turned else first[[0, 1], [1, 0]]
    return bool((beside < _UPRIGHT).all() and (np.abs(map_[2, :2]) < 1e-9).all())  # noqa: PLR2004


def move_box(box: Box, map_: Map, size: Size | None) -> Box | None:
    """A box through a map, cut to the kept image; None if that shows too little of it."""
    left, top, right, bottom = box
    corners = move_points([left, top, right, top, right, bottom, left, bottom], map_)
    (x0, y0), (x1, y1) = corners.min(0).tolist(), corners.max(0).tolist()
    whole = (x1 - x0) * (y1 - y0)
    if size is not None:
        x0, x1 = (min(max(x, 0.0), size[0]) for x in (x0, x1))
        y0, y1 = (min(max(y, 0.0), size[1]) for y in (y0, y1))
    shown = (x1 - x0) * (y1 - y0)
    return (x0, y0, x1, y1) if whole > 0 and shown >= _LEAST_SHARE * whole else None


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (areas - both) if areas > both else 0.0
