"""What one picture shows beyond the other: more of the photograph, a border, or a page around it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.evidence.closer import holds_text
from dedup_assets.engine.evidence.filters import around, share_of
from dedup_assets.engine.evidence.judging import grid
from dedup_assets.engine.evidence.look import SIDE, Look
from dedup_assets.engine.evidence.maps import Map, apply, invert
from dedup_assets.engine.evidence.seams import SEAM, ends_in_step

_LEVEL = 1  # 128 px
_LEAST_OUT, _LEAST_RIM = 30, 12  # pixels beyond the other picture, and of one side, below which nothing is said
_EDGE, _BESIDE = 0.012, 0.07  # of the other picture's longer side: a margin, and how far its sides are looked at
_NEXT = 0.03  # likewise: how far what is next to a side reaches
_PLAIN = 12  # levels that the colour of a border may vary
_BORDER = 0.98  # share of what is around that is of one colour in a border; 0.97 where a line is written on it
_ALL_PLAIN, _SIDE_PLAIN = 0.98, 0.97  # the same where a border is told by its colour alone, and of each side
_PAPER, _CLEAR_PAPER, _TEXT = 0.6, 0.9, 0.3  # share of a side that is paper; where little else tells; beside text
_ENDS = 0.75  # share of what is next to a side that is paper, where a page is claimed
_OFF, _LITTLE_OFF = 0.6, 0.2  # share of the rim that is of another colour than what is beside it
_GAP = 0.93  # share of what is next to the other picture that is paper, where shapes are drawn on it
_GAP_ROUGHLY = 0.7  # the same at 128 px, where a pixel may be of paper and of ink
_LEAST_SHAPES, _STEP = 0.03, 8  # of what is around, within shapes; levels between neighbours of one colour
_PLAIN_SHAPES, _FEW_COLOURS, _PHOTO = (
    0.6,
    0.8,
    0.8,
)  # shares of shapes that are plain, of three colours; of a photograph
_CLEAR, _NO_NOISE, _PLAIN_ALL = 0.016, 0.8, 0.98  # a margin, as _EDGE; levels of a drawn ground; share next to the part
_LEAST_SIDE, _LEAST_DRAWN, _ALL_INKED = 0.01, 0.05, 0.85  # shares of what is around: of one side, of all; of shapes
_INKS, _FREQUENT, _NEAR_INK = 3, 0.05, 16  # colours of shapes; share of the shapes that one has; levels off a mixture
_INK_BIN, _OVERSHOOT = 24, 1.15  # levels; of a line from the ground to an ink, which compression may leave
_BINS = np.array([1, 32, 1024], np.float32)  # numbers of colours, from channels of 32 levels
_TURNED_CORNERS = 0.012  # of the longer side: how near to the frame a turned picture's corners are


class _Side(NamedTuple):
    """One side of the other picture.

    Attributes:
        plain: share of the pixels beside it that have the commonest colour around.
        rim: share of the pixels within it that have another colour.
        ends: share of the pixels next to it that have the commonest colour around: little where the picture goes on.
    """

    plain: float
    rim: float
    ends: float


def find_surroundings(whole: Look, map_: Map, part: Look, share: float, name: str) -> dict[str, float]:
    """What one picture shows beyond the other.

    A frame is claimed only where it is seen: one colour touches the other picture, whose rim is of other colours, or
    fills the corners that a turned picture leaves; or what is around is paper with drawn shapes. Where the same plain
    ground is within the other picture, too, nobody can see whether the rest of it was added or cut off: a margin. In
    doubt the other picture is cropped, because what it lacks may be a part of the photograph.

    Args:
        whole: the picture that shows more.
        map_: from it to the other.
        part: the other.
        share: of the whole that the other shows.
        name: a or b: which of the two the whole is.

    Returns:
        `cropped_`, `border_`, `page_` or `margin_` with its share, as of `explain`; `SEAM` beside `cropped_`, where the
        rest begins in a step; empty if it shows hardly more.
    """
    level = min(_LEVEL, len(whole.levels) - 1)
    image = whole.levels[level]
    height, width = image.shape[:2]
    u, v = apply(map_, *grid(height, width, SIDE >> level))
    out = ~lies_in(part, u, v, -_EDGE)
    if np.count_nonzero(out) < _LEAST_OUT:
        return {}
    off = _off_common(image, out)
    plain = share_of(off[out] < _PLAIN)
    sides = _sides(part, u, v, off, out)
    is_turned = plain > _ALL_PLAIN and _corners_touch(whole, map_, part)
    if is_turned or _is_border(plain, sides) or _is_page(sides):
        return {f"{'border' if plain > _BORDER else 'page'}_{name}": round(1 - float(share), 3)}
    if _may_be_paper(off, out, part, u, v) and _is_drawn(whole, map_, part):
        return {f"page_{name}": round(1 - float(share), 3)}
    if _is_margin(whole, map_, part, sides):
        return {f"margin_{name}": round(1 - float(share), 3)}
    other = "b" if name == "a" else "a"
    cropped = {f"cropped_{other}": round(float(share), 3)}
    return cropped | {SEAM: 1.0} if ends_in_step(whole, map_, part) else cropped


def lies_in(look: Look, x: NDArray[np.float32], y: NDArray[np.float32], edge: float) -> NDArray[np.bool_]:
    """Which positions lie in a picture, a margin (in units of its longer side) away from its border."""
    width, height = look.sides
    return np.asarray((x > edge) & (x < width - edge) & (y > edge) & (y < height - edge))


def _off_common(image: NDArray[np.uint8], out: NDArray[np.bool_]) -> NDArray[np.int16]:
    """(h, w) how far each pixel is from the commonest colour of those that are out."""
    height, width = out.shape
    bins = (image >> 3).astype(np.float32) @ _BINS
    common = int(np.bincount(bins[out].astype(np.intp)).argmax())
    colour = np.array([common % 32, common // 32 % 32, common // 1024], np.int16) * np.int16(8) + np.int16(4)
    off = image.reshape(height, 3 * width) - np.tile(colour, width)  # in long rows, which numpy is quick at
    np.abs(off, out=off)
    return np.asarray(np.maximum(np.maximum(off[:, ::3], off[:, 1::3]), off[:, 2::3]))


def _sides(
    part: Look,
    u: NDArray[np.float32],
    v: NDArray[np.float32],
    off: NDArray[np.int16],
    out: NDArray[np.bool_],
) -> dict[str, _Side]:
    """What is seen of each side of the part; sides at the whole picture's frame are left out."""
    width, height = part.sides
    beyond, within = (
        tuple(plane.ravel()[np.flatnonzero(some)] for plane in (u, v, off))
        for some in (
            lies_in(part, u, v, -_BESIDE) & out,
            lies_in(part, u, v, _EDGE) & ~lies_in(part, u, v, 2 * _BESIDE),
        )
    )
    found = {}
    for side in ("left", "right", "top", "bottom"):
        depth, depth_within = (
            {"left": -x, "right": x - width, "top": -y, "bottom": y - height}[side] for x, y, _ in (beyond, within)
        )
        near, rim = depth > _EDGE, depth_within > -_BESIDE
        next_to = near & (depth < _NEXT)
        if np.count_nonzero(near) >= _LEAST_RIM and np.count_nonzero(rim) >= _LEAST_RIM:
            plain, ends = (share_of(beyond[2][some] < _PLAIN) for some in (near, next_to))
            found[side] = _Side(plain, share_of(within[2][rim] > 2 * _PLAIN), ends)
    return found


