"""Signs that two photographs were taken from two places, which no edit leaves.

An edit moves, turns and mirrors a picture, and stretches it along its own sides. Seen from another place, ground slides
sideways by more the nearer it is, a wall is stretched although it is cut, and each photograph shows an edge of its own.
"""

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.maps import scales

SLANTED = "slanted"
"""Of `explain`: neither a turn nor stretching along the sides explains the map."""

OWN_EDGES = "own_edges"
"""Of `explain`: each of the two shows an edge that the other one lacks."""

_SLANT = 0.006  # cosine between sides that were at right angles: of 999 of 1,000 copies less
_STRETCH, _CUT = 0.015, 0.985  # |log| of the ratio of the two scales; overlap of a picture that was cut
_BOTH_CUT = 0.982  # overlap of either: of copies one is larger
_ADDED = ("border", "page", "margin")  # what is around a picture makes its map and its overlap less exact


def find_viewpoints(
    linear: NDArray[np.float64], overlaps: tuple[float, float], said: Collection[str]
) -> dict[str, float]:
    """What tells of two places: `SLANTED` (1), `OWN_EDGES` (1), both or none.

    Args:
        linear: (2, 2) of the map in its middle.
        overlaps: share of each picture that the other one shows.
        said: the edits that are known, as of `explain`.
    """
    found: dict[str, float] = {}
    is_cut = min(overlaps) < _CUT and not any(edit.startswith(_ADDED) for edit in said)
    most, least = scales(linear)
    is_slanted = min(_cosine(linear), _cosine(linear.T)) > _SLANT
    if is_slanted or (is_cut and math.log(most / least) > _STRETCH):
        found[SLANTED] = 1.0
    if is_cut and max(overlaps) < _BOTH_CUT and "turned" not in said:  # which loses its corners
        found[OWN_EDGES] = 1.0
    return found


def _cosine(linear: NDArray[np.float64]) -> float:
    """The cosine between the two columns, at least 0."""
    one, other = linear.T
    return abs(float(one @ other)) / (math.hypot(*one) * math.hypot(*other))
