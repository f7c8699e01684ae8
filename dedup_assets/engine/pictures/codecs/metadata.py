"""Metadata: camera, time, compression, and what a file carries beside its pixels.

Only headers and metadata are read, nothing is decoded. Damaged metadata count as missing and never cost the picture.
Decisions about which file to keep are not made here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any
from zlib import crc32

from PIL import Image

from dedup_assets.engine.core.carried import COLOURS, DATA, DEPTH, PICTURE, RAW, UNREAD
from dedup_assets.engine.pictures.codecs import (
    appended,
    gif,
    heif,
    isobmff,
    jpeg,
    notes,
    png,
    raw,
    resolution,
    segments,
)
from dedup_assets.engine.pictures.codecs.damage import silence
from dedup_assets.engine.pictures.codecs.joining import BesidePixels, FileParts, join_facts, read_taken
from dedup_assets.engine.pictures.codecs.jpeg_quality import quality_of
from dedup_assets.engine.pictures.provenance import Provenance

_LOSSLESS = {
    b"\x89PNG": "PNG", b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"qoif": "QOI",
    b"P4": "PPM", b"P5": "PPM", b"P6": "PPM", b"8BPS": "PSD", b"P7": "PAM", b"#?RADIANCE": "HDR",
}  # fmt: skip
_AVIF = {b"avif", b"avis"}
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"ANMF", b"ALPH"}
_CMYK = 4  # components
_SRGB_AS_CODED = bytes((1, 13, 0, 1))  # ITU-T H.273: primaries, transfer and matrix of sRGB, full range
_BMP_SPACE, _BMP_PROFILES = 70, (b"DEBM", b"KNIL")  # bV5CSType: a profile that is embedded or linked
_MOST_HEADER_BYTES = 1 << 12
_PNM_COMMENT = re.compile(rb"#([^\n]*)\n")
_PNM_HEADER = re.compile(rb"P[456](?:(?:\s|#[^\n]*\n)+\d+){2,3}")


def read_provenance(data: bytes, is_transparent: bool | None = None) -> Provenance:
    """Read what a file says of itself.

    Args:
        data: the whole file.
        is_transparent: whether a pixel is not opaque, as decoding has seen; None if it is to be found where it may be.
    """
    try:
        with silence:
            return _read(data, is_transparent)
    except Exception:  # noqa: BLE001 - parsers of metadata raise anything on damage
        return _unread(data, _format_of(data))


def read_moment(data: bytes, exif: bytes | None) -> str:
    """When a picture was taken, as of `Provenance.taken`, without the other facts.

    Args:
        data: the whole file.
        exif: its EXIF block, empty where it has none; None if it is to be found.
    """
    if exif == b"":  # most files
        return ""
    form = _format_of(data)
    with silence, suppress(Exception):  # parsers of metadata raise anything on damage
        block = exif if exif is not None else _EXIF_OF[form](data) if form in _EXIF_OF else b""
        return read_taken(block)
    return ""


def _read(data: bytes, is_transparent: bool | None) -> Provenance:
    form = _format_of(data)
    if not form:
        return _unread(data, form)
    reader = _READERS.get(form)
    parts = reader(data) if reader else FileParts(form, True, b"", BesidePixels())
    return join_facts(data, parts, is_transparent)


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk (RFC 9649, 2.3); the content of those that hold pixels is left out."""
    place = 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        yield name, b"" if name in _WEBP_PIXELS else data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _of_jpeg(data: bytes) -> FileParts:
    found = segments.read_segments(data)
    noted = [*notes.of_photoshop(found.photoshop), *notes.of_comments(found.comments)]
    words = [_own(segment) for segment in found.others]
    words += resolution.of_jfif(data)
    words += [COLOURS + "cmyk"] if found.components == _CMYK else []
    words += appended.appended_words(segments.after_picture(data, found.scan), found.xmp)
    carried = BesidePixels(found.profile, found.xmp, noted, words)
    return FileParts("JPEG", False, found.exif, carried, quality_of(found.table))


def _own(part: bytes) -> str:
    """The word for what a program or camera keeps in a part of its own."""
    return (DEPTH if b"GDepth" in part else DATA) + notes.digest(part)


def _of_png(data: bytes) -> FileParts:
    found = png.read_metadata(data)
    words = [
        (COLOURS if kind == b"cICP" else DATA) + notes.digest(body)
        for kind, body in found.others
        if (kind, body) != (b"cICP", _SRGB_AS_CODED)
    ]
    words += appended.appended_words(data[found.end :].strip(b"\0")) + resolution.of_png(found.dots)
    carried = BesidePixels(found.profile, found.xmp, notes.of_png(found.texts), words, found.coded)
    return FileParts("PNG", True, found.exif, carried)


