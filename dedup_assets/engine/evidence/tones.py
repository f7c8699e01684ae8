"""What was done to the colours and the light of a picture, from what both pictures show."""

import math

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.colours import lay_colours
from dedup_assets.engine.evidence.filters import LUMA, share_of
from dedup_assets.engine.evidence.judging import Judged
from dedup_assets.engine.evidence.look import Look

_TONE_LEVEL = 3  # 32 px
_BRIGHTER, _COLOURFUL = 0.08, 0.18  # |log| of a ratio that counts
_LITTLE, _SAME_HUES = 0.5, 0.9  # of the colour; correlation of hues below which less loss is compression's
_STRONG, _GRAY = 25.0, 12.0  # levels between channels of what has a hue, and of what is gray
_OTHER_HUE, _SAME_HUE, _DYED = 0.3, 0.9, 0.1  # cosines of hues that differ, and that are the same; share that is dyed
_GRAY_STAYS, _PLAIN_GROUND = 0.7, 0.35  # share of what is gray in either that is so in both; of a picture of a product
_ONE_HUE = 0.98  # length of the mean of directions of hues, each of length 1
_LEAST_SHARE = 0.03  # of another hue
_OTHER_COLOUR = 40  # levels between the changes of two channels of a pixel of another hue
_END = 4.0  # levels from black or white that are cut off
_CUT_SHARE = 0.02  # of the values
_CUT_STRUCTURE, _UNEXPLAINED = 8.0, 5.0  # levels of standard deviation in the other picture; that no mixture explains


