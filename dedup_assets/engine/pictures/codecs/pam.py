"""PAM, the portable arbitrary map of Netpbm (man page pam(5)), which Pillow does not read."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs.backdrop import flatten
from dedup_assets.engine.pictures.codecs.depth import to_8_bits
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture

_HEADER = re.compile(rb"P7\s*\n(.*?)^ENDHDR[^\n]*\n", re.DOTALL | re.MULTILINE)
_MOST_HEADER_BYTES = 1 << 16
_NUMBERS = (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")
_RGB, _BYTE, _WORD = 3, 255, 65535
_WITH_ALPHA = (2, 4)  # samples per pixel
_MOST_SAMPLES = 4


def accepts(data: bytes) -> bool:
    """Whether the content starts as a PAM file does."""
    return re.match(rb"P7\s", data) is not None


def open_picture(data: bytes) -> OpenedPicture:
    """Read the header.

    Raises:
        ImageError: it is damaged, or the picture has more than four samples per pixel.
    """
    header = _HEADER.match(data[:_MOST_HEADER_BYTES])
    if header is None:
        raise ImageError(ErrorCode.TRUNCATED_IMAGE, "PAM: the header has no end")
    given = dict(re.findall(rb"^(\w+)[ \t]+(\S+)", header[1], re.MULTILINE))
    try:
        width, height, depth, most = (int(given[name]) for name in _NUMBERS)
    except (KeyError, ValueError):
        raise ImageError(ErrorCode.CORRUPT_IMAGE, "PAM: the header lacks a number") from None
    if min(width, height, depth, most) < 1 or most > _WORD:
        raise ImageError(ErrorCode.CORRUPT_IMAGE, "PAM: a number of the header is out of range")
    if depth > _MOST_SAMPLES:
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, f"PAM: {depth} samples per pixel are no picture")
    return OpenedPicture("PAM", width, height, lambda: _load(data, header.end(), (height, width, depth), most))


def _load(data: bytes, start: int, shape: tuple[int, int, int], most: int) -> NDArray[np.uint8]:
    kind = np.dtype(np.uint8 if most <= _BYTE else ">u2")
    count = shape[0] * shape[1] * shape[2]
    if len(data) - start < count * kind.itemsize:
        raise ImageError(ErrorCode.TRUNCATED_IMAGE, "PAM: the file ends before its picture")
    samples: NDArray[Any] = np.frombuffer(data, kind, count, start).reshape(shape)
    colours = shape[2] - (shape[2] in _WITH_ALPHA)
    image = Image.fromarray(
        np.ascontiguousarray(np.broadcast_to(_levels(samples[..., :colours], most), (*shape[:2], _RGB)))
    )
    if shape[2] in _WITH_ALPHA:
        alpha = samples[..., -1].astype(np.float32) * (_BYTE / most)
        image.putalpha(Image.fromarray(np.minimum(np.rint(alpha), _BYTE).astype(np.uint8)))
        image = flatten(image)
    return np.array(image)


def _levels(samples: NDArray[np.integer], most: int) -> NDArray[np.uint8]:
    """Samples of 0 to `most` as 8 bits."""
    if most > _BYTE:
        return to_8_bits(samples.astype(np.uint16), bits=most.bit_length())
    if most == _BYTE:
        return samples.astype(np.uint8, copy=False)
    scaled = np.minimum(samples.astype(np.uint16), most) * _BYTE
    levels: NDArray[np.uint8] = ((scaled + most // 2) // most).astype(np.uint8)
    return levels
