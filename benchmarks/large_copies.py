"""Copies of the size that phones and screens make: photographs of 12 to 24 megapixels, and screenshots as PNG.

Collections of small photographs say little about these, because decoding takes most of the time there.
"""

import random
from collections.abc import Iterator

from PIL import Image, ImageChops, ImageDraw, ImageFont

Photo = Image.Image
Copies = Iterator[tuple[str, Photo, int]]  # kind, picture, JPEG quality; 0: PNG

_MEGAPIXELS = (12, 16, 24)
_SCREEN = (1920, 1080)
_DETAIL = 0.3  # of the photograph, side by side in its own size, added to its enlargement
_WORDS = (
    "archive",
    "backup",
    "camera",
    "folder",
    "garden",
    "harbour",
    "invoice",
    "journey",
    "letter",
    "market",
    "river",
)


def large(photo: Photo, rng: random.Random) -> Copies:
    """A photograph of 12, 16 or 24 megapixels with detail in each of them; recompressed, and cut to three quarters."""
    pixels = rng.choice(_MEGAPIXELS) * 1e6
    share = (pixels / (photo.width * photo.height)) ** 0.5
    size = round(photo.width * share), round(photo.height * share)
    enlarged = _with_detail(photo, size)
    yield "original", enlarged, 92
    yield "recompress", enlarged, 60
    width, height = size[0] * 3 // 4, size[1] * 3 // 4
    left, top = rng.randint(0, size[0] - width), rng.randint(0, size[1] - height)
    yield "crop", enlarged.crop((left, top, left + width, top + height)), 90


def screens(photo: Photo, rng: random.Random) -> Copies:
    """A screenshot of a page with the photograph and text; without its bars, and at two thirds of its size."""
    screen = _screen(photo, rng)
    yield "original", screen, 0
    yield "page", screen.crop((0, 80, *_SCREEN)), 0
    yield "shrink", screen.resize((_SCREEN[0] * 2 // 3, _SCREEN[1] * 2 // 3), Image.Resampling.LANCZOS), 0


def _with_detail(photo: Photo, size: tuple[int, int]) -> Photo:
    tiles = Image.new("RGB", size)
    for top in range(0, size[1], photo.height):
        for left in range(0, size[0], photo.width):
            tiles.paste(photo, (left, top))
    detail = tiles.point([round(_DETAIL * value) for value in range(256)] * 3)
    return ImageChops.add(photo.resize(size, Image.Resampling.BICUBIC), detail, offset=-round(_DETAIL * 128))


def _screen(photo: Photo, rng: random.Random) -> Photo:
    paper, ink = rng.choice((((255, 255, 255), (40, 40, 45)), ((25, 26, 30), (220, 220, 225))))
    screen = Image.new("RGB", _SCREEN, paper)
    draw, font = ImageDraw.Draw(screen), ImageFont.load_default(18)
    draw.rectangle((0, 0, _SCREEN[0], 80), fill=(rng.randrange(256), rng.randrange(256), rng.randrange(256)))
    for line in range(36):
        draw.text((1040, 110 + 26 * line), " ".join(rng.choices(_WORDS, k=10)), ink, font)
    share = min(960 / photo.width, 900 / photo.height)
    shown = photo.resize((round(photo.width * share), round(photo.height * share)), Image.Resampling.LANCZOS)
    screen.paste(shown, (40, 110))
    return screen
