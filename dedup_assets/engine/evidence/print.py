"""How much a picture looks like print: letters, figures and lines on plain grounds, as pages, screens and charts have.

Every third row and column is enough. Letters may stand on several grounds, as in bubbles of a chat.
"""

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.closer import find_strokes

_GREEN = 1
_SOME_LINES = 3  # every third row, and every third column
_CALM, _LEAST_CALM = 3, 0.3  # levels between neighbours on a ground; share of the pixels that are such
_THIN, _SAME = 30, 8  # levels that a stroke stands out by, and between the grounds on its two sides
_REACH = 7  # px to the ground on either side
_INKS, _BITS, _OF_INKS = 8, 5, 0.4  # the commonest colours, of 5 bits a channel; share of the pixels that have them
_OF_FAINT = 0.8  # likewise, of a screen with little or faint text
_RARE = 500  # one of so many pixels: a colour that is no ink
_STROKES = 0.014  # share of strokes: pages have it, but for ruled tables
_ON_GROUND = 0.012  # of `find_strokes`, the share of strokes times that of thin things between ground
_TEXT = 0.5  # of print, what looks like a page at least


def measure_print(rgb: NDArray[np.uint8]) -> float:
    """How much a picture looks like print: from 1 on it does, from 0.5 on it may. Of photographs, 1.6 % do.

    Args:
        rgb: (h, w, 3) uint8 of the size of a look.
    """
    inks = _share_of_inks(rgb[::_SOME_LINES, ::_SOME_LINES])
    if inks < _OF_INKS:  # most photographs
        return 0.0
    green = rgb[..., _GREEN].astype(np.int16)
    share = max(_share_of_strokes(green[::_SOME_LINES]), _share_of_strokes(green.T[::_SOME_LINES]))
    found = share / _STROKES
    for turned in (rgb, rgb.swapaxes(0, 1)):
        strokes = find_strokes(turned)
        if strokes.hold_text:
            found = max(found, _TEXT, strokes.share * strokes.between / _ON_GROUND)
    return 2 * found if inks >= _OF_FAINT else found


def _share_of_inks(rgb: NDArray[np.uint8]) -> float:
    """Share of the pixels that have the commonest colours: 0.79 and more of a page, 0.19 of half of the photographs."""
    levels = (rgb >> (8 - _BITS)).astype(np.uint16)
    colours = (levels[..., 0] << 2 * _BITS) | (levels[..., 1] << _BITS) | levels[..., 2]
    counts = np.bincount(colours.ravel())
    common = np.sort(counts[counts > colours.size // _RARE])[-_INKS:]
    return float(common.sum()) / colours.size


def _share_of_strokes(lines: NDArray[np.int16]) -> float:
    """Share of the pixels of (n, w) gray lines that stand out of one ground, which is on both sides."""
    lines = np.ascontiguousarray(lines)
    steps = np.abs(lines[:, 1:] - lines[:, :-1]) <= _CALM
    calm = np.zeros(lines.shape, np.bool_)
    calm[:, 1:-1] = steps[:, 1:] & steps[:, :-1]
    if calm.mean() < _LEAST_CALM:
        return 0.0
    thin = np.zeros(lines.shape, np.bool_)
    thin[:, 1:-1] = np.abs(2 * lines[:, 1:-1] - lines[:, :-2] - lines[:, 2:]) > _THIN
    left, right = np.full(lines.shape, -1000, np.int16), np.full(lines.shape, -2000, np.int16)
    for step in range(min(_REACH, lines.shape[1] - 1), 0, -1):  # the nearest ground is written last
        np.copyto(left[:, step:], lines[:, :-step], where=calm[:, :-step])
        np.copyto(right[:, :-step], lines[:, step:], where=calm[:, step:])
    return float((thin & (np.abs(left - right) <= _SAME)).mean())
