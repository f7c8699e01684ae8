"""Signs that two photographs were taken from two places, which no edit leaves.

An edit moves, turns and mirrors a picture, and stretches it along its own sides. Seen from another place, ground slides
sideways by more the nearer it is, a wall is stretched although it is cut, and each photograph shows an edge of its own.
"""

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.look import Look
from dedup_assets.engine.evidence.maps import Map, scales, whole_map
from dedup_assets.engine.evidence.refining import refine

SLANTED = "slanted"
"""Of `explain`: neither a turn nor stretching along the sides explains the map."""

OWN_EDGES = "own_edges"
"""Of `explain`: each of the two shows an edge that the other one lacks."""

_SLANT = 0.006  # cosine between sides that were at right angles: of 999 of 1,000 copies less
_STRETCH, _CUT = 0.015, 0.985  # |log| of the ratio of the two scales; overlap of a picture that was cut
_BOTH_CUT = 0.982  # overlap of either: of copies one is larger
_ADDED = ("border", "page", "margin")  # what is around a picture makes its map and its overlap less exact
_FINEST = 0  # level of a look


def find_viewpoints(
    a: Look, b: Look, map_: Map, overlaps: tuple[float, float], said: Collection[str]
) -> dict[str, float]:
    """What tells of two places: `SLANTED` (1), `OWN_EDGES` (1), both or none.

    Args:
        a: one picture.
        b: the other.
        map_: (3, 3) from a to b, affine.
        overlaps: share of each picture that the other one shows.
        said: the edits that are known, as of `explain`.
    """
    found: dict[str, float] = {}
    linear = map_[:2, :2]
    is_cut = min(overlaps) < _CUT and not any(edit.startswith(_ADDED) for edit in said)
    most, least = scales(linear)
    is_slanted = min(_cosine(linear), _cosine(linear.T)) > _SLANT
    if is_slanted or (is_cut and math.log(most / least) > _STRETCH):
        found[SLANTED] = 1.0
    if is_cut and max(overlaps) < _BOTH_CUT and "turned" not in said:  # which loses its corners
        found[OWN_EDGES] = 1.0
    return {} if found and _is_whole_on_whole(a, b, map_) else found


def _is_whole_on_whole(a: Look, b: Look, map_: Map) -> bool:
    """Whether the frames, laid on each other, fit as well as the map, which light that is cut off moves a little."""
    found, whole = (refine(a, b, each, _FINEST, 0) for each in (map_, whole_map(map_, a, b)))
    return found is not None and whole is not None and abs(whole.alike) >= abs(found.alike)


def _cosine(linear: NDArray[np.float64]) -> float:
    """The cosine between the two columns, at least 0."""
    one, other = linear.T
    return abs(float(one @ other)) / (math.hypot(*one) * math.hypot(*other))
