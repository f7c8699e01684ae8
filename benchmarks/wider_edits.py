"""Twenty-eight edits of photographs, each with what a comparison should say of it.

They go further than the copies of `copies`: small crops, collages, photographs of screens, strong blur, negatives. An
edit depends only on its photograph and on the photograph's position.
"""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from benchmarks.copies import Photo

Make = Callable[[Photo, Photo, random.Random], Photo]
"""Makes the edited picture from a photograph, and another one that stands beside it."""


_WORDS = ("WHEN YOU", "ONE DOES", "NOT SIMPLY", "AND THEN", "IT WORKS", "NOBODY", "EVER", "LOOKS", "AGAIN", "MONDAY")


@dataclass(frozen=True)
class WiderEdit:
    """One way to edit a photograph.

    Attributes:
        make: see `Make`.
        said: words that must be said of it, each with its number; None where the words have none, or where it may vary.
        may: further words that are true of it.
        quality: of the JPEG.
    """

    make: Make
    said: Mapping[str, float | None] = field(default_factory=dict)
    may: frozenset[str] = frozenset()
    quality: int = 90


def _crop(photo: Photo, share: float, rng: random.Random) -> Photo:
    side = math.sqrt(share)
    width, height = round(photo.width * side), round(photo.height * side)
    left, top = rng.randint(0, photo.width - width), rng.randint(0, photo.height - height)
    return photo.crop((left, top, left + width, top + height))


def _turn(photo: Photo, degrees: float) -> Photo:
    """Turned clockwise on a larger, black canvas."""
    return photo.rotate(-degrees, expand=True, resample=Image.Resampling.BICUBIC)


def _turn_and_cut(photo: Photo, degrees: float) -> Photo:
    """Turned clockwise, cut to the largest frame of the same shape without corners."""
    sine, cosine = abs(math.sin(math.radians(degrees))), abs(math.cos(math.radians(degrees)))
    width, height = photo.size
    share = min(width / (width * cosine + height * sine), height / (width * sine + height * cosine))
    across, down = (1 - share) * width / 2 + 1, (1 - share) * height / 2 + 1
    turned = photo.rotate(-degrees, resample=Image.Resampling.BICUBIC)
    return turned.crop((round(across), round(down), round(width - across), round(height - down)))


