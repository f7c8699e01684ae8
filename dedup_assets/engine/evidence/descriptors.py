"""Descriptors of a keypoint's surroundings: histograms of slopes, reduced to their slow waves.

The slopes' directions, relative to the keypoint's, are counted in 4 x 4 cells (Lowe 2004) and the counts square-rooted
(Arandjelovic and Zisserman 2012). A cosine transform over the cells and a Fourier transform over the directions follow,
of which 63 waves carry 9 tenths of the variance; their plain sum is left out. Photographs give nearly the same waves as
principal axes. Mirroring left and right turns the direction a of a keypoint into π - a, which only changes the sign of
some of them.
"""

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.atlas import Atlas

_CELLS = 4  # per side of a patch
_DIRECTIONS = 8  # per cell; a power of 2
_LAST_DIRECTION = _DIRECTIONS - 1
_SAMPLES = 6  # per side of a patch
_SPACING = 2.5  # px of the level between samples
_WINDOW = 0.45  # sigma of the patch's weights, in sides of the patch
_REACH, _REACH_SIGMA = 6, 2.5  # px around a keypoint that decide its direction; sigma of their weights
_WAVES = (2, 3, 3, 2, 2)  # per frequency of direction: highest sum of the cells' two frequencies
_LIFT = 0.3  # exponent of the weight of fast waves, which are weaker and tell as much
_NONE = np.float32(1e-6)  # added to lengths that may be 0


