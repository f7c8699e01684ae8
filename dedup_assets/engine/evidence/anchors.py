"""Places of a picture that hold a map in its place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIDDLE = np.float32(0.4)
"""Places are counted from here, so that a map's parameters depend little on each other."""

_CELL = 8  # px; each cell of this side gives its places with the steepest slopes
_PLACES = 900  # per level, about
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
    """The steepest places of each cell of a level, within the content.

    Args:
        planes: (h, w, 3) float32: gray and its slopes per pixel along x and y.
        content: left, top, right and bottom of the part that counts, in units of the longer side.
    """
    left, top, right, bottom = content
    height, width = planes.shape[:2]
    per = max(height, width)
    steep = (planes[..., 1:] ** 2).sum(2)
    columns = (np.arange(width, dtype=np.float32) + np.float32(0.5)) / np.float32(per)
    rows = (np.arange(height, dtype=np.float32) + np.float32(0.5)) / np.float32(per)
    steep *= (columns > left + _EDGE) & (columns < right - _EDGE)
    steep *= ((rows > top + _EDGE) & (rows < bottom - _EDGE))[:, None]
    tall, wide = height // _CELL, width // _CELL
    cells = steep[: tall * _CELL, : wide * _CELL].reshape(tall, _CELL, wide, _CELL).swapaxes(1, 2)
    cells = cells.reshape(tall * wide, _CELL**2)
    most = min(_CELL**2 // 2, max(3, _PLACES // len(cells)))
    chosen = np.argpartition(cells, -most, axis=1)[:, -most:]
    cell, inner = np.repeat(np.arange(tall * wide), most), chosen.ravel()
    kept = cells[cell, inner] > 1
    cell, inner = cell[kept], inner[kept]
    i, j = cell // wide * _CELL + inner // _CELL, cell % wide * _CELL + inner % _CELL
    order = np.argsort(i * width + j, kind="stable")
    i, j = i[order], j[order]
    x, y = columns[j], rows[i]
    values, along_x, along_y = np.ascontiguousarray(planes[i, j].T)
    return Anchors(x, y, values, _columns(x - MIDDLE, y - MIDDLE, values, along_x, along_y))


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