def find_tones(a: Look, b: Look, judged: Judged) -> dict[str, float]:
    """Gray, brightness, colourfulness and regions of another hue, where the structure is the same.

    Args:
        a: one picture.
        b: the other.
        judged: how they were found to be one.

    Returns:
        `negative`, `gray_`, `brightness`, `colourfulness`, `recoloured`, `dyed` and `toned_`, as of `explain`.
    """
    if judged.gain < 0:
        return {"negative": 1.0}
    one, two, inside = lay_colours(a, b, judged.map, _TONE_LEVEL, judged.is_a_first)
    one, two, inside = one.reshape(3, -1), two.reshape(3, -1), inside.ravel()
    hue_a, hue_b = (picture[::2] - picture[1] for picture in (one, two))
    in_both = np.flatnonzero(inside)
    dyed = _dyed(hue_a.take(in_both, 1), hue_b.take(in_both, 1))
    gray_a, gray_b = LUMA @ one, LUMA @ two
    gain, offset = np.float32(judged.gain), np.float32(judged.offset)
    same = np.flatnonzero(inside & (np.abs(gain * gray_a + offset - gray_b) < 16 * max(1.0, judged.gain)))
    if len(same) < 60:  # noqa: PLR2004
        return {}
    one, two, hue_a, hue_b = (planes.take(same, 1) for planes in (one, two, hue_a, hue_b))
    gray_a, gray_b = gray_a[same], gray_b[same]
    said: dict[str, float] = {}
    size_a, size_b = (math.sqrt(float(np.vdot(hue, hue)) / hue.size) for hue in (hue_a, hue_b))
    if min(size_a, size_b) < 2.5 and max(size_a, size_b) > 5:  # noqa: PLR2004
        said["gray_a" if size_a < size_b else "gray_b"] = 1.0
    lit = (np.minimum(gray_a, gray_b) > 12) & (np.maximum(gray_a, gray_b) < 243)  # noqa: PLR2004
    if np.count_nonzero(lit) < 30:  # noqa: PLR2004
        return said
    ratios = gray_b[lit] / gray_a[lit]
    brighter = float(np.partition(ratios, len(ratios) // 2)[len(ratios) // 2])
    if abs(math.log(brighter)) > _BRIGHTER:
        said["brightness"] = round(brighter, 2)
    if said.keys() & {"gray_a", "gray_b"}:
        return said
    if min(size_a, size_b) > 4:  # noqa: PLR2004
        said |= _colourfulness(hue_a / np.maximum(gray_a, np.float32(12)), hue_b / np.maximum(gray_b, np.float32(12)))
    if side := _cut_off(one, two):
        said["toned" + side] = 1.0
    shares = {"recoloured": _recoloured(one, two), "dyed": dyed}
    return said | {name: round(share, 3) for name, share in shares.items() if share > _LEAST_SHARE}


def _colourfulness(vivid_a: NDArray[np.float32], vivid_b: NDArray[np.float32]) -> dict[str, float]:
    """How much more colour b has, from (2, n) hues in times the gray."""
    both, own = float(np.vdot(vivid_a, vivid_b)), float(np.vdot(vivid_a, vivid_a)) + 1e-6
    colourful, alike = both / own, both / math.sqrt(own * (float(np.vdot(vivid_b, vivid_b)) + 1e-6))
    is_worn = _LITTLE < colourful < 1 and alike < _SAME_HUES  # strong compression takes some colour away
    is_changed = abs(math.log(max(colourful, 0.05))) > _COLOURFUL
    return {"colourfulness": round(colourful, 2)} if is_changed and not is_worn else {}


def _cut_off(one: NDArray[np.float32], two: NDArray[np.float32]) -> str:
    """The ending that names the picture whose tones are cut off where the other one still has structure, or nothing."""
    cut_one, cut_two = _is_cut_off(two, one), _is_cut_off(one, two)
    return "" if cut_one == cut_two else "_a" if cut_one else "_b"


def _is_cut_off(full: NDArray[np.float32], cut: NDArray[np.float32]) -> bool:
    ends = [
        end
        for end in ((cut > 255 - _END) & (full < 255 - 4 * _END), (cut < _END) & (full > 4 * _END))
        if share_of(end) > _CUT_SHARE and float(full[end].std()) > _CUT_STRUCTURE
    ]
    if not ends:
        return False
    # What a mixture of channels explains was not lost, as where colour is taken away.
    known = np.concatenate([cut, np.ones((1, cut.shape[1]), np.float32)])
    whole = ((cut > _END) & (cut < 255 - _END)).all(0)
    squares = (known[:, whole] @ known[:, whole].T).astype(float) + 1e-2 * np.eye(4)
    mixed = np.linalg.solve(squares, known[:, whole] @ full[:, whole].T).astype(np.float32)
    lost = full - mixed.T @ known
    return any(float(lost[end].std()) > _UNEXPLAINED for end in ends)


def _dyed(hue_a: NDArray[np.float32], hue_b: NDArray[np.float32]) -> float:
    """Share of pixels of another hue, where what is gray stayed gray: a thing of another colour, not a toned picture.

    Filters that tone a picture tone its grays, too. Where hues change all over a picture without a plain ground, they
    may have been turned together, and nothing is said, unless all are one hue in each, as those of an icon are.

    Args:
        hue_a: (2, n) red and blue beyond green.
        hue_b: (2, n).
    """
    if not hue_a.size:
        return 0.0
    (red_a, blue_a), (red_b, blue_b) = hue_a, hue_b
    strong_a, strong_b = red_a * red_a + blue_a * blue_a, red_b * red_b + blue_b * blue_b
    strong = (strong_a > _STRONG**2) & (strong_b > _STRONG**2)
    turned = red_a * red_b + blue_a * blue_b
    turned /= np.sqrt(np.maximum(strong_a * strong_b, np.float32(1)))
    changed = share_of(strong & (turned < _OTHER_HUE))
    if changed < _DYED:
        return 0.0
    kept = share_of(strong & (turned > _SAME_HUE))
    gray_a, gray_b = (np.abs(hue).max(0) < _GRAY for hue in (hue_a, hue_b))
    gray = share_of(gray_a & gray_b)
    is_toned = gray < _GRAY_STAYS * share_of(gray_a | gray_b) or gray < _DYED / 2
    if is_toned or (gray < _PLAIN_GROUND and kept < _DYED and not (_is_one_hue(hue_a) and _is_one_hue(hue_b))):
        return 0.0
    return changed


def _is_one_hue(hue: NDArray[np.float32]) -> bool:
    """Whether all pixels of (2, n) that have a hue have the same one."""
    sizes = np.sqrt((hue * hue).sum(0))
    strong = sizes > _STRONG
    directions = hue[:, strong] / sizes[strong]
    return bool(np.hypot(*directions.mean(1)) > _ONE_HUE)


def _recoloured(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    """Share of pixels whose hue no single linear change of colours explains; (3, n) float32 both."""
    if share_of(_hue_change(two - one) > _OTHER_COLOUR) < _LEAST_SHARE:
        return 0.0  # nothing to explain
    weighted = known = np.concatenate([one, np.ones((1, one.shape[1]), np.float32)])
    for _ in range(3):
        fitted = np.linalg.solve((weighted @ known.T).astype(float) + 1e-2 * np.eye(4), weighted @ two.T)
        off = two - fitted.T.astype(np.float32) @ known
        weighted = known / (1 + (np.abs(off).max(0) / np.float32(20)) ** 2)
    return share_of(_hue_change(off) > _OTHER_COLOUR)


def _hue_change(off: NDArray[np.float32]) -> NDArray[np.float32]:
    changed: NDArray[np.float32] = np.maximum(np.abs(off[0] - off[1]), np.abs(off[2] - off[1]))
    return changed
