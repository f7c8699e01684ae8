"""The EXIF block of a file, and what else was found in it, joined to one `Provenance`; a TIFF is its own EXIF block."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from PIL import Image

from dedup_assets.engine.core.carried import CAMERA, COLOURS, EXPOSURE, LAYERS
from dedup_assets.engine.pictures.codecs import notes, resolution, samples
from dedup_assets.engine.pictures.codecs.colours import correction_by_profile
from dedup_assets.engine.pictures.provenance import Provenance

_LOSSY_TIFF = {6, 7, 34892, 50001}  # compressions: old and new JPEG, lossy DNG, WebP
_MAKE, _MODEL, _COMPRESSION, _EXIF_PART, _GPS_PART = 0x010F, 0x0110, 0x0103, 0x8769, 0x8825  # EXIF 2.32, 4.6
_TAKEN = (0x9003, 0x9004)  # DateTimeOriginal, DateTimeDigitized
_EXPOSED = (0x829A, 0x829D, 0x8827, 0x920A)  # time, aperture, sensitivity, focal length
_LATITUDE = 2
_XMP_TAG, _ICC_TAG, _IPTC_TAG, _PHOTOSHOP_TAG = 700, 34675, 33723, 34377  # of TIFF
_LAYERS, _PHOTOMETRIC, _SEPARATED = 37724, 262, 5  # of Photoshop in TIFF; CMYK
_TIME = re.compile(r"(\d{4})[:-](\d{2})[:-](\d{2})[ T](\d{2}:\d{2}:\d{2})")
_MOST_CHARACTERS = 100  # of the name of a camera
_PROFILE_HEADER = 128  # bytes, with the time when a profile was made (ICC.1:2022, 7.2)


@dataclass(frozen=True)
class BesidePixels:
    """What was found in a file beside its EXIF block.

    Attributes:
        icc: its colour profile.
        xmp: its XMP packet.
        noted: what people noted.
        words: of `core.carried`, for other contents.
        coded: as of `samples.sample_words`.
    """

    icc: bytes = b""
    xmp: bytes = b""
    noted: Iterable[notes.Note] = ()
    words: Sequence[str] = ()
    coded: int | None = None


class FileParts(NamedTuple):
    """A file taken apart.

    Attributes:
        form: its format, as of `Provenance`.
        is_lossless: likewise; of a TIFF its EXIF block says it.
        block: its EXIF block, with or without `Exif` before it; a TIFF is one.
        carried: what else was found.
        jpeg_quality: as of `Provenance`.
    """

    form: str
    is_lossless: bool | None
    block: bytes
    carried: BesidePixels
    jpeg_quality: int | None = None


def join_facts(data: bytes, parts: FileParts, is_transparent: bool | None = None) -> Provenance:
    """Join what an EXIF block says and what else was found in a file.

    Args:
        data: the whole file.
        parts: what was found in it.
        is_transparent: as of `samples.sample_words`.
    """
    form, is_lossless, block, carried, jpeg_quality = parts
    camera = taken = ""
    tags: dict[int, Any] = {}
    icc, xmp = carried.icc, carried.xmp
    has = dict[str, bool]()
    words, noted = list(carried.words), list(carried.noted)
    block = block.removeprefix(b"Exif\0\0")
    if block[:2] in (b"II", b"MM"):
        exif = Image.Exif()
        with suppress(Exception):  # a damaged block counts as far as it can be read
            exif.load(b"Exif\0\0" + block)
            camera = " ".join(text for text in (_text(exif.get(_MAKE)), _text(exif.get(_MODEL))) if text)
            inner = exif.get_ifd(_EXIF_PART)
            taken = _taken(inner)
            has["exif"] = bool(camera or inner) if form in ("TIFF", "RAW") else bool(exif)
            place = exif.get_ifd(_GPS_PART)
            has["gps"] = _LATITUDE in place
            noted += [*notes.of_exif(exif, inner), *notes.of_gps(place)]
            words += [CAMERA + notes.digest(camera.encode())] if camera else []
            words += [EXPOSURE] if any(tag in inner for tag in _EXPOSED) else []
            words += resolution.of_exif(exif)
            if form == "TIFF":
                tags = dict(exif)
                icc, xmp = (_bytes(exif.get(tag)) for tag in (_ICC_TAG, _XMP_TAG))
                noted += _of_tiff(exif)
                words += _words_of_tiff(tags)
                is_lossless = exif.get(_COMPRESSION) not in _LOSSY_TIFF
    has["icc"], has["xmp"] = bool(icc), bool(xmp)
    noted += notes.of_xmp(xmp) if xmp else ()
    words += samples.sample_words(data, form, tags, carried.coded, is_transparent)
    words += [COLOURS + notes.digest(icc[_PROFILE_HEADER:])] if icc and correction_by_profile(icc) else []
    said = [name for name in ("exif", "gps", "icc", "xmp") if has.get(name)]
    said += sorted(set(words)) + notes.note_words(noted)
    return Provenance(form, is_lossless, jpeg_quality, camera[:_MOST_CHARACTERS], taken, " ".join(said))


def read_taken(block: bytes) -> str:
    """When a picture was taken, by its EXIF block; empty if unknown."""
    block = block.removeprefix(b"Exif\0\0")
    if block[:2] not in (b"II", b"MM"):
        return ""
    exif = Image.Exif()
    with suppress(Exception):  # parsers raise anything on damage
        exif.load(b"Exif\0\0" + block)
        return _taken(exif.get_ifd(_EXIF_PART))
    return ""


def _taken(inner: Mapping[int, Any]) -> str:
    return next((time for time in (_time(inner.get(tag)) for tag in _TAKEN) if time), "")


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _words_of_tiff(tags: Mapping[int, Any]) -> list[str]:
    words = [COLOURS + "cmyk"] if tags.get(_PHOTOMETRIC) == _SEPARATED else []
    return words + ([LAYERS + notes.digest(tags[_LAYERS])] if isinstance(tags.get(_LAYERS), bytes) else [])


def _of_tiff(tags: Mapping[int, Any]) -> Iterator[notes.Note]:
    """What people noted in the IPTC blocks of a TIFF."""
    for tag, read in ((_IPTC_TAG, notes.of_iptc), (_PHOTOSHOP_TAG, notes.of_photoshop)):
        if isinstance(block := tags.get(tag), bytes):
            yield from read(block)


def _text(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return " ".join(text.replace("\0", " ").split())


def _time(value: object) -> str:
    found = _TIME.match(_text(value))
    return "{}-{}-{} {}".format(*found.groups()) if found and found[1] != "0000" else ""
