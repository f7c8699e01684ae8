"""How the second thumbnail of a pair lies on the first: the evidence's map of pixels, as an SVG transform."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import Relation

UNITS = 320
"""The longer side of a picture in the units of the transforms: that of a thumbnail."""

_SAME_PIXELS = [Relation.EXACT.value, Relation.PIXELS.value]
_NAMES = ("a", "b", "c", "d", "e", "f")  # as SVG calls them: x' = a x + c y + e, y' = b x + d y + f
_DECIMALS = 4
_GRID = 5  # points along a side, where an affine map stands for one with perspective
_OUTSIDE = 0.01  # weight of points that the first picture does not show
_SMALLEST = 1e-9
_MATRIX = 9  # numbers


def align_pairs(pairs: pl.DataFrame, facts: pl.DataFrame) -> pl.Series:
    """The transform of each pair.

    SVG knows affine maps only. A map with perspective, as of a photographed screen, becomes the affine one that is
    nearest where the pictures overlap.

    Args:
        pairs: `a`, `b` (rows of `facts`), `relation`, `transform`, `turned`, as of `NumberedResults.pairs`.
        facts: a row for each file, with `width` and `height` in pixels.

    Returns:
        (n,) string: the numbers a to f, with spaces; null if the transform or a size is unknown.
    """
    sizes = np.stack([facts[side].cast(pl.Float64).to_numpy() for side in ("width", "height")], axis=1)
    first, second = (sizes[pairs[side].to_numpy()] for side in ("a", "b"))
    maps = _maps_of(pairs, first, second)
    units = [_in_units(size) for size in (first, second)]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scaled = maps * (units[0] / units[1])[:, None, None]
        scaled[:, :2, 2] = maps[:, :2, 2] * units[0][:, None]
        scaled[:, 2, :2] = maps[:, 2, :2] / units[1][:, None]
        scaled[:, 2, 2] = maps[:, 2, 2]
        affine = scaled[:, :2] / scaled[:, 2:, 2:]
        for row in np.flatnonzero(np.abs(scaled[:, 2, :2]).max(axis=1, initial=0) > _SMALLEST):
            affine[row] = _nearest_affine(scaled[row], first[row] * units[0][row], second[row] * units[1][row])
    affine[~np.isfinite(affine).all(axis=(1, 2))] = np.nan
    numbers = affine.transpose(0, 2, 1).reshape(-1, len(_NAMES)).round(_DECIMALS) + 0.0  # no negative zeros
    table = pl.DataFrame({name: numbers[:, place] for place, name in enumerate(_NAMES)}).fill_nan(None)
    return table.select(align=pl.concat_str(pl.all().cast(pl.String), separator=" "))["align"]


def read_transform(align: str) -> NDArray[np.float64]:
    """(2, 3): the map of a transform, from the second picture to the first, in `UNITS`."""
    return np.array(align.split(), np.float64).reshape(3, 2).T


def frame_of(first: tuple[float, float], second: tuple[float, float], align: str) -> tuple[int, int, int, int]:
    """Left, top, width and height of what shows a picture and another one that is laid onto it.

    Args:
        first: width and height, in `UNITS`.
        second: likewise.
        align: of the second onto the first.
    """
    width, height = second
    corners = read_transform(align) @ [[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]]
    low = np.clip(corners.min(axis=1), -UNITS, 0)
    high = np.clip(corners.max(axis=1), first, np.add(first, UNITS))
    left, top = (int(side) for side in np.floor(low))
    width, height = (int(side) for side in np.ceil(high - np.floor(low)))
    return left, top, width, height


def _maps_of(pairs: pl.DataFrame, first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3, 3): maps pixels of b onto a; not finite where that is unknown."""
    maps = np.full((pairs.height, 3, 3), np.nan)
    known = pairs["transform"].list.len().fill_null(0).to_numpy() == _MATRIX
    values = pairs["transform"].filter(pl.Series(known)).list.explode().to_numpy()
    maps[known] = values.astype(np.float64).reshape(-1, 3, 3)
    same = pairs["relation"].is_in(_SAME_PIXELS).fill_null(value=False).to_numpy() & ~known
    maps[same & (first == second).all(axis=1)] = np.eye(3)
    turned = pairs["turned"].to_numpy() & np.isfinite(maps).all(axis=(1, 2))
    turned &= np.abs(np.linalg.det(np.where(turned[:, None, None], maps, 0))) > _SMALLEST**2
    maps[turned] = np.linalg.inv(maps[turned])
    return maps


def _in_units(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,): how many units a pixel is."""
    return np.asarray(UNITS / np.maximum(sizes.max(axis=1, initial=0), 1))


def _nearest_affine(
    given: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(2, 3): least squares over points of the second picture that the first one shows; both have (width, height)."""
    places = (np.arange(_GRID) + 0.5) / _GRID
    points = np.stack([*(side.ravel() for side in np.meshgrid(*(places * side for side in second))), np.ones(_GRID**2)])
    moved = given @ points
    if not np.isfinite(moved).all() or (np.abs(moved[2]) < _SMALLEST).any():
        return np.full((2, 3), np.nan)
    moved = moved[:2] / moved[2]
    shown = ((moved >= 0) & (moved <= first[:, None])).all(axis=0)
    weights = np.sqrt(np.where(shown, 1, _OUTSIDE))
    return np.asarray(np.linalg.lstsq((points * weights).T, (moved * weights).T, rcond=None)[0].T)