def _corners_touch(whole: Look, map_: Map, part: Look) -> bool:
    """Whether the part stands turned in the whole, its corners on each side of the frame."""
    width, height = part.sides
    corners = [invert(map_) @ [x, y, 1] for x in (0, width) for y in (0, height)]
    x, y = (np.array([corner[axis] / corner[2] for corner in corners]) for axis in (0, 1))
    ends = (x.min(), y.min(), whole.extent[0] - x.max(), whole.extent[1] - y.max())
    is_turned = min(np.sort(x)[1] - x.min(), np.sort(y)[1] - y.min()) > 2 * _TURNED_CORNERS
    return bool(is_turned and np.abs(ends).max() < _TURNED_CORNERS)


def _is_border(plain: float, sides: dict[str, _Side]) -> bool:
    """Whether one colour is all around, where some of the rim is of other colours."""
    rims = sorted(side.rim for side in sides.values())
    all_round = len(sides) == 4 and min(side.plain for side in sides.values()) > _SIDE_PLAIN  # noqa: PLR2004
    return plain > _ALL_PLAIN and all_round and rims[-2] > _LITTLE_OFF and sum(rims) > 4 * _LITTLE_OFF


def _is_page(sides: dict[str, _Side]) -> bool:
    """Whether paper is on two opposite sides, and text at most on the others."""
    if sum(side.rim for side in sides.values()) <= len(sides) / 2:
        return False
    crowded = [side.plain for side in sides.values() if side.plain < _PAPER]
    if min(crowded, default=1) < _TEXT:
        return False
    pairs = [
        (sides[one], sides[two])
        for one, two in (("left", "right"), ("top", "bottom"))
        if {one, two} <= sides.keys() and min(sides[one].ends, sides[two].ends) > _ENDS
    ]
    if any(_is_clear_paper(*pair) for pair in pairs):
        return True
    return len(crowded) <= 1 and any(
        min(one.plain, two.plain) >= _PAPER and min(one.rim, two.rim) > _OFF for one, two in pairs
    )


