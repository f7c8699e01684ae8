"""Signs that two photographs were taken from two places, which no edit leaves.

An edit moves, turns and mirrors a picture, and stretches it along its own sides. Seen from another place, ground slides
sideways by more the nearer it is, a wall is stretched although it is cut, and each photograph shows an edge of its own.
A photograph of a print that fills the frame is never quite straight.
"""

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.judging import Judged
from dedup_assets.engine.evidence.look import Look
from dedup_assets.engine.evidence.maps import Map, area_scale, invert, scales, whole_map
from dedup_assets.engine.evidence.refining import refine

SLANTED = "slanted"
"""Of `explain`: neither a turn nor stretching along the sides explains the map."""

OWN_EDGES = "own_edges"
"""Of `explain`: each of the two shows an edge that the other one lacks."""

ASKEW = "askew"
"""Of `explain`: both show nearly the same, and one is turned or slanted by less than two degrees."""

_SLANT = 0.006  # cosine between sides that were at right angles: of 999 of 1,000 copies less
_STRETCH, _CUT = 0.015, 0.985  # |log| of the ratio of the two scales; overlap of a picture that was cut
_BOTH_CUT = 0.982  # overlap of either: of copies one is larger
_NEARLY_ALL, _STEPS, _TURNED = 0.85, 8, 0.025  # overlaps; of refining; sine from which a turn is named
_SAME_FRAME = 0.0015  # of the longer side
_TILTED = 8e-4  # 7e-4 at most of 100 copies; 7e-4 and more of 37 of 40 photographs of prints
_WIDER = 2.5e-3  # by which the scale grows along the longer side; 1e-3 at most of 40 copies with another frame
_MUCH_LIGHT, _CUT_OFF = 0.25, 5  # |log| of the gain from which light is cut off, and how much less exact maps are then
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


def is_askew(a: Look, b: Look, judged: Judged) -> bool:
    """Whether one of two pictures that show nearly the same is a little askew, or wider at one end.

    No photograph of a print ends where the print does, so that pictures with the same frame are not looked at.

    Args:
        a: one picture.
        b: the other.
        judged: how they were found to be one, by an affine map.
    """
    if min(judged.overlap_a, judged.overlap_b) < _NEARLY_ALL or _tilt(judged.map) > _TURNED:
        return False
    map_ = judged.map
    if area_scale(map_, a.extent) > 1:
        a, b, map_ = b, a, invert(map_)
    if _have_one_frame(a, b, map_) or _is_whole_on_whole(a, b, map_):
        return False
    noise = _CUT_OFF if abs(math.log(abs(judged.gain))) > _MUCH_LIGHT else 1
    straight = refine(a, b, map_, _FINEST, _STEPS)
    if straight is not None and _tilt(straight.map) > noise * _TILTED:
        return True
    bent = refine(a, b, map_, _FINEST, _STEPS, perspective=True)
    return bent is not None and float(np.abs(bent.map[2, :2]).max()) > noise * _WIDER


def _have_one_frame(a: Look, b: Look, map_: Map) -> bool:
    """Whether each corner of one picture is a corner of the other."""
    ends_a, ends_b = (np.array([(x, y) for x in (0, look.extent[0]) for y in (0, look.extent[1])]) for look in (a, b))
    seen = ends_a @ map_[:2, :2].T + map_[:2, 2]
    away = np.linalg.norm(seen[:, None] - ends_b, axis=2).min(1)
    return bool(away.max() < _SAME_FRAME)


def _tilt(map_: Map) -> float:
    """How far a map is from one that keeps the directions of the sides, or exchanges them: of the sine of an angle."""
    linear = np.abs(map_[:2, :2])
    along, across = sorted((max(linear[0, 0], linear[1, 1]), max(linear[0, 1], linear[1, 0])), reverse=True)
    return float(across / along)


def _cosine(linear: NDArray[np.float64]) -> float:
    """The cosine between the two columns, at least 0."""
    one, other = linear.T
    return abs(float(one @ other)) / (math.hypot(*one) * math.hypot(*other))
