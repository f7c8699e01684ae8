"""What was done to a picture: how b differs from a, from the refined map and from the colours of what both show."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.filters import LUMA, sample, smooth
from dedup_assets.engine.evidence.judging import Judged
from dedup_assets.engine.evidence.look import SIDE, Look
from dedup_assets.engine.evidence.maps import Map, apply, area_scale, invert, is_affine, linear_part

CHANGED = 0.02
"""Share of the blocks that differ from which something was changed."""

_TURNED = 1.5  # degrees that count as turned
_RESIZED = 0.04  # |log| of a scale that counts
_PART = 0.93  # share of a picture's area below which the other is called a part of it
_AROUND_LEVEL, _TONE_LEVEL = 2, 3  # 64 and 32 px
_PLAIN = 14  # levels that the colour of a border may vary
_BRIGHTER, _COLOURFUL = 0.08, 0.18  # |log| of a ratio that counts
_WINDOW = 96  # px at SIDE: the part whose sharpness is compared
_SOFTER = 0.45  # of the energy of fine detail, to that of coarser detail: blurred


def explain(a: Look, b: Look, judged: Judged) -> dict[str, float]:
    """The edits that make b from a; nothing is said of what stayed.

    Returns:
        Any of the following. A name with `_b` says that b is the edited picture; each of them exists with `_a`, too.

        - `mirrored` (1; left and right), `flipped` (1; upside down), `turned` (degrees clockwise, after mirroring),
          `perspective` (1), `resized` (pixels of b's file for one of a's), `squeezed` (width to height);
        - `cropped_b`: share of a's area that b shows;
        - `border_b`, `page_b`: share of b's area that is a border of one colour, or something else around the picture;
        - `negative` (1), `gray_b` (1), `brightness`, `colourfulness` (of b, in times those of a), `recoloured` (share
          of the overlap whose hue changed);
        - `blurred_b`: fine detail, in times that of the other picture;
        - `changed`: share of the overlap with text, overlays or retouching.
    """
    said = _geometry(a, b, judged.map)
    if judged.overlap_a < _PART:
        said |= _around(a, judged.map, b, judged.overlap_a, "a")
    if judged.overlap_b < _PART:
        said |= _around(b, invert(judged.map), a, judged.overlap_b, "b")
    said |= _tone(a, b, judged)
    said |= _sharpness(a, b, judged.map)
    if judged.changed > CHANGED and judged.agreement < 0.97:  # noqa: PLR2004
        said["changed"] = round(judged.changed, 3)
        if said.get("recoloured", 1) < 1.5 * judged.changed:  # an overlay has another hue, too
            del said["recoloured"]
    return said


def in_words(edits: Mapping[str, float], same_size: bool) -> str:
    """The edits in words, joined by commas; `same_size`: whether both files have the same size in pixels."""
    words = [text.format(percent=max(1, round(100 * edits[key]))) for key, text in _WORDS if key in edits]
    if "turned" in edits:
        words.insert(1 if "mirrored" in edits else 0, _turned(edits["turned"]))
    shaped = {"cropped", "border", "page"} & {key.partition("_")[0] for key in edits}
    if not words and not same_size:
        words = ["resized"]
    elif "resized" in edits and not shaped:
        words.append("resized")
    if _TONES & edits.keys() and "recoloured" not in words:
        words.append("recoloured")
    return ", ".join(words) or "recompressed"


_TONES = {"brightness", "colourfulness"}
_WORDS = (
    ("mirrored", "mirrored"),
    ("flipped", "mirrored upside down"),
    ("perspective", "seen in perspective"),
    ("squeezed", "squeezed"),
    ("cropped_a", "cropped to {percent} %"),
    ("cropped_b", "cropped to {percent} %"),
    ("border_a", "border added"),
    ("border_b", "border added"),
    ("page_a", "page around added"),
    ("page_b", "page around added"),
    ("negative", "negative"),
    ("gray_a", "gray"),
    ("gray_b", "gray"),
    ("recoloured", "recoloured"),
    ("changed", "text or overlay added"),
    ("blurred_a", "blurred"),
    ("blurred_b", "blurred"),
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


def _around(whole: Look, map_: Map, part: Look, share: float, name: str) -> dict[str, float]:
    """What one picture shows beyond the other: more of the photograph, a border, or a page; `map_`: whole to part."""
    level = min(_AROUND_LEVEL, len(whole.levels) - 1)
    image = whole.levels[level]
    u, v = apply(map_, *_grid(image, SIDE >> level))
    out = ~_inside(part, u, v, -0.012)
    rim = out & _inside(part, u, v, -0.06)
    other = "b" if name == "a" else "a"
    if np.count_nonzero(out) < 30 or not rim.any():  # noqa: PLR2004
        return {}
    outer = image[out].astype(np.int64)
    codes = (outer // 8) @ [1, 32, 1024]
    common = int(np.bincount(codes).argmax())
    colour = np.array([common % 32, common // 32 % 32, common // 1024]) * 8 + 4
    plain_rim = (np.abs(image[rim] - colour) < _PLAIN).all(1).mean()
    if plain_rim > 0.8:  # noqa: PLR2004 - one colour all around the other picture
        plain = (np.abs(outer - colour) < _PLAIN).all(1).mean()
        return {f"{'border' if plain > 0.9 else 'page'}_{name}": round(1 - float(share), 3)}  # noqa: PLR2004
    return {f"cropped_{other}": round(share, 3)}


def _grid(image: NDArray[np.uint8], per: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    height, width = image.shape[:2]
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5)) / np.float32(per)
    y = (np.arange(height, dtype=np.float32) + np.float32(0.5)) / np.float32(per)
    return x, y[:, None]


def _inside(look: Look, x: NDArray[np.float32], y: NDArray[np.float32], edge: float) -> NDArray[np.bool_]:
    width, height = look.extent
    return np.asarray((x > edge) & (x < width - edge) & (y > edge) & (y < height - edge))


def _aligned(
    a: Look, b: Look, map_: Map, level: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """RGB of a and of b on the grid of that which shows less, and which of it lies in both."""
    if area_scale(map_, a.extent) > 1:
        two, one, inside = _aligned(b, a, invert(map_), level)
        return one, two, inside
    level = min(level, len(a.levels) - 1)
    finer = level - np.log2(max(1e-6, area_scale(map_, a.extent))) / -2
    level_b = int(min(max(round(finer), 0), len(b.levels) - 1))
    image, per_b = a.levels[level], SIDE >> level_b
    u, v = apply(map_, *_grid(image, SIDE >> level))
    seen = sample(b.levels[level_b].astype(np.float32), u * np.float32(per_b) - 0.5, v * np.float32(per_b) - 0.5)
    return image.astype(np.float32), seen, _inside(b, u, v, 0.01)


def _tone(a: Look, b: Look, judged: Judged) -> dict[str, float]:
    """Gray, brightness, colourfulness and regions of another hue, where the structure is the same."""
    if judged.gain < 0:
        return {"negative": 1.0}
    one, two, inside = _aligned(a, b, judged.map, _TONE_LEVEL)
    gray_a, gray_b = one @ LUMA, two @ LUMA
    same = inside & (np.abs(judged.gain * gray_a + judged.offset - gray_b) < 16 * max(1.0, judged.gain))
    if np.count_nonzero(same) < 60:  # noqa: PLR2004
        return {}
    one, two, gray_a, gray_b = one[same], two[same], gray_a[same], gray_b[same]
    said: dict[str, float] = {}
    hue_a, hue_b = one[:, ::2] - one[:, 1:2], two[:, ::2] - two[:, 1:2]
    size_a, size_b = float(np.sqrt((hue_a**2).mean())), float(np.sqrt((hue_b**2).mean()))
    if min(size_a, size_b) < 2.5 and max(size_a, size_b) > 5:  # noqa: PLR2004
        said["gray_a" if size_a < size_b else "gray_b"] = 1.0
    lit = (np.minimum(gray_a, gray_b) > 12) & (np.maximum(gray_a, gray_b) < 243)  # noqa: PLR2004
    if np.count_nonzero(lit) < 30:  # noqa: PLR2004
        return said
    brighter = float(np.median(gray_b[lit] / gray_a[lit]))
    if abs(math.log(brighter)) > _BRIGHTER:
        said["brightness"] = round(brighter, 2)
    if said.keys() & {"gray_a", "gray_b"}:
        return said
    if min(size_a, size_b) > 4:  # noqa: PLR2004
        vivid_a, vivid_b = hue_a / np.maximum(gray_a, 12)[:, None], hue_b / np.maximum(gray_b, 12)[:, None]
        colourful = float((vivid_a * vivid_b).sum() / ((vivid_a**2).sum() + 1e-6))
        if abs(math.log(max(colourful, 0.05))) > _COLOURFUL:
            said["colourfulness"] = round(colourful, 2)
    share = _recoloured(one, two)
    if share > 0.03:  # noqa: PLR2004
        said["recoloured"] = round(share, 3)
    return said


def _recoloured(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    """Share of pixels whose hue no single linear change of colours explains."""
    known, weights = np.c_[one, np.ones(len(one), np.float32)], np.ones((len(one), 1), np.float32)
    off = two
    for _ in range(3):
        weighted = known * weights
        fitted = np.linalg.solve(weighted.T @ weighted + 1e-2 * np.eye(4), weighted.T @ (two * weights))
        off = two - known @ fitted
        weights = np.sqrt(1 / (1 + (np.abs(off).max(1, keepdims=True) / 20) ** 2)).astype(np.float32)
    hue = np.abs(off[:, ::2] - off[:, 1:2]).max(1)
    return float((hue > 40).mean())  # noqa: PLR2004


def _sharpness(a: Look, b: Look, map_: Map) -> dict[str, float]:
    """Energy of fine detail in a window, where fewer pixels do not explain it."""
    if area_scale(map_, a.extent) > 1:
        swapped = {"blurred_a": "blurred_b", "blurred_b": "blurred_a"}
        return {swapped[key]: value for key, value in _sharpness(b, a, invert(map_)).items()}
    grown = area_scale(map_, a.extent) ** 0.5
    if grown < 0.85 or min(max(a.width, a.height), max(b.width, b.height)) < SIDE:  # noqa: PLR2004
        return {}
    (top, left), (height, width) = _window(a, b, map_)
    if min(height, width) < 24:  # noqa: PLR2004
        return {}
    one = a.rgb[top : top + height, left : left + width] @ LUMA
    x = (np.arange(left, left + width, dtype=np.float32) + np.float32(0.5)) / np.float32(SIDE)
    y = (np.arange(top, top + height, dtype=np.float32) + np.float32(0.5)) / np.float32(SIDE)
    u, v = apply(map_, x, y[:, None])
    u, v = u * np.float32(SIDE) - np.float32(0.5), v * np.float32(SIDE) - np.float32(0.5)
    low_u, low_v = max(0, int(u.min())), max(0, int(v.min()))
    part = b.rgb[low_v : int(v.max()) + 3, low_u : int(u.max()) + 3] @ LUMA
    two = sample(part, u - low_u, v - low_v)
    energy_one, energy_two = _fineness(one), _fineness(two)
    if energy_two < _SOFTER * energy_one:
        return {"blurred_b": round(energy_two / energy_one, 2)}
    if energy_one < _SOFTER * energy_two:
        return {"blurred_a": round(energy_one / energy_two, 2)}
    return {}


def _window(a: Look, b: Look, map_: Map) -> tuple[tuple[int, int], tuple[int, int]]:
    """Top and left, height and width, in pixels of a, of a window in the middle of what both show."""
    back = invert(map_)
    width, height = (float(side) for side in b.extent)
    u, v = apply(back, np.array([0, width, 0, width], np.float32), np.array([0, 0, height, height], np.float32))
    box, sides = a.content, []
    for low, high, corners in ((box.left, box.right, u), (box.top, box.bottom, v)):
        ordered = np.sort(corners)
        start, end = max(low, float(ordered[1])), min(high, float(ordered[2]))
        middle, length = (start + end) / 2 * SIDE, min(_WINDOW, (end - start) * SIDE - 6)
        sides.append((math.ceil(middle - length / 2), int(length)))
    (left, wide), (top, tall) = sides
    return (max(0, top), max(0, left)), (tall, wide)


def _fineness(gray: NDArray[np.float32]) -> float:
    """Energy of the finest detail to that of the next coarser one."""
    soft = smooth(gray)
    softer = smooth(soft, 3)
    fine, coarse = gray - soft, soft - softer
    return float((fine**2).sum() / ((coarse**2).sum() + 1)) + 1e-6
