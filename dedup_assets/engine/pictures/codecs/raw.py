"""The preview in a raw file of a camera, by LibRaw through rawpy, which the extra `raw` installs.

The preview is what the camera's screen showed and what a JPEG beside it looks like; developing the sensor's data would
take a second and look like neither.
"""

import struct
from io import BytesIO
from typing import Any

import numpy as np

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import exif, extras, jpeg
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture
from dedup_assets.engine.pictures.codecs.segments import read_segments

_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
_CANON_BRAND = b"crx "
_PHOTOMETRIC, _SUB_DIRECTORIES, _DNG_VERSION, _COMPRESSION = 262, 330, 50706, 259
_SENSOR_COLOURS = (32803, 34892)  # colour filter array, linear raw
_SENSOR_COMPRESSIONS = (32767, 32769, 34713, 65535)  # of Sony, Epson, Nikon, Pentax
_MOST_ENTRIES, _MOST_DIRECTORIES = 512, 16
_ORIENTATIONS = {3: 3, 5: 8, 6: 6}  # LibRaw's `flip` to EXIF's


def accepts(data: bytes) -> bool:
    """Whether the content is a raw file; most of them are TIFF."""
    if data[:4] in (b"II*\0", b"MM\0*"):
        return data[8:10] == b"CR" or _holds_sensor_data(data)
    return data.startswith(_STARTS) or (data[4:8] == b"ftyp" and data[8:12] == _CANON_BRAND)


def open_picture(data: bytes, at_least: tuple[int, int] | None) -> OpenedPicture:
    """Read the header of the preview.

    Raises:
        ImageError: rawpy is not installed, the file has no preview, or LibRaw cannot read it.
    """
    extras.require("rawpy", "raw", "a raw file of a camera")
    import rawpy

    try:
        with rawpy.imread(BytesIO(data)) as file:
            preview, flip = file.extract_thumb(), file.sizes.flip
    except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError) as error:
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "raw file: it has no preview that can be read") from error
    except rawpy.LibRawFileUnsupportedError as error:
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "raw file: of a camera that LibRaw does not know") from error
    orientation = _ORIENTATIONS.get(flip, exif.UPRIGHT)
    pixels = preview.data
    if isinstance(pixels, bytes):  # a JPEG file
        return _turned(jpeg.open_picture(pixels, at_least), pixels, orientation)
    return OpenedPicture("RAW", pixels.shape[1], pixels.shape[0], lambda: np.ascontiguousarray(pixels))


def _turned(picture: OpenedPicture, preview: bytes, orientation: int) -> OpenedPicture:
    """The preview upright: some cameras store it as the sensor lies, without an orientation of its own."""
    says_itself = exif.has_orientation(read_segments(preview).exif)
    if orientation == exif.UPRIGHT or says_itself or picture.height > picture.width:
        return OpenedPicture("RAW", picture.width, picture.height, picture.load, picture.correct)
    width, height = picture.width, picture.height
    if exif.swaps_sides(orientation):
        width, height = height, width
    return OpenedPicture("RAW", width, height, lambda: exif.turn_upright(picture.load(), orientation), picture.correct)


def _holds_sensor_data(data: bytes) -> bool:
    """Whether a TIFF is a raw file: DNG, or with a directory whose samples are those of a sensor."""
    order = "<" if data[:2] == b"II" else ">"
    waiting, seen = [struct.unpack_from(order + "I", data.ljust(8, b"\0"), 4)[0]], 0
    while waiting and seen < _MOST_DIRECTORIES:
        seen += 1
        tags = _read_directory(data, waiting.pop(0), order)
        if seen == 1 and _DNG_VERSION in tags:
            return True
        is_raw = tags.get(_PHOTOMETRIC, [0])[0] in _SENSOR_COLOURS
        if is_raw or tags.get(_COMPRESSION, [0])[0] in _SENSOR_COMPRESSIONS:
            return True
        waiting += tags.get(_SUB_DIRECTORIES, [])
    return False


def _read_directory(data: bytes, start: int, order: str) -> dict[int, list[int]]:
    """Whole numbers of a TIFF directory, by tag; what lies outside of the file is left out."""
    found: dict[int, list[int]] = {}
    (entries,) = _numbers(data, order + "H", start) or (0,)
    for entry in range(start + 2, start + 2 + 12 * min(entries, _MOST_ENTRIES), 12):
        tag, kind, count, value = _numbers(data, order + "HHII", entry) or (0, 0, 0, 0)
        letter = {1: "B", 3: "H", 4: "I", 13: "I"}.get(kind, "")
        if not letter or count > _MOST_ENTRIES:
            continue
        size = struct.calcsize(f"{order}{count}{letter}")
        found[tag] = list(_numbers(data, f"{order}{count}{letter}", entry + 8 if size <= 4 else value))  # noqa: PLR2004
    return {tag: values for tag, values in found.items() if values}


def _numbers(data: bytes, layout: str, start: int) -> tuple[Any, ...]:
    try:
        return struct.unpack_from(layout, data, start)
    except struct.error:
        return ()
