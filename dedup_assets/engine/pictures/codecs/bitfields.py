"""BMP whose colours are any bits of a pixel (BI_BITFIELDS, BITMAPV4HEADER), where Pillow knows the usual ones only."""

import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs.backdrop import flatten
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture

_BITFIELDS = (3, 6)  # values of biCompression: with three masks, with four
_FILE_HEADER, _INFO_HEADER = 14, 40  # bytes
_WITH_ALPHA_HEADER = 56  # bytes from which a header holds a fourth mask
_KINDS = {16: "<u2", 32: "<u4"}
_MOST = 255


def accepts(data: bytes) -> bool:
    """Whether a BMP names the bits of its colours."""
    if not data.startswith(b"BM") or len(data) < _FILE_HEADER + _INFO_HEADER + 12:
        return False
    bits, compression = struct.unpack_from("<HI", data, _FILE_HEADER + 14)
    return compression in _BITFIELDS and bits in _KINDS


def open_picture(data: bytes) -> OpenedPicture:
    """Read the header of a file that `accepts` knows.

    Raises:
        ImageError: its size or its masks make no sense.
    """
    (offset,) = struct.unpack_from("<I", data, 10)
    header, width, height, _, bits, compression = struct.unpack_from("<IiiHHI", data, _FILE_HEADER)
    has_alpha = header >= _WITH_ALPHA_HEADER or compression == max(_BITFIELDS)
    masks = struct.unpack_from(
        "<4I" if has_alpha else "<3I", data.ljust(_FILE_HEADER + _INFO_HEADER + 16), _FILE_HEADER + _INFO_HEADER
    )
    if width < 1 or height == 0 or not any(masks[:3]) or not all(map(_is_one_run, masks[:3])) or max(masks) >> bits:
        raise ImageError(ErrorCode.CORRUPT_IMAGE, "BMP: the size or the bits of the colours make no sense")
    return OpenedPicture("BMP", width, abs(height), lambda: _load(data[offset:], width, height, bits, masks))


def _is_one_run(mask: int) -> bool:
    """Whether the bits of a colour are adjacent; a colour without bits is 0 everywhere."""
    low = max(mask & -mask, 1)
    return (mask // low + 1) & (mask // low) == 0


def _load(stored: bytes, width: int, height: int, bits: int, masks: tuple[int, ...]) -> NDArray[np.uint8]:
    stride = (width * bits + 31) // 32 * 4
    if len(stored) < stride * abs(height):
        raise ImageError(ErrorCode.TRUNCATED_IMAGE, "BMP: not enough image data")
    rows = np.frombuffer(stored, np.uint8, stride * abs(height)).reshape(abs(height), stride)
    pixels = rows[:: 1 if height < 0 else -1, : width * bits // 8].copy().view(_KINDS[bits])
    image = Image.fromarray(np.stack([_levels(pixels, mask) for mask in masks[:3]], 2))
    if any(masks[3:]) and _is_one_run(masks[3]):
        image.putalpha(Image.fromarray(_levels(pixels, masks[3])))
        image = flatten(image, may_be_unset=True)
    return np.array(image)


def _levels(pixels: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.uint8]:
    if not mask:
        return np.zeros(pixels.shape, np.uint8)
    low = mask & -mask
    values = (pixels & mask).astype(np.uint64) // low
    levels: NDArray[np.uint8] = ((values * _MOST + mask // low // 2) // (mask // low)).astype(np.uint8)
    return levels
