"""Edited views of a photograph, as people and platforms edit them, each PIXELS square.

Most views have one edit, as most copies do; some have several. At most one view of a pair is a half-size crop, because
two such crops may share nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.model import PIXELS

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
Edit = Callable[[Picture, Generator], Picture]
FONTS = 8


def colour(r: Generator) -> Colour:
    """A plain colour (60 %) or any colour."""
    if r.random() < 0.6:
        return ((255,) * 3, (0,) * 3, (128,) * 3, (24, 26, 30), (240, 242, 245))[r.integers(5)]
    red, green, blue = (int(v) for v in r.integers(0, 256, 3))
    return red, green, blue


def window(x: Picture, r: Generator, wide: float, high: float) -> Picture:
    """A window of the given share of the width and height."""
    h, w = x.shape[:2]
    top, left = int(r.uniform(0, 1 - high) * h), int(r.uniform(0, 1 - wide) * w)
    return x[top : top + max(8, int(high * h)), left : left + max(8, int(wide * w))]


def half_crop(x: Picture, r: Generator) -> Picture:
    """About half of each side."""
    return window(x, r, r.uniform(0.44, 0.62), r.uniform(0.44, 0.62))


def crop(x: Picture, r: Generator) -> Picture:
    """Most of each side."""
    return window(x, r, r.uniform(0.6, 0.95), r.uniform(0.6, 0.95))


def flip(x: Picture, r: Generator) -> Picture:
    """Mirrored left to right or top to bottom."""
    return np.ascontiguousarray(x[:, ::-1] if r.random() < 0.5 else x[::-1])


def quarter(x: Picture, r: Generator) -> Picture:
    """A turn by 90, 180 or 270 degrees."""
    return np.ascontiguousarray(np.rot90(x, int(r.integers(1, 4))))


def rotate(x: Picture, r: Generator) -> Picture:
    """A turn by up to 40 degrees, on a larger sheet or cut off."""
    h, w = x.shape[:2]
    angle = r.uniform(3, 40) * r.choice([-1, 1])
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1.0)
    wide, high = w, h
    if r.random() < 0.75:
        cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
        wide, high = int(h * sine + w * cosine), int(h * cosine + w * sine)
        turn[:, 2] += (wide - w) / 2, (high - h) / 2
    fill = (0, 0, 0) if r.random() < 0.6 else colour(r)
    return cv2.warpAffine(x, turn, (wide, high), borderValue=fill)


def border(x: Picture, r: Generator) -> Picture:
    """Bars on all sides or two."""
    h, w = x.shape[:2]
    sides = [int(r.uniform(0.04, 0.25) * v) for v in (h, h, w, w)]
    if r.random() < 0.5:
        sides = [sides[0]] * 2 + [sides[2]] * 2
    if r.random() < 0.3:
        sides[:2] = 0, 0
    return cv2.copyMakeBorder(np.ascontiguousarray(x), *sides, cv2.BORDER_CONSTANT, value=colour(r))


def page(x: Picture, r: Generator) -> Picture:
    """The photograph inside a drawn page: a bar, a round avatar, lines of text around it."""
    h, w = x.shape[:2]
    margin, bar = int(w * r.uniform(0.02, 0.16)), int(h * r.uniform(0.06, 0.3))
    below = int(bar * r.uniform(0.8, 2))
    shade = colour(r)
    ink = (90, 90, 95) if shade[0] > 110 else (190, 190, 195)
    sheet = np.empty((h + bar + below, w + 2 * margin, 3), np.uint8)
    sheet[:] = shade
    cv2.rectangle(sheet, (0, 0), (sheet.shape[1], bar // 3), colour(r), -1)
    if r.random() < 0.6:
        cv2.circle(sheet, (margin + bar // 6, int(bar * 0.65)), max(2, bar // 6), ink, -1)
    for line in range(int(r.integers(0, 5))):
        y = bar + h + below // 6 + line * max(3, below // 5)
        end = (margin + int(w * r.uniform(0.2, 1)), y + max(1, below // 18))
        cv2.rectangle(sheet, (margin, y), end, ink, -1)
    sheet[bar : bar + h, margin : margin + w] = x
    return sheet


def overlay(x: Picture, r: Generator) -> Picture:
    """Words and boxes on top."""
    x = x.copy()
    h, w = x.shape[:2]
    for _ in range(int(r.integers(1, 5))):
        left, top = int(r.uniform(-0.1, 0.7) * w), int(r.uniform(0.05, 1) * h)
        words = "".join(chr(c) for c in r.integers(33, 123, int(r.integers(4, 30))))
        size = max(h, w) / 384 * r.uniform(0.3, 1.3)
        cv2.putText(x, words, (left, top), int(r.integers(FONTS)), size, colour(r), int(r.integers(1, 3)))
    if r.random() < 0.6:
        wide, high = r.uniform(0.1, 0.4) * w, r.uniform(0.08, 0.35) * h
        left, top = r.uniform(0, w - wide), r.uniform(0, h - high)
        cv2.rectangle(x, (int(left), int(top)), (int(left + wide), int(top + high)), colour(r), -1)
    return x


def gray(x: Picture, r: Generator) -> Picture:
    """Without colour, or toned."""
    y = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[:, :, None].astype(np.float32)
    tone = r.uniform(0.8, 1.1, 3) if r.random() < 0.2 else np.ones(3)
    return np.clip(y * tone, 0, 255).astype(np.uint8)


def recolour(x: Picture, r: Generator) -> Picture:
    """Other brightness, contrast, saturation, colour cast."""
    y = x.astype(np.float32) * r.uniform(0.5, 1.6)
    if r.random() < 0.5:
        middle = y.mean()
        y = middle + (y - middle) * r.uniform(0.6, 1.5)
    if r.random() < 0.7:
        flat = y @ np.array([0.299, 0.587, 0.114], np.float32)
        y = flat[:, :, None] + (y - flat[:, :, None]) * r.uniform(0.2, 2.0)
    if r.random() < 0.3:
        y = y * r.uniform(0.8, 1.2, (1, 1, 3))
    return np.clip(y, 0, 255).astype(np.uint8)


def blur(x: Picture, r: Generator) -> Picture:
    """Out of focus, in proportion to the size."""
    return cv2.GaussianBlur(x, (0, 0), max(x.shape) / PIXELS * r.uniform(0.5, 1.8))


def downscale(x: Picture, r: Generator) -> Picture:
    """Saved small."""
    small = int(r.integers(48, 140))
    return cv2.resize(x, (small, small), interpolation=cv2.INTER_AREA)


def recompress(x: Picture, r: Generator) -> Picture:
    """Saved as a poor JPEG."""
    quality = int(r.integers(8, 60))
    data = cv2.imencode(".jpg", x[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1]


EDITS: dict[Edit, float] = {
    crop: 4,
    flip: 3,
    quarter: 0.7,
    rotate: 4,
    border: 3,
    page: 3,
    overlay: 2,
    gray: 3,
    recolour: 3,
    blur: 2,
    downscale: 1,
    recompress: 1.5,
}
SHAPE: tuple[Edit, ...] = (crop, flip, quarter, rotate, border, page, overlay)


def fit(x: Picture, r: Generator) -> Picture:
    """Resize as decoders and thumbnailers do, sharp or smooth."""
    smooth = r.random() < 0.65 and min(x.shape[:2]) > PIXELS
    how = cv2.INTER_AREA if smooth else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(x), (PIXELS, PIXELS), interpolation=how)


def apply(x: Picture, edits: list[Edit], r: Generator) -> Picture:
    """Edits that change the shape at full size, in the given order; the others on the small picture."""
    for edit in edits:
        if edit in SHAPE or edit is half_crop:
            x = edit(x, r)
    x = fit(x, r)
    for edit in edits:
        if edit not in SHAPE and edit is not half_crop:
            x = edit(x, r)
    return x if x.shape[0] == PIXELS else cv2.resize(np.ascontiguousarray(x), (PIXELS, PIXELS))


def draw_edits(r: Generator, without: tuple[Edit, ...] = ()) -> list[Edit]:
    """None, one, or a few edits."""
    names = [edit for edit in EDITS if edit not in without]
    weights = np.array([EDITS[edit] for edit in names])
    count = int(r.choice([0, 1, 2, 3], p=[0.12, 0.6, 0.18, 0.1]))
    order = r.choice(len(names), count, replace=False, p=weights / weights.sum())
    return [names[i] for i in order]


def pair(x: Picture, r: Generator) -> tuple[Picture, Picture]:
    """Two views of one photograph."""
    if r.random() < 0.42:
        first = [half_crop, *(draw_edits(r, (crop,)) if r.random() < 0.35 else [])]
        second = draw_edits(r, (crop,) if r.random() < 0.7 else ())
    else:
        first, second = draw_edits(r), draw_edits(r)
    return apply(x, first, r), apply(x, second, r)
