"""The changed parts of two aligned pictures, as an outline to draw on the first: text, overlays, retouched places.

Thumbnails are compared, so that small changes may be missed; the evidence decides, this only shows where to look.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.gallery.pages.aligning import UNITS, read_transform

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIDE = 96  # pixels of the squashed pictures that are compared
ALL = 0.7  # of the overlap: if more differs, there is no part to outline
_CELLS = 32  # of the outline, along a side
_WINDOW = 7  # pixels
_NOISE = 14  # levels of gray that compression, resizing and blur may change
_SHARE = 0.45  # of the variance in a window that differs where something else is shown
_PART = 0.4  # of the pixels: of a cell that differ, or of a window that are cut off
_WHOLE = 0.999  # of a window: the rim of the overlap is not compared
_FLAT = 1e-6  # determinant of a map that cannot be inverted
_ROUNDS = 5  # of the fit of light
_EACH = 3  # of the pixels, one is used for the fit of light
_SOFT = 3  # pixels
_CUT_BY = (3, 4, 4)  # of `_layers`: what is cut off of light and of each colour
_WHITE, _BLACK = 248, 8  # levels; values beyond may have been cut off


class ChangedParts(NamedTuple):
    """What differs between two aligned pictures.

    Attributes:
        outline: path data of SVG in `UNITS` of the first picture; empty if there is none.
        share: of the compared pixels, 0 to 1, those that differ; None if too few pixels can be compared.
    """

    outline: str
    share: float | None


UNTOLD = ChangedParts("", None)


def outline_changes(
    first: NDArray[np.uint8],
    second: NDArray[np.uint8],
    align: str,
    sizes: tuple[tuple[int, int], tuple[int, int]],
) -> ChangedParts:
    """Outline where the second picture shows something else than the first, whatever happened to all of its tones.

    Args:
        first: (SIDE, SIDE, 3) uint8 RGB: the whole picture, squashed.
        second: likewise.
        align: as `align_pairs` gives it.
        sizes: (width, height) of the first and of the second file, in pixels.

    Returns:
        What differs; without an outline if nothing does, or more than `ALL`, or if a picture is too small to tell.
    """
    extents = [np.array(size) * (UNITS / max(size)) for size in sizes]
    forward = read_transform(align)
    if abs(np.linalg.det(forward[:, :2])) < _FLAT:
        return UNTOLD
    places, per_pixel = _places(forward, extents)
    overlap: Mask = np.logical_and.reduce((places > 0) & (places < SIDE - 1), axis=0)
    inside = _mean(overlap.astype(np.float32), _WINDOW + 4) > _WHOLE
    detail = min(max(sizes[0]), max(sizes[1]) * per_pixel)  # pixels of the coarser file along the first picture
    if inside.sum() < SIDE or detail < SIDE:
        return UNTOLD
    one = _mean(_mean(_layers(first), _odd(1 / per_pixel)), _SOFT)
    two = _mean(_sampled(_mean(_layers(second), _odd(per_pixel)), places), _SOFT)
    different = np.zeros(inside.shape, np.bool_)
    for place, cut in enumerate(_CUT_BY):
        found = _differ(one[place], two[place], (one[cut], two[cut]), inside, is_light=not place)
        different |= found & inside
    if different.sum() > ALL * inside.sum():
        return ChangedParts("", 1.0)
    cells = different.reshape(_CELLS, SIDE // _CELLS, _CELLS, SIDE // _CELLS).mean(axis=(1, 3)) > _PART
    return ChangedParts(_outline(_widened(cells), extents[0] / _CELLS), _share(one, two, different, inside))


def _share(one: Image, two: Image, different: Mask, inside: Mask) -> float:
    """Of the compared pixels, those that differ themselves: `different` knows windows only, which reach beyond.

    Smoothing spreads a change by a pixel, where it is half as strong; so half of the usual strength counts.
    """
    alike = inside & ~different
    strength = np.zeros(inside.shape, np.float32)
    for first, second in zip(one[:3], two[:3], strict=True):
        strength = np.maximum(strength, np.abs(first - _fitted(first, second, alike)))
    changed = different & (strength > _NOISE)
    if not changed.any():
        return 0.0
    return float((changed & (strength > np.median(strength[changed]) / 2)).sum() / inside.sum())


def _fitted(first: Image, second: Image, alike: Mask) -> Image:
    """The second layer with the gain and offset that bring it nearest to the first one where both are alike."""
    if alike.sum() < SIDE:
        return second
    centred = second[alike] - second[alike].mean()
    power = float((centred**2).sum())
    gain = float((centred * first[alike]).sum()) / power if power else 0.0
    return np.asarray(first[alike].mean() + gain * (second - second[alike].mean()), np.float32)


def _layers(picture: NDArray[np.uint8]) -> Image:
    """(5, SIDE, SIDE): light; two colours; 1 where light, and where a colour, may have been cut off; else 0."""
    red, green, blue = np.ascontiguousarray(picture.transpose(2, 0, 1)).astype(np.float32)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    white = np.maximum(np.maximum(red, green), blue) > _WHITE
    vivid = white | (np.minimum(np.minimum(red, green), blue) < _BLACK)
    return np.stack([light, red - green, blue - green, white, vivid]).astype(np.float32)


def _places(forward: NDArray[np.float64], extents: list[NDArray[np.float64]]) -> tuple[NDArray[np.float64], float]:
    """(2, SIDE, SIDE): where in the second picture each pixel of the first lies, in pixels; and pixels for one."""
    inverse = np.linalg.inv(np.vstack([forward, [0, 0, 1]]))
    steps = (np.arange(SIDE) + 0.5) / SIDE
    x, y = np.meshgrid(steps * extents[0][0], steps * extents[0][1])
    moved = inverse[:2, 0, None, None] * x + inverse[:2, 1, None, None] * y + inverse[:2, 2, None, None]
    places = moved * (SIDE / extents[1])[:, None, None] - 0.5
    area = abs(np.linalg.det(inverse[:2, :2])) * extents[0].prod() / extents[1].prod()
    return places, float(np.sqrt(area))


def _odd(size: float) -> int:
    return 2 * int(min(size, SIDE / 8) / 2) + 1


def _mean(images: Image, window: int) -> Image:
    """The mean over a square window, which the rim of the image cuts.

    Sums of shifted slices: products of matrices would start threads, which take longest where other programs compute.
    """
    half = window // 2
    shifts = range(1, half + 1)
    for axis in (-2, -1):
        rows = np.moveaxis(images, axis, 0)
        sums, counts = rows.copy(), np.ones(SIDE, np.float32)
        for by in shifts:
            sums[by:] += rows[:-by]
            sums[:-by] += rows[by:]
            counts[by:] += 1
            counts[:-by] += 1
        images = np.moveaxis(sums / counts.reshape(-1, *[1] * (rows.ndim - 1)), 0, axis)
    return images


def _sampled(images: Image, places: NDArray[np.float64]) -> Image:
    x, y = (np.clip(side, 0, SIDE - 1.001) for side in places)
    left, top = x.astype(np.int64), y.astype(np.int64)
    right, down = (x - left).astype(np.float32), (y - top).astype(np.float32)
    above = images[:, top, left] * (1 - right) + images[:, top, left + 1] * right
    below = images[:, top + 1, left] * (1 - right) + images[:, top + 1, left + 1] * right
    return np.asarray(above * (1 - down) + below * down)


def _differ(one: Image, two: Image, cut: tuple[Image, Image], inside: Mask, *, is_light: bool) -> Mask:
    """Where a window differs in more than light and noise. Colours count only if they are mostly the same.

    `cut` is the share of pixels of each picture that are cut off: they may have been any brighter or stronger.
    """
    whole = inside & (np.maximum(*cut) < _PART)
    if whole.sum() < SIDE:
        whole = inside
    gain, offset, usual = _fit(one[whole][::_EACH], two[whole][::_EACH])
    expected = gain * one + offset
    error = two - expected
    if is_light:
        expected = np.clip(expected, 0, 255)
        error[cut[0] > _PART] = np.minimum(error[cut[0] > _PART], 0)
        error[cut[1] > _PART] = np.maximum(error[cut[1] > _PART], 0)
    elif usual > _NOISE / 4 or not 1 / 2 < gain < 2:  # noqa: PLR2004
        return np.zeros(inside.shape, np.bool_)
    else:
        error[np.maximum(*cut) > _PART] = 0
    means = _mean(np.stack([expected, two, expected**2, two**2, error**2]), _WINDOW)
    spread = means[2] - means[0] ** 2 + means[3] - means[1] ** 2
    return np.asarray(means[4] > _SHARE * spread + _NOISE**2)


def _fit(one: Image, two: Image) -> tuple[float, float, float]:
    """Gain and offset that make the second of the first, robustly, and the usual difference that is left.

    Iterated least squares with Cauchy weights.
    """
    weights: NDArray[np.floating] = np.ones_like(one)
    gain, offset = 1.0, 0.0
    for _ in range(_ROUNDS):
        total = weights.sum()
        means = (weights * one).sum() / total, (weights * two).sum() / total
        spread = (weights * (one - means[0]) ** 2).sum()
        gain = float((weights * (one - means[0]) * (two - means[1])).sum() / max(spread, 1))
        offset = float(means[1] - gain * means[0])
        weights = 1 / (1 + ((two - gain * one - offset) / _NOISE) ** 2)
    return gain, offset, float(np.median(np.abs(two - gain * one - offset)))


def _widened(cells: Mask) -> Mask:
    """The cells and those beside them, so that the outline leaves the changed part free."""
    padded = np.pad(cells, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return np.asarray(rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:])


def _outline(cells: Mask, step: NDArray[np.float64]) -> str:
    """Path data of the borders between cells that are set and others: straight lines, each as long as it goes."""
    lines = []
    for table, (across, along), letter in ((cells, step[::-1], "H"), (cells.T, step, "V")):
        edges = np.diff(np.pad(table, ((1, 1), (0, 0))).astype(np.int8), axis=0) != 0
        runs = np.diff(np.pad(edges, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        starts, ends = np.argwhere(runs == 1), np.argwhere(runs == -1)
        for (line, start), (_, end) in zip(starts, ends, strict=True):
            at, low, high = (f"{value:.4g}" for value in (line * across, start * along, end * along))
            lines.append(f"M{low} {at}H{high}" if letter == "H" else f"M{at} {low}V{high}")
    return "".join(lines)