def describe(
    atlas: Atlas, slopes: NDArray[np.complex64], x: NDArray[np.float32], y: NDArray[np.float32], level: NDArray[np.int8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Directions and descriptors of n keypoints.

    Args:
        atlas: where the levels lie.
        slopes: (height * width,): slope along x + i y, half a pixel right of and below each place.
        x: (n,): columns in the atlas, in pixels.
        y: (n,): rows in the atlas, in pixels.
        level: (n,): their levels.

    Returns:
        (n,) float32: the direction in which the neighbourhood rises, in radians from x towards y; and (n, 63) float32
        of length 1.
    """
    wide = _wide_slopes(atlas, slopes, x, y, level)
    turns = wide / (np.abs(wide) + _NONE)
    patches = _sample(atlas, slopes, (x + 1j * y).astype(np.complex64) + _PATCH * turns, level)
    counts = _histograms(patches * turns.conj())
    cells = (_POOLING @ counts.reshape(len(_PATCH), -1)).reshape(_CELLS * _CELLS, len(x), _DIRECTIONS)
    counts = cells.transpose(1, 0, 2).reshape(len(x), -1)
    counts = np.sqrt(counts / (counts.sum(1, keepdims=True) + _NONE))
    waves = counts @ _TO_WAVES
    return np.angle(wide), waves / (np.linalg.norm(waves, axis=1, keepdims=True) + _NONE)


def _wide_slopes(
    atlas: Atlas, slopes: NDArray[np.complex64], x: NDArray[np.float32], y: NDArray[np.float32], level: NDArray[np.int8]
) -> NDArray[np.complex64]:
    """(n,): weighted sum of the slopes around each keypoint."""
    column = np.floor(x).astype(np.int32)[:, None] + _NEARBY[0]
    row = np.floor(y).astype(np.int32)[:, None] + _NEARBY[1]
    left, top, right, bottom = (each.astype(np.int32)[:, None] for each in _bounds(atlas, level))
    at = np.minimum(np.maximum(row, top, out=row), bottom, out=row)
    at *= np.int32(atlas.shape[1])
    at += np.minimum(np.maximum(column, left, out=column), right, out=column)
    summed: NDArray[np.complex64] = slopes.take(at) @ _NEARBY_WEIGHTS
    return summed


def _bounds(atlas: Atlas, level: NDArray[np.int8]) -> tuple[NDArray[np.float32], ...]:
    """(n,) each: first and last column and row of slopes that belong to the level alone."""
    return atlas.left[level] + 1, atlas.top[level] + 1, atlas.right[level] - 3, atlas.bottom[level] - 3


def _sample(
    atlas: Atlas, slopes: NDArray[np.complex64], places: NDArray[np.complex64], level: NDArray[np.int8]
) -> NDArray[np.complex64]:
    """Bilinear samples at (samples, n) places x + i y, moved into their levels."""
    left, top, right, bottom = _bounds(atlas, level)
    x, y = places.real - np.float32(0.5), places.imag - np.float32(0.5)
    np.minimum(np.maximum(x, left, out=x), right - np.float32(0.001), out=x)
    np.minimum(np.maximum(y, top, out=y), bottom - np.float32(0.001), out=y)
    column, row = x.astype(np.int32), y.astype(np.int32)
    x -= column
    y -= row
    stride = atlas.shape[1]
    at = row * np.int32(stride) + column
    above: NDArray[np.complex64] = slopes.take(at)
    below = slopes.take(at + stride)
    above += (slopes.take(at + 1) - above) * x
    below += (slopes.take(at + (stride + 1)) - below) * x
    above += (below - above) * y
    return above


def _histograms(slopes: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Share each slope of (samples, n) between its two nearest directions: (samples, n, directions)."""
    steepness = np.abs(slopes)
    turn = np.angle(slopes)
    turn *= np.float32(_DIRECTIONS / (2 * np.pi))
    turn += np.float32(_DIRECTIONS)
    low = turn.astype(np.intp)
    upper = (turn - low) * steepness
    counts = np.zeros((slopes.size, _DIRECTIONS), np.float32)
    flat, start = counts.reshape(-1), np.arange(0, counts.size, _DIRECTIONS).reshape(low.shape)
    flat[start + (low & _LAST_DIRECTION)] = steepness - upper
    low += 1
    flat[start + (low & _LAST_DIRECTION)] = upper
    return counts.reshape(*slopes.shape, _DIRECTIONS)


def _patch() -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Places of samples around a keypoint, (samples, 1); and their weights in each cell, (cells, samples)."""
    steps = (np.arange(_SAMPLES) - (_SAMPLES - 1) / 2) * _SPACING
    side = _SAMPLES * _SPACING
    centres = (np.arange(_CELLS) - (_CELLS - 1) / 2) * side / _CELLS
    near = np.maximum(0, 1 - np.abs(centres[:, None] - steps) / (side / _CELLS))
    window = np.exp(-(steps**2) / (2 * (_WINDOW * side) ** 2))
    weights = np.einsum("ay,bx,y,x->abyx", near, near, window, window)
    places = steps + 1j * steps[:, None]
    return places.reshape(-1, 1).astype(np.complex64), weights.reshape(_CELLS**2, -1).astype(np.float32)


def _nearby() -> tuple[NDArray[np.int32], NDArray[np.complex64]]:
    """Places of slopes in a disc around a keypoint: (2, places) of x and y; and their weights."""
    y, x = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1]
    square = x**2 + y**2
    inside = square <= _REACH**2
    weights = np.exp(-square[inside] / (2 * _REACH_SIGMA**2))
    return np.stack([x[inside], y[inside]]).astype(np.int32), weights.astype(np.complex64)


def _waves() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The waves, (cells * cells * directions, waves); and their signs in a mirrored picture, (waves,), 1 first."""
    cells = np.cos(np.pi * np.arange(_CELLS)[:, None] * (np.arange(_CELLS) + 0.5) / _CELLS)
    turns = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    waves, signs = [], []
    for frequency, most in enumerate(_WAVES):
        for is_odd in (False, True)[: 1 if frequency in (0, _DIRECTIONS // 2) else 2]:
            direction = np.sin(frequency * turns) if is_odd else np.cos(frequency * turns)
            for down in range(most + 1):
                for right in range(most + 1 - down):
                    wave = np.einsum("y,x,d->yxd", cells[down], cells[right], direction).ravel()
                    lift = (down + right + abs(frequency - 1.5) + 0.5) ** _LIFT
                    waves.append(wave / np.linalg.norm(wave) * lift)
                    signs.append((-1) ** (down + is_odd))
    plain_sum = 1  # the first wave
    order = plain_sum + np.argsort(-np.array(signs[plain_sum:]), kind="stable")
    return np.array(waves, np.float32)[order].T.copy(), np.array(signs, np.float32)[order]


_PATCH, _POOLING = _patch()
_NEARBY, _NEARBY_WEIGHTS = _nearby()
_TO_WAVES, _SIGNS = _waves()
DESCRIPTOR_VALUES = len(_SIGNS)
"""Length of a descriptor."""
KEPT_VALUES = int(np.count_nonzero(_SIGNS > 0))
"""Values of a descriptor, the first ones, that are the same in the mirrored picture; the others change their signs."""
