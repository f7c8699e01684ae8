"""Small places of another colour, which gray levels do not show: an orange date on gray, a red stamp on green."""

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.colours import lay_colours
from dedup_assets.engine.evidence.filters import around
from dedup_assets.engine.evidence.judging import Judged
from dedup_assets.engine.evidence.look import Look

_LEVEL = 2  # 64 px, where what compression does to colours has been averaged away
_FINEST = 1 << _LEVEL  # of the finest pixels along a side of one of that level
_SPOT_PIXELS = 6
_OTHER_COLOUR = 28.0  # levels beyond the colours around a pixel; recompressed, blurred and shrunk copies reach 25
_ODD, _LOUD = 0.9, 6.0  # quantile of what lies over the whole picture, and how far spots stick out of it
_ROUNDS, _OFF = 2, 10.0  # of a fit that leaves spots out; levels that are off


def find_colour_spots(a: Look, b: Look, judged: Judged, is_whole: bool) -> float:
    """Share of the pixels in which colours differ although a mixture of channels explains all others; 0 if none do.

    A pixel counts if its colour lies beyond those of the 3 x 3 pixels around it in the other picture, so that edges
    that miss by a pixel do not count.

    Args:
        a: one picture.
        b: the other.
        judged: how they were found to be one.
        is_whole: whether each ends where the other does. Of a part, a pixel may be coarser than that of the other
            picture, so that thin things are paler: what is found is then looked at in pixels that are averaged alike.
    """
    found = _count_spots(*lay_colours(a, b, judged.map, _LEVEL, judged.is_a_first))
    return found if is_whole or not found else _count_spots(*_lay_averaged(a, b, judged))


def _count_spots(one: NDArray[np.float32], two: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
    hue_one, hue_two = (colours[::2] - colours[1] for colours in (one, two))
    if np.count_nonzero(np.abs(hue_two - hue_one).max(0) > _OTHER_COLOUR) < _SPOT_PIXELS:
        return 0.0  # most copies are refused here
    beyond = _beyond(_fit(one, hue_two, inside), hue_two)
    beyond *= ~around(~inside, np.maximum)
    limit = max(_OTHER_COLOUR, _LOUD * float(np.quantile(beyond, _ODD)))
    found = int(np.count_nonzero(beyond > limit))
    return found / max(1, int(np.count_nonzero(inside))) if found >= _SPOT_PIXELS else 0.0


def _lay_averaged(
    a: Look, b: Look, judged: Judged
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """As of `lay_colours`, each pixel being the mean of the finest ones in it."""
    one, two, inside = lay_colours(a, b, judged.map, 0, judged.is_a_first)
    height, width = (side - side % _FINEST for side in inside.shape)
    shape = height // _FINEST, _FINEST, width // _FINEST, _FINEST
    whole: NDArray[np.bool_] = np.asarray(inside[:height, :width].reshape(shape).all((1, 3)))
    colours = [each[:, :height, :width].reshape(3, *shape).mean((2, 4), dtype=np.float32) for each in (one, two)]
    return colours[0], colours[1], whole


def _fit(colours: NDArray[np.float32], hues: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(2, h, w) the mixture of (3, h, w) colours that is nearest to (2, h, w) hues in most pixels."""
    known = np.concatenate([colours.reshape(3, -1), np.ones((1, inside.size), np.float32)])
    wanted, weights = hues.reshape(2, -1), inside.ravel().astype(np.float32)
    fitted = known[:2]
    for _ in range(_ROUNDS):
        weighted = known * weights
        mixture = np.linalg.solve((weighted @ known.T).astype(float) + 1e-2 * np.eye(4), weighted @ wanted.T)
        fitted = mixture.T.astype(np.float32) @ known
        weights = inside.ravel() / (1 + (np.abs(wanted - fitted).max(0) / np.float32(_OFF)) ** 2)
    return fitted.reshape(hues.shape)


def _beyond(one: NDArray[np.float32], two: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) levels by which a hue of either lies beyond those around its place in the other; (2, h, w) both."""
    found = np.zeros(one.shape[1:], np.float32)
    for plane_one, plane_two in zip(one, two, strict=True):
        for own, other in ((plane_one, plane_two), (plane_two, plane_one)):
            low, high = around(other, np.minimum), around(other, np.maximum)
            np.maximum(found, np.maximum(own - high, low - own), out=found)
    return found