def _may_be_paper(
    off: NDArray[np.int16], out: NDArray[np.bool_], part: Look, u: NDArray[np.float32], v: NDArray[np.float32]
) -> bool:
    """Whether what is next to the part may be plain paper, which is seen at 128 px as well as at 256."""
    return share_of(off[out & lies_in(part, u, v, -_NEXT)] < _PLAIN) > _GAP_ROUGHLY


def _is_drawn(whole: Look, map_: Map, part: Look) -> bool:
    """Whether plain paper is all around the part, and beyond it shapes of few plain colours, as on a page of an app.

    The part may fade into the paper, as a thing on white does. A photograph goes on in other ways, and a page of text
    goes on like this, so that nothing is said of those.
    """
    image = whole.rgb
    height, width = image.shape[:2]
    u, v = apply(map_, *grid(height, width, SIDE))
    out, beyond = ~lies_in(part, u, v, -_EDGE), ~lies_in(part, u, v, -_NEXT)
    off = _off_common(image, out)
    gap, shapes = out & ~beyond, beyond & (off > 2 * _PLAIN)
    if not gap.any() or share_of(off[gap] < _PLAIN) < _GAP:
        return False
    inner = around(around(shapes, np.minimum), np.minimum)
    found = np.count_nonzero(inner)
    if found < _LEAST_SHAPES * np.count_nonzero(out):
        return False
    channels = [image[..., channel] for channel in range(3)]
    steps = np.maximum.reduce([around(one, np.maximum) - around(one, np.minimum) for one in channels])
    colours = np.bincount((image[inner] // 16).astype(np.intp) @ [1, 16, 256])
    is_plain = share_of(steps[inner] <= _STEP) > _PLAIN_SHAPES and np.sort(colours)[-3:].sum() > _FEW_COLOURS * found
    own = lies_in(part, u, v, _EDGE) & (off > 2 * _PLAIN)
    is_photo = own.any() and share_of(steps[own] <= _STEP) < _PHOTO
    return bool(is_plain and is_photo and not holds_text(image))


def _is_clear_paper(one: _Side, two: _Side) -> bool:
    """Whether paper is all along two sides, and the picture ends in steps on both."""
    return min(one.plain, two.plain) > _CLEAR_PAPER and min(one.rim, two.rim) > _LITTLE_OFF and one.rim + two.rim > 1


def _is_margin(whole: Look, map_: Map, part: Look, sides: dict[str, _Side]) -> bool:
    """Whether a drawn ground is all around the part, and nothing beyond but shapes in a few inks on opposite sides.

    Light, grain and compression leave noise in the plain grounds of photographs, and a photograph that goes on has more
    colours than mixtures of the ground with a few inks. A page of text goes on like this, so that it is left out.
    """
    if len(sides) < 4 or min(side.ends for side in sides.values()) < _CLEAR_PAPER:  # noqa: PLR2004
        return False
    height, width = whole.rgb.shape[:2]
    u, v = apply(map_, *grid(height, width, SIDE))
    out, gap = ~lies_in(part, u, v, -_CLEAR), lies_in(part, u, v, -_NEXT)
    if not (out & gap).any():
        return False
    ground = np.median(whole.rgb[out], 0).astype(np.int16)
    away = whole.rgb - ground
    off = np.abs(away).max(2)
    is_plain = off <= _PLAIN
    if is_plain[out & gap].mean() < _PLAIN_ALL or off[out & is_plain].mean() > _NO_NOISE:
        return False
    shapes, area = out & ~is_plain, np.count_nonzero(out)
    if not shapes.any():
        return True
    sides_of = [np.count_nonzero(shapes & (depth > 0)) for depth in (-u, u - part.sides[0], -v, v - part.sides[1])]
    is_around = max(min(sides_of[:2]), min(sides_of[2:])) > _LEAST_SIDE * area
    if not is_around or np.count_nonzero(shapes) < _LEAST_DRAWN * area or holds_text(part.rgb):
        return False
    return _share_inked(away[shapes].astype(np.float32)) > _ALL_INKED


def _share_inked(away: NDArray[np.float32]) -> float:
    """Share of the colours (n, 3), relative to the ground, that are mixtures of the ground with one of a few inks."""
    left = np.ones(len(away), np.bool_)
    for _ in range(_INKS):
        if np.count_nonzero(left) < _FREQUENT * len(away):
            break
        bins = ((away[left] + 256) // _INK_BIN).astype(np.intp) @ [1, 32, 1024]
        ink = np.median(away[left][bins == np.bincount(bins).argmax()], 0)
        along = np.clip(away @ ink / max(1.0, float(ink @ ink)), 0, _OVERSHOOT)
        left &= np.abs(away - along[:, None] * ink).max(1) > _NEAR_INK
    return 1 - float(left.mean())
