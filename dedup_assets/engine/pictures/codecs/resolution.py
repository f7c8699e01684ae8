"""How many pixels of a picture make a centimetre of what was scanned, where a file says it, as a word.

Formats: JFIF 1.02 (units and density); PNG, ISO/IEC 15948, 11.3.4.3 (`pHYs`); BMP (`biXPelsPerMeter`); TIFF 6.0 and
EXIF 2.32 (tags 0x011A, 0x011B and 0x0128). 72 and 96 dpi are what programs write who know nothing, and say nothing.
"""

import struct
from collections.abc import Mapping
from typing import Any

from dedup_assets.engine.core.carried import RESOLUTION

_WIDE, _HIGH, _UNIT = 0x011A, 0x011B, 0x0128
_INCH, _CENTIMETRE = 2.54, 1.0
_UNITS_OF_EXIF = {2: _INCH, 3: _CENTIMETRE}
_UNITS_OF_JFIF = {1: _INCH, 2: _CENTIMETRE}
_METRE = 100.0
_OF_SCREENS = {28, 38}  # dots per centimetre: 72 and 96 dpi
_MOST = 1e5  # dots per centimetre


def of_jfif(data: bytes) -> list[str]:
    """The word for a JPEG that begins with a JFIF segment, by the whole file; none where that says no unit."""
    if data[2:4] + data[6:11] != b"\xff\xe0JFIF\0" or len(data) < 18:  # noqa: PLR2004 - up to the density
        return []
    unit, wide, high = struct.unpack(">BHH", data[13:18])
    return _word(wide, high, _UNITS_OF_JFIF.get(unit))


def of_png(chunk: bytes) -> list[str]:
    """The word for a `pHYs` chunk, by its content; none where it says no unit."""
    if len(chunk) != 9:  # noqa: PLR2004 - two numbers and a unit
        return []
    wide, high, unit = struct.unpack(">IIB", chunk)
    return _word(wide, high, _METRE if unit == 1 else None)


def of_bmp(data: bytes) -> list[str]:
    """The word for a BMP, by the whole file; none where its header is an old one."""
    if len(data) < 46 or int.from_bytes(data[14:18], "little") < 40:  # noqa: PLR2004 - BITMAPINFOHEADER
        return []
    wide, high = struct.unpack("<ii", data[38:46])
    return _word(wide, high, _METRE)


def of_exif(tags: Mapping[int, Any]) -> list[str]:
    """The word for the first directory of an EXIF block or a TIFF."""
    try:
        wide, high = float(tags[_WIDE]), float(tags[_HIGH])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return []
    return _word(wide, high, _UNITS_OF_EXIF.get(tags.get(_UNIT, 2)))


def _word(wide: float, high: float, centimetres: float | None) -> list[str]:
    """One word, in whole dots per centimetre, because JFIF and PNG round; none for what programs write by default."""
    if centimetres is None or not (0 < wide / centimetres < _MOST and 0 < high / centimetres < _MOST):
        return []
    dots = round(wide / centimetres), round(high / centimetres)
    return [] if set(dots) <= _OF_SCREENS or 0 in dots else [f"{RESOLUTION}{dots[0]}x{dots[1]}"]
