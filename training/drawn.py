"""Drawn pages: text, tables, bar charts, line charts, flow charts, windows and logos, no two alike.

Pictures of this kind are rare under clear licences, and a network that has seen only photographs confuses them. These
depend only on the seed, so no licence covers them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
LETTERS = "etaoinshrdlucmfwypvbgkETAOINSHRD0123456789"
PALE: tuple[Colour, ...] = ((255, 255, 255), (250, 250, 246), (240, 242, 245), (24, 26, 30), (40, 44, 52))


def _colour(r: Generator) -> Colour:
    red, green, blue = (int(v) for v in r.integers(0, 256, 3))
    return red, green, blue


def _ink(sheet: Picture) -> Colour:
    return (30, 30, 34) if sheet[0, 0, 0] > 110 else (220, 222, 226)


def _words(r: Generator, letters: int) -> str:
    return "".join(" " if r.random() < 0.17 else LETTERS[r.integers(len(LETTERS))] for _ in range(letters))


def _text(sheet: Picture, r: Generator, left: int, top: int, letters: int, size: float) -> None:
    cv2.putText(sheet, _words(r, letters), (left, top), int(r.integers(4)), size, _ink(sheet), 1, cv2.LINE_AA)


def _paragraphs(sheet: Picture, r: Generator) -> None:
    h, w = sheet.shape[:2]
    size, left = r.uniform(0.25, 0.6), int(r.uniform(0.03, 0.15) * w)
    y, step = int(r.uniform(0.05, 0.2) * h), int(r.uniform(10, 24))
    _text(sheet, r, left, y, int(r.integers(6, 26)), size * 1.7)
    while (y := y + step) < 0.97 * h:
        if r.random() < 0.15:
            y += step
        _text(sheet, r, left, y, max(3, int(r.uniform(0.4, 1) * w / (size * 19))), size)


def _table(sheet: Picture, r: Generator) -> None:
    h, w = sheet.shape[:2]
    columns, rows = int(r.integers(2, 8)), int(r.integers(3, 15))
    left, top = int(r.uniform(0.02, 0.12) * w), int(r.uniform(0.02, 0.2) * h)
    edges = left + np.cumsum(np.concatenate([[0], r.dirichlet(np.full(columns, 4.0))])) * (w - 2 * left)
    step, line = (h - top) / (rows + 1), _colour(r)
    cv2.rectangle(sheet, (left, top), (w - left, int(top + step)), line, -1)
    for row in range(rows + 1):
        y = int(top + step * row)
        cv2.line(sheet, (left, y), (w - left, y), line, 1)
        for x, end in pairwise(edges):
            if r.random() < 0.85:
                _text(sheet, r, int(x) + 3, int(y + 0.7 * step), max(1, int((end - x) / 9 * r.uniform(0.2, 0.9))), 0.35)
    if r.random() < 0.6:
        for x in edges:
            cv2.line(sheet, (int(x), top), (int(x), h), line, 1)


def _axes(sheet: Picture, r: Generator) -> tuple[int, int, int, int]:
    h, w = sheet.shape[:2]
    left, top, right, bottom = int(0.1 * w), int(r.uniform(0.06, 0.2) * h), int(0.95 * w), int(0.86 * h)
    if r.random() < 0.6:
        for y in np.linspace(top, bottom, int(r.integers(3, 9))):
            cv2.line(sheet, (left, int(y)), (right, int(y)), (190, 190, 190), 1)
            _text(sheet, r, 3, int(y), 3, 0.3)
    cv2.line(sheet, (left, bottom), (right, bottom), _ink(sheet), 1)
    _text(sheet, r, left, top - 5, int(r.integers(5, 30)), 0.45)
    return left, top, right, bottom


def _bars(sheet: Picture, r: Generator) -> None:
    left, top, right, bottom = _axes(sheet, r)
    count, series = int(r.integers(3, 16)), int(r.integers(1, 4))
    shades = [_colour(r) for _ in range(series)]
    slot = (right - left) / count
    for i in range(count):
        for s, shade in enumerate(shades):
            x = left + slot * (i + 0.1 + 0.8 * s / series)
            y = bottom - r.beta(1.5, 1.5) * (bottom - top)
            cv2.rectangle(sheet, (int(x), int(y)), (int(x + 0.72 * slot / series), bottom), shade, -1)
        _text(sheet, r, int(left + slot * i), bottom + 12, 4, 0.3)


def _lines(sheet: Picture, r: Generator) -> None:
    left, top, right, bottom = _axes(sheet, r)
    for _ in range(int(r.integers(1, 6))):
        count = int(r.integers(5, 60))
        walk = np.cumsum(r.normal(0, 1, count)) + r.normal(0, 2)
        y = bottom - (walk - walk.min()) / (np.ptp(walk) + 1e-6) * (bottom - top) * r.uniform(0.3, 1)
        points = np.stack([np.linspace(left, right, count), y], 1).astype(np.int32)
        cv2.polylines(sheet, [points], False, _colour(r), int(r.integers(1, 4)), cv2.LINE_AA)


def _flow(sheet: Picture, r: Generator) -> None:
    h, w = sheet.shape[:2]
    shade, last = _colour(r), None
    for _ in range(int(r.integers(4, 14))):
        wide, high = int(r.uniform(0.1, 0.28) * w), int(r.uniform(0.06, 0.16) * h)
        x, y = int(r.uniform(0, w - wide)), int(r.uniform(0, h - high))
        if last is not None:
            cv2.arrowedLine(sheet, last, (x, y + high // 2), _ink(sheet), 1, cv2.LINE_AA, tipLength=0.05)
        if r.random() < 0.75:
            cv2.rectangle(sheet, (x, y), (x + wide, y + high), shade, int(r.choice([-1, 1, 2])))
        else:
            cv2.ellipse(sheet, (x + wide // 2, y + high // 2), (wide // 2, high // 2), 0, 0, 360, _colour(r), 2)
        _text(sheet, r, x + 3, y + high // 2 + 3, max(2, wide // 9), 0.35)
        last = (x + wide, y + high // 2)


def _window(sheet: Picture, r: Generator) -> None:
    h, w = sheet.shape[:2]
    bar, side = int(r.uniform(0.04, 0.1) * h), int(r.uniform(0, 0.3) * w)
    cv2.rectangle(sheet, (0, 0), (w, bar), _colour(r), -1)
    cv2.rectangle(sheet, (0, bar), (side, h), _colour(r), -1)
    for y in range(bar + 14, h, int(r.integers(14, 30))):
        _text(sheet, r, 4, y, max(1, side // 10), 0.32)
    inner = sheet[bar + 8 : h - 8, side + 8 : w - 8]
    if min(inner.shape[:2]) > 60:
        _draw_on(inner, r, (_paragraphs, _table, _bars, _flow, _logo))


def _logo(sheet: Picture, r: Generator) -> None:
    h, w = sheet.shape[:2]
    for _ in range(int(r.integers(1, 5))):
        x, y = int(r.uniform(0.25, 0.75) * w), int(r.uniform(0.25, 0.75) * h)
        size, shade = int(r.uniform(0.08, 0.3) * min(h, w)), _colour(r)
        if r.random() < 0.4:
            cv2.circle(sheet, (x, y), size, shade, int(r.choice([-1, size // 4 + 1])), cv2.LINE_AA)
        else:
            angles = np.sort(r.uniform(0, 2 * np.pi, int(r.integers(3, 9))))
            corners = np.stack([x + size * np.cos(angles), y + size * np.sin(angles)], 1)
            cv2.fillPoly(sheet, [corners.astype(np.int32)], shade, cv2.LINE_AA)
    if r.random() < 0.6:
        _text(sheet, r, int(0.15 * w), int(0.9 * h), int(r.integers(3, 14)), r.uniform(0.6, 1.6))


Layout = Callable[[Picture, Generator], None]
LAYOUTS: tuple[Layout, ...] = (_paragraphs, _table, _bars, _lines, _flow, _window, _logo)


def _draw_on(sheet: Picture, r: Generator, layouts: tuple[Layout, ...]) -> None:
    layouts[r.integers(len(layouts))](sheet, r)


def page(seed: int) -> Picture:
    """One page, RGB; the same for the same seed."""
    r = np.random.default_rng(seed)
    wide = int(r.integers(260, 385))
    sheet = np.empty((int(wide * r.uniform(0.6, 1.4)), wide, 3), np.uint8)
    sheet[:] = PALE[r.integers(len(PALE))] if r.random() < 0.8 else _colour(r)
    _draw_on(sheet, r, LAYOUTS)
    return sheet
