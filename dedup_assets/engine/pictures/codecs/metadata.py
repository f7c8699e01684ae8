"""Metadata: camera, time, compression, and what a file carries beside its pixels.

Only headers and metadata are read, nothing is decoded. Damaged metadata count as missing and never cost the picture.
Decisions about which file to keep are not made here.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.pictures.codecs import heif, isobmff, jpeg, notes, png, raw, segments
from dedup_assets.engine.pictures.codecs.damage import silence
from dedup_assets.engine.pictures.provenance import Provenance

_LOSSLESS = {
    b"\x89PNG": "PNG", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"qoif": "QOI",
    b"P4": "PPM", b"P5": "PPM", b"P6": "PPM", b"8BPS": "PSD", b"P7": "PAM", b"#?RADIANCE": "HDR",
}  # fmt: skip
_LOSSY_TIFF = {6, 7, 34892, 50001}  # compressions: old and new JPEG, lossy DNG, WebP
_MAKE, _MODEL, _COMPRESSION, _EXIF_PART, _GPS_PART = 0x010F, 0x0110, 0x0103, 0x8769, 0x8825  # EXIF 2.32, 4.6
_TAKEN = (0x9003, 0x9004)  # DateTimeOriginal, DateTimeDigitized
_LATITUDE = 2
_XMP_TAG, _ICC_TAG, _IPTC_TAG = 700, 34675, 33723  # of TIFF
_TIME = re.compile(r"(\d{4})[:-](\d{2})[:-](\d{2})[ T](\d{2}:\d{2}:\d{2})")
_AVIF = {b"avif", b"avis"}
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"ANMF", b"ALPH"}
_MOST_CHARACTERS = 100  # of the name of a camera


def read_provenance(data: bytes) -> Provenance:
    """Read what a file says of itself.

    Args:
        data: the whole file.
    """
    try:
        with silence:
            return _read(data)
    except Exception:  # noqa: BLE001 - parsers of metadata raise anything on damage
        return Provenance(_format_of(data))


def _read(data: bytes) -> Provenance:
    form = _format_of(data)
    reader = _READERS.get(form)
    return reader(data) if reader else Provenance(form, is_lossless=True if form else None)


def jpeg_quality(data: bytes) -> int | None:
    """The quality whose luminance table (ISO/IEC 10918-1, K.1, scaled as libjpeg does) is nearest; None without one."""
    table = segments.read_first_table(data)
    if table is None:
        return None
    distance = np.abs(_quality_tables() - np.frombuffer(table, np.uint8)).sum(1)
    return int(np.flatnonzero(distance == distance.min())[-1]) + 1


@cache
def _quality_tables() -> NDArray[np.int64]:
    """(100, 64): the luminance table of each quality, in zigzag order."""
    quality = np.arange(1, 101)[:, None]
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)  # noqa: PLR2004 - as libjpeg does
    tables: NDArray[np.int64] = np.clip((np.array(_STANDARD_LUMINANCE) * scale + 50) // 100, 1, 255)
    return tables


_STANDARD_LUMINANCE = (  # in zigzag order
    *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
    *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
    *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
    *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
)


def _of_exif(
    block: bytes,
    form: str,
    is_lossless: bool | None,
    *,
    icc: bytes = b"",
    xmp: bytes = b"",
    noted: Iterable[str] = (),
) -> Provenance:
    """Read an EXIF block, with or without `Exif` before it, and add what is known of the file.

    Args:
        block: the block.
        form: the format of the file.
        is_lossless: as of `Provenance`.
        icc: its colour profile.
        xmp: its XMP packet.
        noted: what people noted elsewhere in the file.
    """
    camera = taken = ""
    carries = {"icc": bool(icc), "xmp": bool(xmp)}
    texts = [*noted, *(notes.of_xmp(xmp) if xmp else ())]
    block = block.removeprefix(b"Exif\0\0")
    if block[:2] in (b"II", b"MM"):
        exif = Image.Exif()
        with suppress(Exception):  # a damaged block counts as far as it can be read
            exif.load(b"Exif\0\0" + block)
            camera = " ".join(text for text in (_text(exif.get(_MAKE)), _text(exif.get(_MODEL))) if text)
            inner = exif.get_ifd(_EXIF_PART)
            taken = next((time for time in (_time(inner.get(tag)) for tag in _TAKEN) if time), "")
            carries["exif"] = bool(camera or inner) if form in ("TIFF", "RAW") else bool(exif)
            place = exif.get_ifd(_GPS_PART)
            carries["gps"] = _LATITUDE in place
            texts += [*notes.of_exif(exif, inner), *notes.of_gps(place)]
            if form == "TIFF":
                carries["icc"], carries["xmp"] = _ICC_TAG in exif, _XMP_TAG in exif
                texts += _of_tiff(exif)
                is_lossless = exif.get(_COMPRESSION) not in _LOSSY_TIFF
    said = [name for name in ("exif", "gps", "icc", "xmp") if carries.get(name)]
    said += notes.note_words(texts) if texts else ()
    return Provenance(form, is_lossless, None, camera[:_MOST_CHARACTERS], taken, " ".join(said))


def _of_tiff(tags: Mapping[int, Any]) -> Iterator[str]:
    """What people noted in the XMP and IPTC blocks of a TIFF."""
    for tag, read in ((_XMP_TAG, notes.of_xmp), (_IPTC_TAG, notes.of_iptc)):
        if isinstance(block := tags.get(tag), bytes):
            yield from read(block)


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk (RFC 9649, 2.3); the content of those that hold pixels is left out."""
    place = 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        yield name, b"" if name in _WEBP_PIXELS else data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _text(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return " ".join(text.replace("\0", " ").split())


def _time(value: object) -> str:
    found = _TIME.match(_text(value))
    return "{}-{}-{} {}".format(*found.groups()) if found and found[1] != "0000" else ""


def _of_jpeg(data: bytes) -> Provenance:
    carried = segments.read_segments(data)
    noted = notes.of_photoshop(carried.photoshop)
    found = _of_exif(carried.exif, "JPEG", False, icc=carried.profile, xmp=carried.xmp, noted=noted)
    return replace(found, jpeg_quality=jpeg_quality(data))


def _of_png(data: bytes) -> Provenance:
    carried = png.read_metadata(data)
    noted = notes.of_png(carried.texts)
    return _of_exif(carried.exif, "PNG", True, icc=carried.profile, xmp=carried.xmp, noted=noted)


def _of_webp(data: bytes) -> Provenance:
    chunks = dict(_webp_chunks(data))
    is_lossless = True if b"VP8L" in chunks else False if b"VP8 " in chunks else None
    icc, xmp = chunks.get(b"ICCP", b""), chunks.get(b"XMP ", b"")
    return _of_exif(chunks.get(b"EXIF", b""), "WEBP", is_lossless, icc=icc, xmp=xmp)


def _of_avif(data: bytes) -> Provenance:
    with Image.open(BytesIO(data), formats=["AVIF"]) as image:
        return _of_info("AVIF", image.info)


def _of_heif(data: bytes) -> Provenance:
    import pi_heif

    return _of_info("HEIF", pi_heif.open_heif(data).info)


def _of_info(form: str, info: Mapping[Any, Any]) -> Provenance:
    """Read what a decoder of Pillow's kind found in a header."""
    exif, icc, xmp = (info.get(name) or b"" for name in ("exif", "icc_profile", "xmp"))
    return _of_exif(exif, form, False, icc=icc, xmp=xmp)


_READERS: dict[str, Callable[[bytes], Provenance]] = {
    "JPEG": _of_jpeg,
    "PNG": _of_png,
    "WEBP": _of_webp,
    "AVIF": _of_avif,
    "HEIF": _of_heif,
    "TIFF": lambda data: _of_exif(data, "TIFF", None),
    "RAW": lambda data: _of_exif(data, "RAW", True),
}


def _format_of(data: bytes) -> str:
    if jpeg.accepts(data):
        return "JPEG"
    if raw.accepts(data):
        return "RAW"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if brands := isobmff.read_brands(data):
        return "HEIF" if heif.accepts(brands) else "AVIF" if brands & _AVIF else ""
    return next((name for magic, name in _LOSSLESS.items() if data.startswith(magic)), "")
