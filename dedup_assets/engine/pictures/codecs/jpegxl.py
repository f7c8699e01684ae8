"""JPEG XL (ISO/IEC 18181), by libjxl through imagecodecs, which the extra `jxl` installs."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import exif, extras
from dedup_assets.engine.pictures.codecs.backdrop import flatten
from dedup_assets.engine.pictures.codecs.depth import to_8_bits
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture

_CODESTREAM, _CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_HEADER_BYTES = 32
_GRAY_ALPHA, _COLOURS = 2, 3


def accepts(data: bytes) -> bool:
    """Whether the content starts as a JPEG XL file does, bare or in a container."""
    return data.startswith((_CODESTREAM, _CONTAINER))


def open_picture(data: bytes) -> OpenedPicture:
    """Read the header.

    Raises:
        ImageError: imagecodecs is not installed, or the header is damaged.
    """
    extras.require("imagecodecs", "jxl", "JPEG XL")
    width, height = _size(_codestream(data))
    return OpenedPicture("JPEG XL", width, height, lambda: _load(data))


def _load(data: bytes) -> NDArray[np.uint8]:
    import imagecodecs

    samples = imagecodecs.jpegxl_decode(data, index=0, numthreads=1)
    bands = samples if samples.ndim > 2 else samples[:, :, None]  # noqa: PLR2004 - gray
    has_alpha = bands.shape[2] in (_GRAY_ALPHA, _COLOURS + 1)
    colours = to_8_bits(bands[:, :, : bands.shape[2] - has_alpha])
    image = Image.fromarray(np.ascontiguousarray(np.repeat(colours, _COLOURS // colours.shape[2], axis=2)))
    if has_alpha:
        image.putalpha(Image.fromarray(np.ascontiguousarray(to_8_bits(bands[:, :, -1]))))
        image = flatten(image)
    return np.array(image)


def _codestream(data: bytes) -> bytes:
    """The first bytes of the codestream, from the first box that holds a part of it (ISO/IEC 18181-2, 9)."""
    if data.startswith(_CODESTREAM):
        return data[:_HEADER_BYTES]
    start = 0
    while start + 8 <= len(data):
        size, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        header = 8
        if size == 1:
            size, header = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        header += 4 if kind == b"jxlp" else 0  # the number of the part
        if kind in (b"jxlc", b"jxlp"):
            return data[start + header : start + header + _HEADER_BYTES]
        if size < 8:  # noqa: PLR2004 - 0: up to the end of the file
            break
        start += size
    raise ImageError(ErrorCode.TRUNCATED_IMAGE, "JPEG XL: the file ends before its picture")


def _size(codestream: bytes) -> tuple[int, int]:
    """(width, height) as displayed (ISO/IEC 18181-1, annex D: SizeHeader and the start of ImageMetadata)."""
    bits = _Bits(codestream[len(_CODESTREAM) :])
    is_small = bits.read(1)
    height = _small_side(bits) if is_small else _side(bits)
    ratio = bits.read(3)
    if ratio:
        wide, high = _RATIOS[ratio]
        width = height * wide // high
    else:
        width = _small_side(bits) if is_small else _side(bits)
    is_default = bits.read(1)
    orientation = bits.read(3) + 1 if not is_default and bits.read(1) else exif.UPRIGHT
    return (height, width) if exif.swaps_sides(orientation) else (width, height)


def _small_side(bits: "_Bits") -> int:
    return 8 * (bits.read(5) + 1)


def _side(bits: "_Bits") -> int:
    return 1 + bits.read((9, 13, 18, 30)[bits.read(2)])


class _Bits:
    """Numbers of a few bits, the least significant first."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data.ljust(_HEADER_BYTES, b"\0"), "little")

    def read(self, count: int) -> int:
        """The next bits as a number."""
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value
