"""What was done to a picture: how b differs from a, from the refined map and from the colours of what both show."""

import math
from collections.abc import Mapping

import numpy as np

from dedup_assets.engine.core.match_records import (
    A_LITTLE_ASKEW,
    ALTERED,
    BORDER_ADDED,
    ENLARGED,
    IN_PERSPECTIVE,
    MARGIN,
    MAYBE_FRAMED,
    OTHER_CONTENT,
    OTHER_EDGES,
    OTHER_VIEWPOINT,
    PAGE_ADDED,
    RECOMPRESSED,
    SEEN_WHOLE,
    SMALL_TEXT,
    TEXT_ADDED,
)
from dedup_assets.engine.evidence.colour_spots import find_colour_spots
from dedup_assets.engine.evidence.details import show_the_same
from dedup_assets.engine.evidence.differences import Differences
from dedup_assets.engine.evidence.judging import CHECK_LEVEL, CHECK_SIDE, Judged
from dedup_assets.engine.evidence.light_spots import find_light_spots
from dedup_assets.engine.evidence.look import SIDE, Look
from dedup_assets.engine.evidence.lost_parts import find_lost_part
from dedup_assets.engine.evidence.maps import Map, area_scale, invert, is_affine, linear_part
from dedup_assets.engine.evidence.refining import pick_levels
from dedup_assets.engine.evidence.seams import SEAM
from dedup_assets.engine.evidence.surroundings import find_surroundings
from dedup_assets.engine.evidence.tones import find_tones
from dedup_assets.engine.evidence.viewpoints import ASKEW, OWN_EDGES, SLANTED, find_viewpoints, is_askew

DYED = "dyed"
"""Of `explain`: a thing in the picture has another colour."""

UNREAD = "unread"
"""What is said of copies beside the edits: both look like print, of which a comparison does not see each digit."""

RETOUCHED = "retouched"
"""What is said of copies beside the edits: more was done to one of the two than to store it again."""

DIFFERING = "differing"
"""What is said of two pictures in place of `changed`: the share of the overlap that shows something else."""

CHANGED = 0.02
"""Share of the blocks that differ from which something was changed."""

_TURNED = 1.5  # degrees that count as turned
_RESIZED = 0.04  # |log| of a scale that counts
_PART = 0.93  # share of a picture's area below which the other is called a part of it
_SEEN_CLOSELY = 4  # blocks that differ in finer detail: of pages, and in another light, which is cut off here and there
_BLURRED = 0.005  # of the longer side: the least blur that counts
_GROWN = 1.04  # growth of a side from which enlargement is looked for
_SMOOTHER = 0.01  # loss of roughness
_AS_FINE = 0.9  # of the other's pixels: fewer explain less detail
_WHOLE, _DETAIL_LOST = 0.95, 0.6  # overlaps from which detail is compared; what is lost by blur, as `Look.detail` is


