"""Radiance HDR: light in floating point, four bytes per pixel (Ward, "Real Pixels", Graphics Gems II, 1991).

Pictures are shown as a viewer shows them: the bright end at white, and the curve of sRGB.
"""

import re

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture

_MAGIC = (b"#?RADIANCE", b"#?RGBE")
_HEADER = re.compile(rb"#\?\w+[^\n]*\n(.*?)\n\n(\S+) (\d+) (\S+) (\d+)\n", re.DOTALL)
_MOST_HEADER_BYTES = 1 << 16
_FORMAT = b"32-bit_rle_rgbe"
_TOP_DOWN = (b"-Y", b"+X")  # the only order that writers use
_CODED_SIDES = range(8, 1 << 15)  # widths whose rows may be run-length coded
_CHANNELS = 4
_LONGEST_LITERAL = 128
_EXPONENT_BIAS = 136  # 128, and 8 bits of the mantissa
_BRIGHT = 99.0  # percentile of light that becomes white


def accepts(data: bytes) -> bool:
    """Whether the content starts as a Radiance file does."""
    return data.startswith(_MAGIC)


def open_picture(data: bytes) -> OpenedPicture:
    """Read the header.

    Raises:
        ImageError: it is damaged, or of another order or another format (XYZE).
    """
    header = _HEADER.match(data[:_MOST_HEADER_BYTES])
    if header is None:
        is_cut = len(data) < _MOST_HEADER_BYTES
        raise ImageError(ErrorCode.TRUNCATED_IMAGE if is_cut else ErrorCode.CORRUPT_IMAGE, "HDR: the header has no end")
    formats = re.findall(rb"^FORMAT=(.*)$", header[1], re.MULTILINE)
    if (header[2], header[4]) != _TOP_DOWN or any(each.strip() != _FORMAT for each in formats):
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "HDR: only 32-bit_rle_rgbe, rows from the top, is read")
    height, width = int(header[3]), int(header[5])
    return OpenedPicture("HDR", width, height, lambda: _load(data, header.end(), width, height))


def _load(data: bytes, start: int, width: int, height: int) -> NDArray[np.uint8]:
    is_coded = width in _CODED_SIDES and data[start : start + 2] == b"\2\2" and data[start + 2 : start + 3] < b"\x80"
    rows = _coded_rows(data, start, width, height) if is_coded else _plain_rows(data, start, width, height)
    exponents = rows[:, 3].astype(np.int32)
    light = np.ldexp(rows[:, :3].astype(np.float32), (exponents - _EXPONENT_BIAS)[:, None])
    light[np.broadcast_to(exponents[:, None] == 0, light.shape)] = 0
    return _as_shown(light.transpose(0, 2, 1))


def _as_shown(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 in sRGB (IEC 61966-2-1) from linear light of any range."""
    brightest = light.max(2)
    lit = brightest[brightest > 0]
    white = float(np.percentile(lit, _BRIGHT)) if len(lit) else 1.0
    share = np.minimum(light / np.float32(white or 1.0), 1)
    curved = np.where(share <= 0.0031308, 12.92 * share, 1.055 * share ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    return np.ascontiguousarray(np.rint(curved * 255).astype(np.uint8))


def _plain_rows(data: bytes, start: int, width: int, height: int) -> NDArray[np.uint8]:
    """(h, 4, w) of pixels that are stored one by one; (1, 1, 1, n) repeats the last one, more with each further one."""
    stored = np.frombuffer(data, np.uint8, (len(data) - start) // _CHANNELS * _CHANNELS, start).reshape(-1, _CHANNELS)
    repeats = (stored[:, :3] == 1).all(1)
    counts = np.ones(len(stored), np.int64)
    shift = 0
    for place in np.flatnonzero(repeats).tolist():
        shift = shift + 8 if place and repeats[place - 1] else 0
        counts[place] = int(stored[place, 3]) << min(shift, 24)
    last = np.maximum.accumulate(np.where(repeats, -1, np.arange(len(stored))))
    if (np.cumsum(counts)[-1:].sum() if len(stored) else 0) < width * height or (len(last) and last[0] < 0):
        raise ImageError(ErrorCode.TRUNCATED_IMAGE, "HDR: the file ends before its picture")
    many = int(np.searchsorted(np.cumsum(counts), width * height)) + 1
    pixels = np.repeat(stored[last[:many]], counts[:many], axis=0)[: width * height]
    return pixels.reshape(height, width, _CHANNELS).transpose(0, 2, 1)


def _coded_rows(data: bytes, start: int, width: int, height: int) -> NDArray[np.uint8]:
    """(h, 4, w) of rows that are run-length coded, each channel alone.

    Raises:
        ImageError: the rows end early, or a row is not as long as the picture is wide.
    """
    mark = bytes((2, 2, width >> 8, width & 255))
    rows = bytearray()
    position = start
    for _ in range(height):
        if data[position : position + 4] != mark:
            raise _damage(data, position + 4)
        position += 4
        end = len(rows) + _CHANNELS * width
        while len(rows) < end:
            count = data[position] if position < len(data) else 0
            if count > _LONGEST_LITERAL:
                rows += data[position + 1 : position + 2] * (count - _LONGEST_LITERAL)
                position += 2
            else:
                rows += data[position + 1 : position + 1 + count]
                position += 1 + count
            if not count or position > len(data):
                raise _damage(data, position)
        if len(rows) > end:
            raise _damage(data, position)
    return np.frombuffer(bytes(rows), np.uint8).reshape(height, _CHANNELS, width)


def _damage(data: bytes, position: int) -> ImageError:
    if position >= len(data):
        return ImageError(ErrorCode.TRUNCATED_IMAGE, "HDR: the file ends before its picture")
    return ImageError(ErrorCode.CORRUPT_IMAGE, "HDR: a row is not as long as the picture is wide")
