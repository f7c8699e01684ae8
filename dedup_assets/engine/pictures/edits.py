"""Twelve edits that people make to photographs, to measure which copies a collection's similarities find.

An edit depends on the picture and on the numbers that it draws, so that the same file gives the same copies.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.pictures.resizing import resize

Picture = NDArray[np.uint8]
Edit = Callable[[Picture, np.random.Generator], Picture]

QUALITY = 90
"""Quality of the JPEG that a copy is saved as; `QUALITIES` has the others."""
QUALITIES = {"recompressed": 20}

_SMALLEST = 32  # px, of a shrunk side
_LIGHT = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def _scaled(picture: Picture, share: float) -> Picture:
    height, width = picture.shape[:2]
    return resize(picture, (max(_SMALLEST, round(height * share)), max(_SMALLEST, round(width * share))))


def _cut(picture: Picture, share: float, random: np.random.Generator) -> Picture:
    height, width = (max(1, int(side * share)) for side in picture.shape[:2])
    top, left = (
        int(random.integers(0, whole - part + 1))
        for whole, part in zip(picture.shape[:2], (height, width), strict=True)
    )
    return picture[top : top + height, left : left + width]


def _gray(picture: Picture) -> Picture:
    light = np.rint(picture @ _LIGHT).astype(np.uint8)
    gray: Picture = np.repeat(light[..., None], 3, axis=2)
    return gray


def _toned(picture: Picture, random: np.random.Generator) -> Picture:
    toned = picture.astype(np.float32) * random.choice([0.6, 1.5])
    levels: Picture = np.clip(np.rint(toned), 0, 255).astype(np.uint8)
    return levels


def _blurred(picture: Picture) -> Picture:
    """As a picture that was stored at a quarter of its size and is shown in full."""
    return resize(_scaled(picture, 0.25), (picture.shape[0], picture.shape[1]))


def _bordered(picture: Picture, random: np.random.Generator) -> Picture:
    height, width = picture.shape[:2]
    rim = ((height // 6, height // 6), (width // 6, width // 6), (0, 0))
    return np.pad(picture, rim, constant_values=int(random.choice([0, 128, 255])))


def _covered(picture: Picture, random: np.random.Generator) -> Picture:
    """Bars like lines of text, and an opaque sign in the lower right corner."""
    covered = picture.copy()
    height, width = picture.shape[:2]
    colours = random.integers(0, 256, (4, 3), np.uint8)
    for colour in colours[:3]:
        top, left = int(random.integers(0, height)), int(random.integers(0, max(1, width // 2)))
        covered[top : top + max(1, height // 30), left : left + width // 2] = colour
    covered[int(height * 0.7) : int(height * 0.95), int(width * 0.6) : int(width * 0.95)] = colours[3]
    return covered


EDITS: dict[str, Edit] = {
    "recompressed": lambda picture, _: picture,
    "shrunk": lambda picture, _: _scaled(picture, 1 / 3),
    "cropped": lambda picture, random: _cut(picture, 0.75, random),
    "cropped_to_half": lambda picture, random: _cut(picture, 0.5, random),
    "mirrored": lambda picture, _: picture[:, ::-1],
    "rotated_90": lambda picture, _: np.rot90(picture),
    "rotated_180": lambda picture, _: picture[::-1, ::-1],
    "gray": lambda picture, _: _gray(picture),
    "lighter_or_darker": _toned,
    "blurred": lambda picture, _: _blurred(picture),
    "border_added": _bordered,
    "covered_in_part": _covered,
}
"""Each edit of (h, w, 3) uint8 RGB, by its name."""
