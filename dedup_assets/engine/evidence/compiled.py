"""The inner loops of `kernels.c`, where the package was installed with a C compiler.

They give the same bytes as what the callers do with numpy, in a fraction of the time.
"""

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _load() -> ModuleType | None:
    try:
        return import_module("dedup_assets.engine.evidence._kernels")
    except ImportError:
        return None


kernels: ModuleType | None = _load()
"""None where there was no compiler."""


def _run(name: str, *args: Any) -> int:  # noqa: ANN401 - buffers and numbers
    answer: int = getattr(kernels, name)(*args)
    return answer


def see(
    plane: NDArray[np.float32],
    map_: NDArray[np.float64],
    per: np.float32,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    bounds: tuple[np.float32, ...],
) -> tuple[NDArray[np.float32], NDArray[np.bool_], int]:
    """As `refining.Target.see`: values at places, which of them lie within bounds, and how many."""
    values, inside = np.empty_like(x), np.empty(len(x), np.bool_)
    buffers = plane, map_.astype(np.float32), x, y, np.array(bounds, np.float32), values, inside
    return values, inside, _run("see", *buffers, *plane.shape, _is_affine(map_), float(per), len(x))


def weigh(
    unknowns: NDArray[np.float32],
    seen: NDArray[np.float32],
    inside: NDArray[np.bool_],
    count: int,
    values: NDArray[np.float32],
    tone: tuple[float, float],
) -> NDArray[np.float32]:
    """As `refining._weigh`."""
    weighted, room = np.empty_like(unknowns), np.empty_like(values)
    _run("weigh", unknowns, seen, inside, values, room, weighted, *unknowns.shape, count, *tone)
    return weighted


def align(
    plane: NDArray[np.float32],
    map_: NDArray[np.float64],
    pers: tuple[int, int],
    shape: tuple[int, ...],
    boxes: list[np.floating],
    tone: tuple[float, float],
) -> tuple[NDArray[np.float32], NDArray[np.bool_], int]:
    """As `judging.align`.

    Args:
        plane: (h, w) gray of b.
        map_: from a to b.
        pers: px of the longer sides of a and of b.
        shape: height and width of a's grid.
        boxes: left, top, right and bottom of the contents of a and of b, margins left out; width and height of b.
        tone: gain and offset.

    Returns:
        b on a's grid in a's tones, which pixels lie in both contents, and how many lie in b.
    """
    two, inside = np.empty(shape, np.float32), np.empty(shape, np.bool_)
    buffers = plane, map_.astype(np.float32), np.array(boxes, np.float64), two, inside
    shown = _run("align", *buffers, *plane.shape, _is_affine(map_), pers[1], *shape, pers[0], *tone)
    return two, inside, shown


def block_means(
    one: NDArray[np.float32], two: NDArray[np.float32], inside: NDArray[np.bool_], side: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As `blocks._block_sums`."""
    height, width = one.shape
    covered = np.empty((height // side, width // side), np.float32)
    means = np.empty((5, *covered.shape), np.float32)
    _run("block_means", one, two, inside, covered, means, height, width)
    return covered, means


def planes(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """As `filters.planes`: (h, w, 3)."""
    height, width = gray.shape
    found = np.empty((3, height, width), np.float32)
    _run("planes", gray, np.empty((height + 4, width + 4), np.float32), found, height, width)
    return found.transpose(1, 2, 0)


def steepest(
    along_x: NDArray[np.float32],
    along_y: NDArray[np.float32],
    in_columns: NDArray[np.bool_],
    in_rows: NDArray[np.bool_],
    side: int,
) -> NDArray[np.intp]:
    """As `anchors._steepest`: flat places."""
    height, width = along_x.shape
    at = np.empty((height // side) * (width // side), np.int32)
    return at[: _run("steepest", along_x, along_y, in_columns, in_rows, at, height, width, side)].astype(np.intp)


def sample(
    slopes: NDArray[np.complex64], places: NDArray[np.complex64], bounds: tuple[NDArray[np.float32], ...], stride: int
) -> NDArray[np.complex64]:
    """As `descriptors._sample`."""
    found = np.empty_like(places)
    _run("sample", slopes, places, *bounds, found, stride, len(slopes), places.shape[1], len(places))
    return found


def count_directions(steepness: NDArray[np.float32], turn: NDArray[np.float32], directions: int) -> NDArray[np.float32]:
    """As `descriptors._histograms`."""
    counts = np.empty((*turn.shape, directions), np.float32)
    _run("count_directions", steepness, turn, counts, turn.size)
    return counts


def strength(gray: NDArray[np.float32], level: NDArray[np.int8], stride: int) -> tuple[NDArray[np.float32], ...]:
    """As `keypoints._slopes` and `keypoints._corner_strength`: slopes along x and y, and strength."""
    found, room = np.empty((3, len(gray)), np.float32), np.empty((3, len(gray)), np.float32)
    _run("strength", gray, *found, level, room, stride, len(gray))
    return found[0], found[1], found[2]


def peaks(strength: NDArray[np.float32], least: float, stride: int) -> NDArray[np.int64]:
    """As `keypoints._peaks`."""
    at = np.empty(len(strength), np.int64)
    return at[: _run("peaks", strength, at, stride, len(strength), least)].copy()


def sharpness(plane: NDArray[np.float32], weights: NDArray[np.float32]) -> tuple[float, float]:
    """As `judging._energies`: along rows and along columns."""
    height, width = plane.shape
    energy = np.empty(2)
    _run("sharpness", np.ascontiguousarray(plane), weights, np.empty((2, width), np.float32), energy, height, width)
    return float(energy[0]), float(energy[1])


def _is_affine(map_: NDArray[np.float64]) -> bool:
    return bool(map_[2, 0] == 0 and map_[2, 1] == 0)
