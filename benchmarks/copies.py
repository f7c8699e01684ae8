"""Test data: edited copies of photographs, with the group of each file in its name (GROUP_KIND.jpg).

`geometric` makes 6 files per photograph, by the transformations of the UKBench-transformed set that published
comparisons use. `edits` makes 10, by what messengers, editors and web pages do to photographs. `large` and `screens`
make 3, see `large_copies`. A copy depends only on its photograph and on the photograph's position in the sorted source.
"""

import hashlib
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from benchmarks.large_copies import large, screens

Photo = Image.Image
Copies = Iterator[tuple[str, Photo, int]]  # kind, picture, JPEG quality; 0: PNG

_ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
_OWN_QUALITY, _QUALITY = 95, 90  # of the photograph, and of its copies
ORIGINAL = "original"
"""The kind of the photograph itself."""


class DataError(Exception):
    """The source holds no photographs, or the target cannot be used."""


def group_of(path: str | os.PathLike[str]) -> str:
    """The group of a file, from its name; two files of one group are a true pair."""
    return Path(path).name.split("_", 1)[0]


def kind_of(path: str | os.PathLike[str]) -> str:
    """What was done to a photograph, from the name of the file."""
    return Path(path).stem.split("_", 1)[-1]


def prepare(protocol: str, source: Path, work: Path, limit: int = 0) -> Path:
    """Make the copies of a protocol, once: a later call with the same source finds them.

    Args:
        protocol: a key of `PROTOCOLS`.
        source: folder of photographs, searched recursively.
        work: where the folder of copies goes.
        limit: use only the first `limit` photographs; 0 means all.

    Returns:
        The folder of copies.

    Raises:
        DataError: there are no photographs, or `work` lies among them.
    """
    if work.resolve().is_relative_to(source.resolve()):
        raise DataError(f"{str(work)!r} lies inside {str(source)!r}: copies would be taken for photographs")
    photos = sorted(path for path in source.rglob("*") if path.suffix.lower() in _ENDINGS and path.is_file())
    photos = photos[:limit] if limit else photos
    if not photos:
        raise DataError(f"{str(source)!r} holds no photographs ({', '.join(sorted(_ENDINGS))})")
    listing = "\n".join(f"{path.relative_to(source)} {path.stat().st_size}" for path in photos)
    digest = hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    target = work / "images" / f"{protocol}-{len(photos)}-{digest}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = [pool.submit(_write_group, PROTOCOLS[protocol], *group, unfinished) for group in enumerate(photos)]
            for group in made:
                group.result()
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _write_group(make: Callable[[Photo, random.Random], Copies], group: int, path: Path, target: Path) -> None:
    rng = random.Random(group)  # noqa: S311 - repeatable, not secret
    with Image.open(path) as opened:
        photo = ImageOps.exif_transpose(opened).convert("RGB")
    for kind, picture, quality in make(photo, rng):
        name, rgb = f"{group:05d}_{kind}", picture.convert("RGB")
        if quality:
            rgb.save(target / f"{name}.jpg", quality=quality)
        else:
            rgb.save(target / f"{name}.png")


def geometric(photo: Photo, rng: random.Random) -> Copies:
    """Cropped to three quarters of each side, mirrored, flipped, turned by 25 degrees, squashed to a small square."""
    yield ORIGINAL, photo, _OWN_QUALITY
    yield "crop", _cut(photo, 0.75, rng), _QUALITY
    yield "mirror", ImageOps.mirror(photo), _QUALITY
    yield "flip", ImageOps.flip(photo), _QUALITY
    yield "turn", photo.rotate(25, expand=True, resample=Image.Resampling.BICUBIC), _QUALITY
    yield "square", photo.resize((250, 250)), _QUALITY


def edits(photo: Photo, rng: random.Random) -> Copies:
    """Recompressed, shrunk, gray, toned, blurred, captioned, bordered, cropped to half of each side, on a page."""
    width, height = photo.size
    yield ORIGINAL, photo, _OWN_QUALITY
    yield "recompress", photo, 20
    yield "shrink", photo.resize((max(32, width // 3), max(32, height // 3))), _QUALITY
    yield "gray", ImageOps.grayscale(photo), _QUALITY
    brightness, colour = rng.choice((0.6, 1.5)), rng.choice((0.4, 1.8))
    yield "tone", ImageEnhance.Color(ImageEnhance.Brightness(photo).enhance(brightness)).enhance(colour), _QUALITY
    yield "blur", photo.filter(ImageFilter.GaussianBlur(max(width, height) / 150)), _QUALITY
    yield "caption", _captioned(photo, rng), _QUALITY
    border = rng.choice(("white", "black", "gray"))
    yield "border", ImageOps.expand(photo, (width // 6, height // 6), fill=border), _QUALITY
    yield "half", _cut(photo, 0.5, rng), _QUALITY
    yield "page", _on_page(photo, rng), _QUALITY


PROTOCOLS = {"geometric": geometric, "edits": edits, "large": large, "screens": screens}


def _cut(photo: Photo, share: float, rng: random.Random) -> Photo:
    width, height = int(photo.width * share), int(photo.height * share)
    left, top = rng.randint(0, photo.width - width), rng.randint(0, photo.height - height)
    return photo.crop((left, top, left + width, top + height))


def _colour(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def _captioned(photo: Photo, rng: random.Random) -> Photo:
    """Lines of text and an opaque sign in the lower right corner."""
    marked = photo.copy()
    draw = ImageDraw.Draw(marked)
    width, height = photo.size
    for _ in range(3):
        draw.text((rng.randrange(max(1, width // 2)), rng.randrange(height)), "for sale, half price " * 2, _colour(rng))
    draw.rectangle((width * 0.6, height * 0.7, width * 0.95, height * 0.95), fill=_colour(rng))
    return marked


def _on_page(photo: Photo, rng: random.Random) -> Photo:
    """The photograph inside a drawn page, as a screenshot shows it: a bar, a round face, the picture, lines of text."""
    width, height = photo.size
    paper, ink = rng.choice((((255, 255, 255), (90, 90, 95)), ((25, 26, 30), (190, 190, 195))))
    margin, bar = max(4, width // 12), max(10, height // 6)
    page = Image.new("RGB", (width + 2 * margin, height + 5 * bar // 2), paper)
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, page.width, bar // 3), fill=_colour(rng))
    draw.ellipse((margin, bar // 2, margin + bar // 3, bar // 2 + bar // 3), fill=ink)
    for line in range(3):
        top = bar + height + bar // 4 + line * bar // 4
        draw.rectangle((margin, top, margin + width * rng.uniform(0.3, 1), top + max(1, bar // 14)), fill=ink)
    page.paste(photo, (margin, bar))
    return page