def explain(a: Look, b: Look, judged: Judged, details: Differences | None = None) -> dict[str, float]:
    """The edits that make b from a; nothing is said of what stayed.

    Args:
        a: one picture.
        b: the other.
        judged: how they were found to be one.
        details: what differs in finer detail, if that was looked at.

    Returns:
        Any of the following. A name with `_b` says that b is the edited picture; each of them exists with `_a`, too.

        - `mirrored` (1; left and right), `flipped` (1; upside down), `turned` (degrees clockwise, after mirroring),
          `perspective` (1), `resized` (pixels of b's file for one of a's), `squeezed` (width to height);
        - `SLANTED`, `OWN_EDGES`, `ASKEW` (1): see `viewpoints`;
        - `cropped_b`: share of a's area that b shows; with `seam` (1) where the rest of a begins in a step;
        - `border_b`, `page_b`: share of b's area that is a border of one colour, or something else around the picture;
        - `margin_b`: likewise, where it is not known whether it was added to b or cut off from a;
        - `negative` (1), `gray_b` (1), `brightness`, `colourfulness` (of b, in times those of a), `recoloured` (share
          of the overlap whose hue changed), `dyed` (likewise, of a thing of another colour: grays stayed), `toned_b`
          (1: its tones are cut off where a still has structure);
        - `blurred_b` (1), `enlarged_b` (1: it has more pixels along an axis, and no more detail);
        - `changed`: share of the overlap with text, overlays or retouching, where it is not known which of the two has
          them; otherwise `changed_b`.
    """
    said = _geometry(a, b, judged.map)
    if judged.overlap_a < _PART:
        said |= find_surroundings(a, judged.map, b, judged.overlap_a, "a")
    if judged.overlap_b < _PART:
        said |= find_surroundings(b, invert(judged.map), a, judged.overlap_b, "b")
    if is_affine(judged.map):
        said |= find_viewpoints(a, b, judged.map, (judged.overlap_a, judged.overlap_b), said)
    said |= find_tones(a, b, judged)
    said |= _sharpness(a, b, judged, said) or _enlargement(a, b, judged, said)
    if is_affine(judged.map) and not (_INEXACT & said.keys() or _has_frame(said)) and is_askew(a, b, judged):
        said[ASKEW] = 1.0
    is_lit_alike = abs(math.log(abs(judged.gain))) < _SAME_LIGHT and not said.keys() & _LIGHT_CHANGED
    hold_text = a.closer is not None and b.closer is not None
    least = 1 if is_lit_alike and not hold_text else _SEEN_CLOSELY
    if details.count >= least if details else judged.changed > CHANGED and judged.agreement < 0.97:  # noqa: PLR2004
        side = "" if said.keys() & _LIGHT else _over(judged, details)  # light that is cut off hides structure, too
        said["changed" + side] = round(max(judged.changed, details.share if details else 0), 3)
        if said.get("recoloured", np.inf) < 1.5 * judged.changed:  # an overlay has another hue, too
            del said["recoloured"]
    elif (show_the_same(judged) or _is_mere_part(said)) and not said.keys() & _OTHER_COLOURS:
        said |= _spots(a, b, judged, is_lit_alike)
    share, is_first = find_lost_part(judged.aligned)
    if share and not _has_frame(said):  # corners of a frame lie in the picture
        said["changed_a" if is_first == judged.is_a_first else "changed_b"] = round(share, 3)
        said.pop("changed", None)
    return said


def _has_frame(said: Mapping[str, float]) -> bool:
    return bool(_FRAMES & {key.rpartition("_")[0] for key in said})


def _is_mere_part(said: Mapping[str, float]) -> bool:
    """Whether one picture is a part of the other, cut straight, so that what they share is compared up to its edges."""
    return not (_has_frame(said) or said.keys() & (_INEXACT | {"perspective"}))


def _spots(a: Look, b: Look, judged: Judged, is_lit_alike: bool) -> dict[str, float]:
    """Places too small or too faint to make a block unlike; of the same light, or of the same gray."""
    share = find_light_spots(judged.aligned, show_the_same(judged)) if is_lit_alike else 0.0
    share = share or find_colour_spots(a, b, judged, show_the_same(judged))
    return {"changed": round(share, 3)} if share else {}


def _over(judged: Judged, details: Differences | None) -> str:
    """The ending that names the picture over which something was laid; empty if unknown."""
    if details is None or not details.side:
        return ""
    return "_a" if (details.side == 1) == judged.is_a_first else "_b"


def in_words(edits: Mapping[str, float], same_size: bool) -> str:
    """The edits in words, joined by commas.

    Args:
        edits: as of `explain`, `UNREAD` and `RETOUCHED`.
        same_size: whether both files have the same size in pixels.
    """
    words = _named(edits)
    shaped = {"cropped", "border", "page", "margin"} & {key.partition("_")[0] for key in edits}
    if {"enlarged_a", "enlarged_b"} & edits.keys():
        words.append(ENLARGED)
    elif not words and not same_size:
        words = ["resized"]
    elif "resized" in edits and not shaped:
        words.append("resized")
    words = _with_tones(words, edits) or [RECOMPRESSED]
    return ", ".join([*words, SMALL_TEXT] if UNREAD in edits else words)