def _of_webp(data: bytes) -> FileParts:
    chunks = dict(_webp_chunks(data))
    is_lossless = True if b"VP8L" in chunks else False if b"VP8 " in chunks else None
    words = appended.appended_words(data[8 + int.from_bytes(data[4:8], "little") :].strip(b"\0"))
    carried = BesidePixels(chunks.get(b"ICCP", b""), chunks.get(b"XMP ", b""), (), words)
    return FileParts("WEBP", is_lossless, chunks.get(b"EXIF", b""), carried)


def _of_gif(data: bytes) -> FileParts:
    comments, end = gif.read_comments(data)
    words = appended.appended_words(data[end:].strip(b"\0"))
    return FileParts("GIF", True, b"", BesidePixels(noted=notes.of_comments(comments), words=words))


def _of_netpbm(data: bytes, form: str) -> FileParts:
    header = data[:_MOST_HEADER_BYTES].split(b"\nENDHDR")[0]
    whole = _PNM_HEADER.match(header) if form == "PPM" else None
    comments = _PNM_COMMENT.findall(header[: whole.end()] if whole else header)
    return FileParts(form, True, b"", BesidePixels(noted=notes.of_comments(comments)))


def _of_bmp(data: bytes) -> FileParts:
    has_profile = data[_BMP_SPACE : _BMP_SPACE + 4] in _BMP_PROFILES
    words = [*([f"{COLOURS}{crc32(data):08x}"] if has_profile else []), *resolution.of_bmp(data)]
    return FileParts("BMP", True, b"", BesidePixels(words=words))


def _of_heif(data: bytes) -> FileParts:
    import pi_heif

    container = pi_heif.open_heif(data)
    return _of_info(data, "HEIF", container.info, len(container))


def _of_info(data: bytes, form: str, info: Mapping[Any, Any], pictures: int) -> FileParts:
    """Read what a decoder of Pillow's kind found in a header, and the boxes."""
    exif, icc, xmp = (info.get(name) or b"" for name in ("exif", "icc_profile", "xmp"))
    found = isobmff.read_contents(data)
    words = appended.item_words(found.auxiliary, found.places) + appended.appended_words(found.rest)
    words += [f"{PICTURE}{found.places:08x}"] if pictures > 1 else []
    return FileParts(form, False, exif, BesidePixels(icc, xmp, (), words))


def _of_raw(data: bytes) -> FileParts:
    return FileParts("RAW", True, data, BesidePixels(words=[f"{RAW}{crc32(data):08x}{len(data):x}"]))


def _unread(data: bytes, form: str) -> Provenance:
    """A file of a format that may carry anything."""
    return Provenance(form, carries=f"{UNREAD}{crc32(data):08x}{len(data):x}")


def _heif_info(data: bytes) -> Mapping[Any, Any]:
    import pi_heif

    info: Mapping[Any, Any] = pi_heif.open_heif(data).info
    return info


def _avif_info(data: bytes) -> Mapping[Any, Any]:
    with Image.open(BytesIO(data), formats=["AVIF"]) as image:
        return image.info


_EXIF_OF: dict[str, Callable[[bytes], bytes]] = {
    "JPEG": lambda data: segments.read_segments(data).exif,
    "PNG": lambda data: png.read_metadata(data).exif,
    "WEBP": lambda data: dict(_webp_chunks(data)).get(b"EXIF", b""),
    "AVIF": lambda data: _avif_info(data).get("exif") or b"",
    "HEIF": lambda data: _heif_info(data).get("exif") or b"",
    "TIFF": lambda data: data,
    "RAW": lambda data: data,
}

_READERS: dict[str, Callable[[bytes], FileParts]] = {
    "JPEG": _of_jpeg,
    "PNG": _of_png,
    "WEBP": _of_webp,
    "AVIF": lambda data: _of_info(data, "AVIF", _avif_info(data), 1),
    "HEIF": _of_heif,
    "GIF": _of_gif,
    "BMP": _of_bmp,
    "PPM": lambda data: _of_netpbm(data, "PPM"),
    "PAM": lambda data: _of_netpbm(data, "PAM"),
    "TIFF": lambda data: FileParts("TIFF", None, data, BesidePixels()),
    "RAW": _of_raw,
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
