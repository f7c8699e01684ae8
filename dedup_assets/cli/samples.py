"""Sample photographs with made copies: a small collection whose copies are known.

The photographs are files in scikit-image's wheel (extra `[samples]`); nothing is downloaded, and scikit-image is not
imported. Each call makes the same files. No file that the demo did not make is deleted or overwritten.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from dedup_assets.engine.core.errors import InputError

MARKER = "dedup-demo.json"  # marks a folder of the demo: the sha256 of each sample
PHOTOS = "photos"

_COPIED = (
    *("astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "coins.png", "gravel.png"),
    *("hubble_deep_field.jpg", "microaneurysms.png", "retina.jpg", "rocket.jpg", "text.png"),
)
_ALONE = ("clock_motion.png", "coffee.png", "grass.png", "ihc.png", "moon.png", "page.png")
_STEREO = ("motorcycle_left.png", "motorcycle_right.png")


class CopyKind(StrEnum):
    """How a copy differs from its original."""

    EXACT = "exact copy, other name"
    RECOMPRESSED = "recompressed as JPEG"
    RESIZED = "resized to a half"
    CROPPED = "cropped by 5 % a side"
    BRIGHTENED = "brightened by 30 %"
    MIRRORED = "mirrored"
    STEREO = "seen by a second camera"


@dataclass(frozen=True)
class Sample:
    """One sample file and the truth about it.

    Attributes:
        path: relative to the folder of photographs.
        subject: what it shows; files of one subject are copies of each other. Empty for a broken file.
        kind: how it differs from the original of its subject; None for an original and for a broken file.
        copied: whether its subject has more than one file.
    """

    path: str
    subject: str
    kind: CopyKind | None = None
    copied: bool = False

    @property
    def broken(self) -> bool:
        """Whether it is a file that no image can be read from."""
        return not self.subject


def make_samples(folder: str) -> list[Sample]:
    """Write the photographs, their copies and two broken files to `folder`/photos.

    Args:
        folder: new, empty, or made by an earlier call, whose files are kept.

    Returns:
        The truth: one sample per file.

    Raises:
        InputError: scikit-image is not installed, or the folder holds files that this function did not make.
    """
    root = Path(folder)
    contents = dict(_contents(_photographs()))
    try:
        _claim(root, {sample.path: hashlib.sha256(content).hexdigest() for sample, content in contents.items()})
        for sample, content in contents.items():
            path = root / PHOTOS / sample.path
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, content)
    except OSError as error:
        raise InputError(f"{folder!r}: cannot be written to: {error.strerror}; name another folder") from None
    return list(contents)


def _photographs() -> Path:
    """The folder of photographs in scikit-image, found without importing it."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise InputError("the sample photographs come with scikit-image: pip install 'dedup-assets[samples]'")
    data = Path(spec.origin).parent / "data"
    missing = [name for name in (*_COPIED, *_ALONE, *_STEREO) if not (data / name).is_file()]
    if missing:
        raise InputError(f"{str(data)!r} lacks {', '.join(missing)}: pip install -U 'dedup-assets[samples]'")
    return data


def _claim(root: Path, digests: dict[str, str]) -> None:
    """Mark the folder as the demo's, after checking that it holds only files of the demo."""
    marker = root / MARKER
    if root.exists() and not root.is_dir():
        raise InputError(f"{str(root)!r} is a file; name a folder that is new or empty")
    if marker.is_file():
        try:
            ours = json.loads(marker.read_text("utf-8"))
        except ValueError:
            ours = None
        if ours != digests:
            raise InputError(f"{str(root)!r} was made by another version of the demo; name a folder that is new")
        for path in (path for path in (root / PHOTOS).rglob("[!.]*") if path.is_file()):
            name = path.relative_to(root / PHOTOS).as_posix()
            if hashlib.sha256(path.read_bytes()).hexdigest() != digests.get(name):
                raise InputError(f"{str(path)!r} was not made by the demo, or was changed; name a folder that is new")
        return
    if root.is_dir() and any(root.iterdir()):
        raise InputError(f"{str(root)!r} holds files that the demo did not make; name a folder that is new or empty")
    root.mkdir(parents=True, exist_ok=True)
    _write(marker, json.dumps(digests, indent=1).encode())


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. The unfinished file is hidden, so that no listing takes it for an image."""
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)  # noqa: PTH105 - the same call, with the two names beside each other


def _contents(data: Path) -> Iterator[tuple[Sample, bytes]]:
    for name in _COPIED:
        subject = Path(name).stem
        yield Sample(f"originals/{name}", subject, copied=True), (data / name).read_bytes()
        for copy, path, content in _copies(data / name):
            yield Sample(path, subject, copy, copied=True), content
    for name in _ALONE:
        yield Sample(f"originals/{name}", Path(name).stem), (data / name).read_bytes()
    for name in _STEREO:
        view = None if name == _STEREO[0] else CopyKind.STEREO
        yield Sample(f"originals/{name}", "motorcycle", view, copied=True), (data / name).read_bytes()
    whole = (data / "rocket.jpg").read_bytes()
    yield Sample("broken/truncated.jpg", ""), whole[: len(whole) // 3]
    yield Sample("broken/no image.jpg", ""), b"These are words in a file that calls itself a photograph.\n"


def _copies(original: Path) -> Iterator[tuple[CopyKind, str, bytes]]:
    """Yield each copy of a photograph: its kind, path and content."""
    from PIL import Image, ImageEnhance, ImageOps  # only the demo needs it, and every command imports this module

    name = original.stem
    yield CopyKind.EXACT, f'exact/{name}, a "copy"{original.suffix}', original.read_bytes()
    with Image.open(original) as opened:
        photo = opened.convert("RGB")
    width, height = photo.size
    edge_x, edge_y = width // 20, height // 20
    edited = {
        CopyKind.RECOMPRESSED: (photo, 40),
        CopyKind.RESIZED: (photo.resize((width // 2, height // 2), Image.Resampling.LANCZOS), 90),
        CopyKind.CROPPED: (photo.crop((edge_x, edge_y, width - edge_x, height - edge_y)), 90),
        CopyKind.BRIGHTENED: (ImageEnhance.Brightness(photo).enhance(1.3), 90),
        CopyKind.MIRRORED: (ImageOps.mirror(photo), 90),
    }
    for kind, (picture, quality) in edited.items():
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        yield kind, f"{kind.name.lower()}/{name}.jpg", file.getvalue()
