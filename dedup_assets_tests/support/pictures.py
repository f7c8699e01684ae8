"""Pictures that tests make."""

import os
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw


def photo_like(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A picture with smooth colours, edges and texture, unlike that of any other seed."""
    return _photo_like(seed, width, height).copy()


@cache  # hundreds of tests use the same few
def _photo_like(seed: int, width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    colours = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    picture = colours.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        left, top = rng.integers(0, width), rng.integers(0, height)
        size = rng.integers(20, 90, 2)
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape(
            (int(left), int(top), int(left + size[0]), int(top + size[1])), fill=tuple(rng.integers(0, 256, 3).tolist())
        )
    grain = rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def save_jpeg(path: Path, picture: Image.Image, quality: int = 92) -> Path:
    """Save a picture as JPEG; creates its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, "JPEG", quality=quality)
    return path


def note_in(path: Path, text: bytes) -> None:
    """Write a comment into a JPEG: other bytes, the same pixels."""
    data, length = path.read_bytes(), (len(text) + 2).to_bytes(2, "big")
    path.write_bytes(data[:2] + b"\xff\xfe" + length + text + data[2:])


class SavePhoto(Protocol):
    """The signature of the fixture `save_photo`."""

    def __call__(self, path: Path | bytes, seed: int = 0, *, side: int = 24) -> bytes:
        """Save a picture in the format of its extension (PNG without one); returns the bytes of the path."""


def save_photo_as_named(path: Path | bytes, seed: int = 0, *, side: int = 24) -> bytes:
    """The function behind the fixture `save_photo`."""
    name = os.fsencode(path)
    noise = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), np.uint8)
    picture = Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path of bytes does not exist
    os.makedirs(os.path.dirname(name), exist_ok=True)  # noqa: PTH103, PTH120 - likewise
    with open(name, "wb") as file:  # noqa: PTH123 - likewise
        picture.save(file, "JPEG" if ending in {b".jpg", b".jpeg"} else "PNG")
    return name
