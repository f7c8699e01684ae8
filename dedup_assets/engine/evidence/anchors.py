"""Places of a picture that hold a map in its place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIDDLE = np.float32(0.4)
"""Places are counted from here, so that a map's parameters depend little on each other."""

_CELLS = 32  # per longer side; each cell gives the place with the steepest slopes
_EDGE = 0.006  # of the longer side: a margin inside the content, in which no place counts


@dataclass(frozen=True, eq=False)
class Anchors:
    """Places of one level of a picture that hold a map in its place, n of them.

    Attributes:
        x: (n,) float32, units of the longer side.
        y: (n,) float32.
        values: (n,) float32: smoothed gray.
        columns: (10, n) float32: gray, 1, and what gray gains when the place moves by the eight parameters of a
            homography, in pixels of the level: six of an affine map, two of perspective.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    values: NDArray[np.float32]
    columns: NDArray[np.float32]


def find_anchors(planes: NDArray[np.float32], content: tuple[float, float, float, float]) -> Anchors:
    """The steepest place of each cell of a level, within the content.

    Args:
        planes: (h, w, 3) float32: gray and its slopes per pixel along x and y.
        content: left, top, right and bottom of the part that counts, in units of the longer side.
    """
    left, top, right, bottom = content
    height, width = planes.shape[:2]
    per = max(height, width)
    along_x, along_y = planes[..., 1], planes[..., 2]
    steep = along_x * along_x
    steep += along_y * along_y
    columns = (np.arange(width, dtype=np.float32) + np.float32(0.5)) / np.float32(per)
    rows = (np.arange(height, dtype=np.float32) + np.float32(0.5)) / np.float32(per)
    steep *= (columns > left + _EDGE) & (columns < right - _EDGE)
    steep *= ((rows > top + _EDGE) & (rows < bottom - _EDGE))[:, None]
    side = max(1, per // _CELLS)
    tall, wide = height // side, width // side
    cells = steep[: tall * side, : wide * side].reshape(tall, side, wide, side).swapaxes(1, 2)
    chosen = cells.reshape(tall * wide, side * side).argmax(1)
    cell = np.arange(tall * wide)
    i, j = cell // wide * side + chosen // side, cell % wide * side + chosen % side
    kept = steep[i, j] > 1
    i, j = i[kept], j[kept]
    x, y = columns[j], rows[i]
    at = i * width + j
    values, slope_x, slope_y = (planes[..., n].reshape(-1).take(at) for n in range(3))
    return Anchors(x, y, values, _columns(x - MIDDLE, y - MIDDLE, values, slope_x, slope_y))


def _columns(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    values: NDArray[np.float32],
    along_x: NDArray[np.float32],
    along_y: NDArray[np.float32],
) -> NDArray[np.float32]:
    outward = -(along_x * x + along_y * y)
    ones = np.ones_like(x)
    return np.stack(
        [values, ones, along_x * x, along_x * y, along_x, along_y * x, along_y * y, along_y, outward * x, outward * y]
    )
