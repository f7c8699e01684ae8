"""What the samples of a file hold beyond the 8 bits and three colours that are compared.

Headers say it, but for transparency: many programs write an alpha channel that is full everywhere, so alpha is decoded.
"""

import re
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, NamedTuple
from zlib import crc32

from PIL import Image

from dedup_assets.engine.core.carried import ALPHA, COLOURS, DEEP, FLOAT, LAYERS, SAMPLES
from dedup_assets.engine.pictures.codecs import isobmff
from dedup_assets.engine.pictures.codecs.damage import silence

_BYTE, _OPAQUE = 8, 255
_PNG_DEPTH, _PNG_COLOURS, _PNG_WITH_ALPHA = 24, 25, (4, 6)  # ISO/IEC 15948, 11.2.2
_WEBP_FLAGS, _WEBP_ALPHA = 20, 0x10  # RFC 9649, 2.7
_WEBP_LOSSLESS_FLAGS = 24  # 3.4: the fourth byte of the sizes
_BMP_BITS, _BMP_ALPHA_BITS = 28, 32
_QOI_CHANNELS, _PSD_CHANNELS, _PSD_DEPTH, _PSD_MODE, _PSD_CMYK, _RGBA = 12, 13, 23, 25, 4, 4  # places, then values
_PSD_HEADER = 26
_PNM = re.compile(rb"P[56](?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+(\d+)\s")
_PAM_FIELD = r"^%s[ \t]+(\d+)"
_PAM_WITH_ALPHA = (2, 4)
_FLOATS, _EXTRA_SAMPLES = {3, 6}, 338  # of TIFF
_MOST_HEADER_BYTES = 1 << 12
_DEEP_GRAY = ("I", "F", "I;16", "I;16L", "I;16B")


class Header(NamedTuple):
    """What says how samples are stored.

    Attributes:
        data: the whole file.
        tiff: the first directory of a TIFF; empty for other formats.
    """

    data: bytes
    tiff: Mapping[int, Any]


def sample_words(
    data: bytes, form: str, tiff: Mapping[int, Any], coded: int | None = None, is_transparent: bool | None = None
) -> list[str]:
    """The words of `core.carried` for the samples of a file.

    Args:
        data: the whole file.
        form: its format, as of `Provenance`.
        tiff: the first directory of a TIFF; empty for other formats.
        coded: a checksum of its packed pixels; None if there is none.
        is_transparent: whether a pixel is not opaque; None if unknown.
    """
    header = Header(data, tiff)
    bits, has_alpha = (table[form](header) if form in table else 0 for table in (_BITS, _ALPHA))
    is_float = form == "HDR" or (form == "TIFF" and bool(_FLOATS & set(_numbers(tiff.get(339)))))
    words = [DEEP] * (bits > _BYTE or is_float) + [FLOAT] * is_float
    has_alpha = has_alpha and is_transparent is not False
    if has_alpha or words:  # the 8 bits that are compared say nothing of these
        is_transparent, known = _look_at(data, form, is_deep=bool(words))
        words += [ALPHA] if has_alpha and is_transparent else []
        known = known or (f"{crc32(data):08x}{len(data):x}" if coded is None else f"{coded:08x}")
        words += [SAMPLES + known] if words else []
    if form == "PSD":
        words += [COLOURS + "cmyk"] * (data[_PSD_MODE] == _PSD_CMYK)
        words += [f"{LAYERS}{crc32(data):08x}{len(data):x}"] if _has_layers(data) else []
    return words


def _alpha_of_webp(header: Header) -> bool:
    kind, data = header.data[12:16], header.data
    if kind == b"VP8X":
        return bool(data[_WEBP_FLAGS] & _WEBP_ALPHA)
    return kind == b"VP8L" and bool(data[_WEBP_LOSSLESS_FLAGS] & _WEBP_ALPHA)


def _bits_of_netpbm(header: Header) -> int:
    found = _PNM.match(header.data[:_MOST_HEADER_BYTES])
    return int(found[1]).bit_length() if found else _BYTE


def _pam(header: Header, name: str) -> int:
    found = re.search((_PAM_FIELD % name).encode(), header.data[:_MOST_HEADER_BYTES], re.MULTILINE)
    return int(found[1]) if found else 0


def _numbers(value: object) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) if isinstance(value, int) else ()


_BITS: dict[str, Callable[[Header], int]] = {
    "PNG": lambda header: header.data[_PNG_DEPTH],
    "TIFF": lambda header: max(_numbers(header.tiff.get(258)), default=1),
    "AVIF": lambda header: isobmff.read_contents(header.data).bits,
    "HEIF": lambda header: isobmff.read_contents(header.data).bits,
    "PSD": lambda header: header.data[_PSD_DEPTH],
    "PPM": _bits_of_netpbm,
    "PAM": lambda header: _pam(header, "MAXVAL").bit_length(),
}
"""Bits per sample, of formats that may have more than 8."""

_ALPHA: dict[str, Callable[[Header], bool]] = {
    "PNG": lambda header: (
        header.data[_PNG_COLOURS] in _PNG_WITH_ALPHA or b"tRNS" in header.data[: header.data.find(b"IDAT") + 1]
    ),
    "WEBP": _alpha_of_webp,
    "TIFF": lambda header: _EXTRA_SAMPLES in header.tiff,
    "AVIF": lambda header: isobmff.read_contents(header.data).has_alpha,
    "HEIF": lambda header: isobmff.read_contents(header.data).has_alpha,
    "PAM": lambda header: _pam(header, "DEPTH") in _PAM_WITH_ALPHA,
    "QOI": lambda header: header.data[_QOI_CHANNELS] == _RGBA,
    "BMP": lambda header: header.data[_BMP_BITS] == _BMP_ALPHA_BITS,
    "PSD": lambda header: header.data[_PSD_CHANNELS] >= _RGBA,
    "GIF": lambda _: True,
}
"""Whether pixels may be transparent, by the header."""


def _look_at(data: bytes, form: str, *, is_deep: bool) -> tuple[bool, str]:
    """Whether a pixel is not opaque, and what tells the samples from others; empty if they are not decoded whole.

    What cannot be decoded here counts as transparent.
    """
    if form in ("AVIF", "HEIF", "PAM", "HDR"):
        return True, ""
    try:
        with silence, Image.open(BytesIO(data), formats=[form]) as image:
            image.load()
            if is_deep:  # of 16-bit colour Pillow has the upper bytes alone
                known = _known(image) if image.mode in _DEEP_GRAY else ""
                return image.has_transparency_data, known
            whole = image if image.mode == "RGBA" else image.convert("RGBA")
            least, most = whole.getchannel("A").getextrema()
            if least == _OPAQUE or (form == "BMP" and most == 0):  # BMP: alpha that nobody has set
                return False, ""
            return True, _known(whole)
    except Exception:  # noqa: BLE001 - decoders raise anything
        return True, ""


def _known(image: Image.Image) -> str:
    return f"{image.mode.replace(';', '')}{crc32(image.tobytes()):08x}"


def _has_layers(data: bytes) -> bool:
    """Whether the part for layers of a PSD holds some (Adobe Photoshop file formats, November 2019)."""
    place = _PSD_HEADER
    for _ in range(2):  # colour table, resources
        place += 4 + int.from_bytes(data[place : place + 4], "big")
    return int.from_bytes(data[place : place + 4], "big") > 0
