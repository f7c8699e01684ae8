"""The quality that a JPEG was saved with, from its tables."""

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=1024)
def quality_of(table: bytes) -> int | None:
    """The quality whose luminance table (ISO/IEC 10918-1, K.1, scaled as libjpeg does) is nearest.

    Args:
        table: as of `segments.Carried`.

    Returns:
        1 to 100; None without a table.
    """
    if not table:
        return None
    distance = np.abs(_quality_tables() - np.frombuffer(table, np.uint8)).sum(1)
    return int(np.flatnonzero(distance == distance.min())[-1]) + 1


def in_rows(table: bytes) -> NDArray[np.int64]:
    """(8, 8): a table in zigzag order (A.3.6) by row and column of the coefficients."""
    rows = np.empty(_SIDE * _SIDE, np.int64)
    rows[_ZIGZAG] = np.frombuffer(table, np.uint8)
    return rows.reshape(_SIDE, _SIDE)


_SIDE = 8
_ZIGZAG = [  # diagonals, upwards and downwards in turn
    _SIDE * row + column
    for row, column in sorted(np.ndindex(_SIDE, _SIDE), key=lambda place: (sum(place), place[1 - sum(place) % 2]))
]


@cache
def _quality_tables() -> NDArray[np.int64]:
    """(100, 64): the luminance table of each quality, in zigzag order."""
    quality = np.arange(1, 101)[:, None]
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)  # noqa: PLR2004 - as libjpeg does
    tables: NDArray[np.int64] = np.clip((np.array(_STANDARD_LUMINANCE) * scale + 50) // 100, 1, 255)
    return tables


_STANDARD_LUMINANCE = (  # in zigzag order
    *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
    *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
    *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
    *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
)