def differences_in_words(edits: Mapping[str, float]) -> str:
    """How two pictures of which neither is made of the other differ, in words; empty if nothing is known of that.

    Args:
        edits: as of `of_two_pictures`.
    """
    return ", ".join(_with_tones(_named(edits), edits))


def of_two_pictures(edits: Mapping[str, float]) -> dict[str, float]:
    """What of `explain` holds for two pictures of which neither is made of the other.

    They are two because what differs is not laid over one of them, so that no overlay is named. The size of a file
    tells no two pictures apart, so that it is not named either.
    """
    left = {key: value for key, value in edits.items() if key not in _CHANGES and key not in _SIZES}
    changed = [edits[key] for key in _CHANGES if key in edits]
    return left | ({DIFFERING: max(changed)} if changed else {})


def _named(edits: Mapping[str, float]) -> list[str]:
    words = [text.format(percent=_percent(edits[key])) for key, text in _WORDS if key in edits]
    if {"cropped_a", "cropped_b"} <= edits.keys():
        both = " and to ".join(f"{_percent(edits[key])} %" for key in ("cropped_a", "cropped_b"))
        words[words.index(f"cropped to {_percent(edits['cropped_a'])} %")] = f"cropped to {both}"
        words.remove(f"cropped to {_percent(edits['cropped_b'])} %")
    words = list(dict.fromkeys(words))  # a side of each may have a border
    if "turned" in edits:
        words.insert(1 if "mirrored" in edits else 0, _turned(edits["turned"]))
    return words


def _with_tones(words: list[str], edits: Mapping[str, float]) -> list[str]:
    return [*words, "recoloured"] if _TONES & edits.keys() and "recoloured" not in words else words


def _percent(share: float) -> int:
    return max(1, round(100 * share))


_LIGHT = {"brightness", "negative"}
_OTHER_COLOURS = {"negative", "gray_a", "gray_b", DYED, "blurred_a", "blurred_b"}  # where single pixels differ, too
_SAME_LIGHT = 0.04  # |log| of the gain
_LIGHT_CHANGED = {"brightness", "colourfulness", "toned_a", "toned_b"}  # where light is cut off, or mixed otherwise
_FRAMES = {"border", "page", "margin"}
_INEXACT = {SLANTED, "blurred_a", "blurred_b"}  # a map of a blurred picture is less exact
_CHANGES = ("changed", "changed_a", "changed_b")
_SIZES = {"resized", "enlarged_a", "enlarged_b"}
_TONES = {"brightness", "colourfulness", DYED, "toned_a", "toned_b"}
_WORDS = (
    ("mirrored", "mirrored"),
    ("flipped", "mirrored upside down"),
    ("perspective", IN_PERSPECTIVE),
    (SLANTED, OTHER_VIEWPOINT),
    (ASKEW, A_LITTLE_ASKEW),
    ("squeezed", "squeezed"),
    ("cropped_a", "cropped to {percent} %"),
    ("cropped_b", "cropped to {percent} %"),
    (SEAM, MAYBE_FRAMED),
    (OWN_EDGES, OTHER_EDGES),
    ("border_a", BORDER_ADDED),
    ("border_b", BORDER_ADDED),
    ("page_a", PAGE_ADDED),
    ("page_b", PAGE_ADDED),
    ("margin_a", MARGIN),
    ("margin_b", MARGIN),
    ("negative", "negative"),
    ("gray_a", "gray"),
    ("gray_b", "gray"),
    ("recoloured", "recoloured"),
    ("changed", TEXT_ADDED),
    ("changed_a", TEXT_ADDED),
    ("changed_b", TEXT_ADDED),
    (DIFFERING, OTHER_CONTENT),
    ("blurred_a", "blurred"),
    ("blurred_b", "blurred"),
    (RETOUCHED, ALTERED),
)


def _turned(degrees: float) -> str:
    clockwise = round(degrees) % 360
    if min(abs(clockwise - right) for right in (90, 180, 270)) <= 1:
        return f"rotated {round(clockwise / 90) * 90}"
    return f"rotated by {min(clockwise, 360 - clockwise)}°"