def _meme(photo: Photo, rng: random.Random) -> Photo:
    """White capitals with a black rim above and below."""
    marked = photo.copy()
    draw, size = ImageDraw.Draw(marked), max(12, photo.width // 14)
    for top in (0.02, 0.97 - size / photo.height):
        text = " ".join(rng.sample(_WORDS, 4))
        place = (photo.width / 2, top * photo.height)
        draw.text(place, text, "white", anchor="ma", font_size=size, stroke_width=2, stroke_fill="black")
    return marked


def _beside(photos: list[Photo]) -> Photo:
    """A collage of equal tiles, two in a row."""
    width, height = photos[0].size
    collage = Image.new("RGB", (2 * width, height * (len(photos) // 2)))
    for n, photo in enumerate(photos):
        collage.paste(photo.resize((width, height)), (n % 2 * width, n // 2 * height))
    return collage


def _inset(photo: Photo, other: Photo, rng: random.Random) -> Photo:
    """The photograph, a quarter as wide, in another one."""
    whole = other.resize(photo.size)
    small = photo.resize((photo.width // 4, photo.height // 4), Image.Resampling.LANCZOS)
    whole.paste(small, (rng.randint(0, photo.width - small.width), rng.randint(0, photo.height - small.height)))
    return whole


def _from_aside(picture: Photo, reach: int, rng: random.Random) -> Photo:
    """The picture seen in perspective: each corner of the frame shows a place up to `reach` px off its own."""
    width, height = picture.size
    known, wanted = [], []
    for x, y in ((0, 0), (width, 0), (width, height), (0, height)):
        u, v = abs(x - rng.uniform(0, reach)), abs(y - rng.uniform(0, reach))
        known += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    map_ = np.linalg.solve(np.array(known, float), np.array(wanted))
    return picture.transform(picture.size, Image.Transform.PERSPECTIVE, map_.tolist(), Image.Resampling.BICUBIC)


def photograph_screen(photo: Photo, rng: random.Random) -> Photo:
    """The photograph on a screen, taken by hand: perspective, a dark rim, bands of moire, the screen's light, noise."""
    width, height = photo.size
    values = np.asarray(photo.convert("RGB"), np.float32) / 255
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    noise = np.random.default_rng(rng.randrange(2**32))
    bands = np.zeros((height, width, 3), np.float32)
    for channel in range(3):
        across, down = rng.uniform(-0.15, 0.15), rng.uniform(-0.5, 0.5)
        bands[..., channel] = np.sin(across * x + down * y + rng.uniform(0, 6))
    tint = np.array([rng.uniform(0.85, 1), rng.uniform(0.92, 1), rng.uniform(0.95, 1.1)], np.float32)
    lit = values ** np.float32(rng.uniform(0.8, 1.3)) * tint * (1 + rng.uniform(0.02, 0.07) * bands)
    lit = 0.06 + 0.88 * lit * (1 - 0.15 * (x / width - rng.uniform(0.2, 0.8)) ** 2)[:, None]
    screen = Image.fromarray(np.clip(255 * lit, 0, 255).astype(np.uint8))
    rim = round(0.06 * width)
    framed = ImageOps.expand(ImageOps.expand(screen, rim // 2, (12, 12, 14)), rim, (70, 64, 58))
    taken = _from_aside(framed, rim, rng)
    taken = taken.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.1)))
    grained = np.asarray(taken, np.float32) + noise.normal(0, rng.uniform(1, 5), (taken.height, taken.width, 3))
    return Image.fromarray(np.clip(grained, 0, 255).astype(np.uint8))


def _shrink(photo: Photo, side: int) -> Photo:
    scale = side / max(photo.size)
    size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    return photo.resize(size, Image.Resampling.LANCZOS)


def _posterise(photo: Photo) -> Photo:
    return ImageOps.posterize(ImageEnhance.Contrast(photo).enhance(1.5), 3)


def _sepia(photo: Photo) -> Photo:
    """Brown tones, darker towards the corners."""
    gray = np.asarray(ImageOps.grayscale(photo), np.float32)[..., None]
    toned = gray * np.array([1.07, 0.9, 0.7], np.float32)
    x, y = np.linspace(-1, 1, photo.width), np.linspace(-1, 1, photo.height)[:, None]
    toned *= (1 - 0.45 * (x * x + y * y) / 2)[..., None]
    return Image.fromarray(np.clip(toned, 0, 255).astype(np.uint8))


def _blur(share: float) -> WiderEdit:
    """Blurred by a share of the width."""
    return WiderEdit(
        lambda photo, _, __: photo.filter(ImageFilter.GaussianBlur(photo.width * share)), {"blurred": None}
    )


def _cropped(share: float) -> WiderEdit:
    return WiderEdit(lambda photo, _, rng: _crop(photo, share, rng), {"cropped": 100 * share})


def _turned(degrees: float) -> WiderEdit:
    return WiderEdit(lambda photo, _, __: _turn(photo, degrees), {"rotated": degrees, "border added": None})


_AROUND = frozenset({"resized"})

WIDER_EDITS: dict[str, WiderEdit] = {
    **{f"crop to {percent} %": _cropped(percent / 100) for percent in (80, 60, 40, 25, 15, 10)},
    **{f"turned {degrees}": _turned(degrees) for degrees in (5, 15, 45)},
    "turned 90": WiderEdit(lambda photo, _, __: photo.transpose(Image.Transpose.ROTATE_270), {"rotated": 90}),
    "turned 10, corners cut": WiderEdit(
        lambda photo, _, __: _turn_and_cut(photo, 10), {"rotated": 10, "cropped": None}
    ),
    "mirrored": WiderEdit(lambda photo, _, __: ImageOps.mirror(photo), {"mirrored": None}),
    "mirrored + crop 50 %": WiderEdit(
        lambda photo, _, rng: _crop(ImageOps.mirror(photo), 0.5, rng), {"mirrored": None, "cropped": 50}
    ),
    "gray + crop 50 %": WiderEdit(
        lambda photo, _, rng: _crop(ImageOps.grayscale(photo).convert("RGB"), 0.5, rng), {"gray": None, "cropped": 50}
    ),
    "meme text": WiderEdit(lambda photo, _, rng: _meme(photo, rng), {"text or overlay added": None}),
    "border 50 % each side": WiderEdit(
        lambda photo, _, rng: ImageOps.expand(
            photo, (photo.width // 2, photo.height // 2), rng.choice(("white", "black", "gray"))
        ),
        {"border added": None},
        _AROUND,
    ),
    "collage of 2": WiderEdit(lambda photo, other, _: _beside([photo, other]), {"cropped": 50}, _AROUND),
    "collage of 4": WiderEdit(
        lambda photo, other, _: _beside([photo, other, ImageOps.mirror(other), ImageOps.flip(other)]),
        {"cropped": 25},
        _AROUND,
    ),
    "picture in picture 25 %": WiderEdit(_inset, {"cropped": 6.25}, _AROUND),
    "photo of a screen": WiderEdit(
        lambda photo, _, rng: photograph_screen(photo, rng),
        {"seen in perspective": None},
        frozenset({"cropped", "border added", "page around added", "recoloured", "blurred", "rotated", "resized"}),
    ),
    "blur 1/60 of width": _blur(1 / 60),
    "blur 1/30 of width": _blur(1 / 30),
    "JPEG 5": WiderEdit(lambda photo, _, __: photo, {"recompressed": None}, quality=5),
    "64 px thumbnail": WiderEdit(lambda photo, _, __: _shrink(photo, 64), {"resized": None}),
    "colour negative": WiderEdit(lambda photo, _, __: ImageOps.invert(photo), {"negative": None}),
    "negative + crop 50 %": WiderEdit(
        lambda photo, _, rng: _crop(ImageOps.invert(photo), 0.5, rng), {"negative": None, "cropped": 50}
    ),
    "posterised + contrast": WiderEdit(lambda photo, _, __: _posterise(photo), {"recoloured": None}),
    "sepia + vignette": WiderEdit(lambda photo, _, __: _sepia(photo), {"recoloured": None}),
}
