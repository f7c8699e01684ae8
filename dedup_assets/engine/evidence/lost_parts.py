"""Parts that are plain up to the edge in one of two copies where the other one shows something: they are lost.

A file that was cut off is decoded with its last rows in one colour. To a comparison these look like a border, which is
left out, and the rest is the same.
"""

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.blocks import Aligned

_LEAST = 0.02  # of what both show
_USUAL = 0.75  # quantile: the edge of the part itself does not count
_PLAIN, _SHOWS = 0.5, 1.5  # gray levels from one pixel to the next, at the most and at the least


def find_lost_part(aligned: Aligned) -> tuple[float, bool]:
    """Share of what both show that is lost in one of them, 0 if nothing is; and whether that is the first one."""
    edge = aligned.shared & ~aligned.inside
    share = float(edge.sum()) / max(int(aligned.shared.sum()), 1)
    if share < _LEAST:
        return 0.0, False
    changes = [_usual_change(gray, edge) for gray in (aligned.one, aligned.two)]
    is_lost = min(changes) < _PLAIN and max(changes) > _SHOWS
    return (share if is_lost else 0.0), changes[0] < changes[1]


def _usual_change(gray: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """How much gray changes along a row or down a column, in three quarters of the places at the most."""
    across, down = np.abs(np.diff(gray, axis=1)), np.abs(np.diff(gray, axis=0))
    changes = np.concatenate([across[where[:, 1:] & where[:, :-1]], down[where[1:] & where[:-1]]])
    at = int(_USUAL * (len(changes) - 1))
    return float(np.partition(changes, at)[at]) if len(changes) else 0.0
