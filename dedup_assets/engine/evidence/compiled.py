"""The inner loops of `kernels.c`, where the package was installed with a C compiler.

They give the same bytes as what the callers do with numpy, in a fraction of the time.
"""

from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray


def _load() -> ModuleType | None:
    try:
        return import_module("dedup_assets.engine.evidence._kernels")
    except ImportError:
        return None


kernels: ModuleType | None = _load()
"""None where there was no compiler."""


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
    args = (map_.astype(np.float32), _is_affine(map_), per, x, y, np.array(bounds, np.float32), values, inside)
    return values, inside, kernels.see(plane, *plane.shape, *args)  # type: ignore[union-attr]


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
    kernels.weigh(unknowns, seen, inside, count, values, *tone, room, weighted)  # type: ignore[union-attr]
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
    args = (map_.astype(np.float32), _is_affine(map_), pers[1], *shape, pers[0], np.array(boxes, np.float64))
    return two, inside, kernels.align(plane, *plane.shape, *args, *tone, two, inside)  # type: ignore[union-attr]


def block_means(
    one: NDArray[np.float32], two: NDArray[np.float32], inside: NDArray[np.bool_], side: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As `blocks._block_sums`."""
    height, width = one.shape
    covered = np.empty((height // side, width // side), np.float32)
    means = np.empty((5, *covered.shape), np.float32)
    kernels.block_means(one, two, inside, height, width, covered, means)  # type: ignore[union-attr]
    return covered, means


def _is_affine(map_: NDArray[np.float64]) -> bool:
    return bool(map_[2, 0] == 0 and map_[2, 1] == 0)
