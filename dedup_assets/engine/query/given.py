"""What a caller gives as an image, to what a decoding process takes: its bytes, or where it reads them.

Pictures in memory become a file without loss, so that each image takes the same way.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError, SettingsError
from dedup_assets.engine.core.records import ErrorCode, Source
from dedup_assets.engine.decoders.tasks import Undecoded
from dedup_assets.engine.extraction.read_by_name import find_content
from dedup_assets.engine.inputs.containers import split_frame
from dedup_assets.engine.stores import is_url

_RGB = 3
_GRAY_AXES = 2


@dataclass(frozen=True)
class GivenImage:
    """One image that is asked about.

    Attributes:
        label: how it is called in messages.
        file: its bytes, why there are none, or where a decoding process reads it.
        content: SHA-256 in hex of its bytes; None where a decoding process reads them.
    """

    label: str
    file: Undecoded
    content: str | None = None


def given_bytes(data: bytes, label: str) -> GivenImage:
    """An image as the bytes of its file."""
    if not data:
        return GivenImage(label, ImageError(ErrorCode.ZERO_SIZE_FILE, "the file has no bytes"))
    return GivenImage(label, data, hashlib.sha256(data).hexdigest())


def given_array(pixels: NDArray[np.uint8], label: str) -> GivenImage:
    """An image as its pixels.

    Args:
        pixels: (height, width, 3) uint8 RGB, or (height, width) uint8 gray.
        label: how it is called in messages.

    Raises:
        SettingsError: the array has another shape or type.
    """
    is_picture = pixels.ndim == _GRAY_AXES or (pixels.ndim == _GRAY_AXES + 1 and pixels.shape[2] == _RGB)
    if pixels.dtype != np.uint8 or not is_picture or not pixels.size:
        raise SettingsError(
            f"{label}: an array of {pixels.dtype} of shape {pixels.shape}: must be uint8 of shape (height, width, 3) "
            "for RGB, or (height, width) for gray"
        )
    # PPM and PGM: their pixels are those of the array.
    kind = b"P5" if pixels.ndim == _GRAY_AXES else b"P6"
    header = b"%b %d %d 255\n" % (kind, pixels.shape[1], pixels.shape[0])
    return given_bytes(header + np.ascontiguousarray(pixels).tobytes(), label)


def given_name(name: str, seconds: float, *, allow_urls: bool) -> GivenImage:
    """An image by its path, by `ARCHIVE/MEMBER`, `VIDEO#t=HH:MM:SS.mmm`, or by its URL.

    Args:
        name: path or URL; relative paths are of the present folder.
        seconds: CPU time for unpacking it, where it lies in an archive.
        allow_urls: whether a URL may be read.
    """
    raw = os.fsencode(name)
    if is_url(raw):
        if not allow_urls:
            reason = "it is a URL, which is read only if that is allowed (allow_urls)"
            return GivenImage(name, ImageError(ErrorCode.UNREADABLE, reason))
    elif Path(name).is_dir():
        reason = "it is a folder; name images, or run with run_mode=3 for all of a folder"
        return GivenImage(name, ImageError(ErrorCode.UNREADABLE, reason))
    else:
        raw = os.path.abspath(raw)  # noqa: PTH100 - a Path of bytes does not exist
    file = find_content(raw, seconds)
    is_file = isinstance(file, bytes) and split_frame(raw) is None
    return GivenImage(name, file, hashlib.sha256(file).hexdigest() if is_file else None)  # type: ignore[arg-type]  # bytes


def is_frame(image: GivenImage) -> bool:
    """Whether an image is a frame of a video, which has no bytes of its own."""
    file = image.file
    return isinstance(file, Source) and split_frame(file.name) is not None