def _geometry(a: Look, b: Look, map_: Map) -> dict[str, float]:
    said: dict[str, float] = {}
    linear = linear_part(map_, a.extent / 2) * (max(b.width, b.height) / max(a.width, a.height))
    if not is_affine(map_):
        said["perspective"] = 1.0
    if np.linalg.det(linear) < 0:
        linear, said["mirrored"] = linear * [-1, 1], 1.0
    left, lengths, right = np.linalg.svd(linear)
    rotation = left @ right
    angle = math.degrees(math.atan2(rotation[1, 0], rotation[0, 0]))
    if "mirrored" in said and abs(angle) > 180 - _TURNED:
        said = {**{key: 1.0 for key in said if key != "mirrored"}, "flipped": 1.0}
    elif abs(angle) > _TURNED:
        said["turned"] = round(angle, 1)
    scale = float(np.sqrt(lengths[0] * lengths[1]))
    if abs(math.log(scale)) > _RESIZED:
        said["resized"] = round(scale, 3)
    ratio = float(np.linalg.norm(linear[:, 0]) / np.linalg.norm(linear[:, 1]))
    if abs(math.log(ratio)) > _RESIZED and abs(math.sin(2 * math.radians(angle))) < 0.2:  # noqa: PLR2004
        said["squeezed"] = round(ratio, 3)
    return said


def _sharpness(a: Look, b: Look, judged: Judged, said: Mapping[str, float]) -> dict[str, float]:
    """Blur, where fewer pixels do not explain it: neither those of the files nor those of the looks."""
    is_whole = min(judged.overlap_a, judged.overlap_b) > _WHOLE and judged.changed < CHANGED
    # What both show is the same, so that their detail can be compared.
    lost = a.detail - b.detail if is_whole else judged.softened
    pixels = max(a.width, a.height), max(b.width, b.height) * math.sqrt(area_scale(judged.map, a.extent))
    of_blurred, of_other = pixels[::-1] if lost > 0 else pixels
    if of_blurred < min(SIDE, _AS_FINE * of_other):
        return {}
    if is_whole:
        return {f"blurred_{'b' if lost > 0 else 'a'}": 1.0} if abs(lost) > _DETAIL_LOST else {}
    if _LIGHT & said.keys():  # light that is cut off takes edges away and makes others
        return {}
    blur = math.sqrt(abs(judged.softened)) / CHECK_SIDE
    blurred = "b" if judged.softened > 0 else "a"
    coarse = _pixel_beyond(a, b, judged) if (blurred == "b") == judged.is_a_first else 1.0
    return {f"blurred_{blurred}": 1.0} if blur >= _BLURRED * max(1.0, coarse) else {}


def _enlargement(a: Look, b: Look, judged: Judged, said: Mapping[str, float]) -> dict[str, float]:
    """Enlargement of files that are hardly larger than a look, which would lose some of their detail otherwise.

    An enlarged picture is smoother than its source, pixel by pixel, along each axis along which it has more of them; a
    source is rougher than what was made smaller from it.
    """
    if min(judged.overlap_a, judged.overlap_b) < _WHOLE or said.keys() & {"turned", "perspective"}:
        return {}
    found = {
        f"enlarged_{name}": 1.0 for name, larger, other in (("a", a, b), ("b", b, a)) if _is_enlarged(larger, other)
    }
    return found if len(found) == 1 else {}


def _is_enlarged(larger: Look, other: Look) -> bool:
    growths = larger.width / other.width, larger.height / other.height
    axes = [axis for axis in (0, 1) if growths[axis] > _GROWN]
    is_seen = axes and max(larger.width, larger.height) < SEEN_WHOLE
    return bool(is_seen and all(larger.roughness[axis] < other.roughness[axis] - _SMOOTHER for axis in axes))


def _pixel_beyond(a: Look, b: Look, judged: Judged) -> float:
    """Side of a pixel of the picture that shows more, in pixels of the grid of the other one."""
    one, two, map_ = (a, b, judged.map) if judged.is_a_first else (b, a, invert(judged.map))
    level_one, level_two = pick_levels(one, two, map_, CHECK_LEVEL)
    return float(2.0 ** (level_two - level_one)) / math.sqrt(area_scale(map_, one.extent))
