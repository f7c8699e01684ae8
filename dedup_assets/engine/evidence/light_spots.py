"""Small places that are lighter or darker in one of two copies, too faint or too small to make a block unlike."""

import numpy as np

from dedup_assets.engine.evidence.blocks import Aligned
from dedup_assets.engine.evidence.filters import around

_CELL = 4  # px of the grid, which has 128
_ONES = np.ones(_CELL, np.float32)
_MOST = 0.9  # quantile of what lies over the whole picture, as compression and resampling do
_LOUD = 6.0  # times that, from which a cell shows something else


def find_light_spots(aligned: Aligned, with_borders: bool) -> float:
    """Share of the cells of 4 x 4 px that differ much more than nearly all others do; 0 if none does.

    Args:
        aligned: both pictures.
        with_borders: whether borders of one colour are looked at, too.
    """
    off = np.abs(aligned.one - aligned.two)
    off *= around(aligned.shared if with_borders else aligned.inside, np.minimum)
    height, width = (side - side % _CELL for side in off.shape)
    rows = _ONES @ off[:height, :width].reshape(height // _CELL, _CELL, width)
    cells = rows.reshape(height // _CELL, width // _CELL, _CELL) @ _ONES / np.float32(_CELL**2)
    typical = 1 + float(np.quantile(cells, _MOST))
    return int(np.count_nonzero(cells > _LOUD * typical)) / int(cells.size)
