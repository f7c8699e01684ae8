"""Segments of a JPEG: the EXIF block and the colour profile before its first scan, and the headers of its scans.

Read by hand, in microseconds; a damaged block never costs the picture. Formats: ISO/IEC 10918-1, annexes B and G;
EXIF 2.32, 4.7.2; ICC.1:2022, B.4.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_START_OF_SCAN, _END_OF_IMAGE, _APP1, _APP2, _APP13 = 0xDA, 0xD9, 0xE1, 0xE2, 0xED
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE_FRAME = 0xC2
_BETWEEN_SCANS = {0xC4, 0xCC, _START_OF_SCAN, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE}  # tables, lines, notes
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a stuffed byte of coded data nor a restart
_COEFFICIENTS = 64
_EXIF, _ICC, _XMP = b"Exif\0\0", b"ICC_PROFILE\0", b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_GUID_BYTES = 32
_TABLES = 0xDB
_COMMENT, _JFIF, _ADOBE = 0xFE, 0xE0, 0xEE
_LEFT = {*range(0xE0, 0xF0), _COMMENT, _TABLES} - {_JFIF, _ADOBE}
_PICTURE_LIST = b"MPF\0"  # CIPA DC-007: where further pictures are
_LEAST_OWN_BYTES = 64  # of what a program or camera keeps in a segment of its own
_END_OF_SCANS = re.compile(rb"\xff\xd9")  # a literal is found faster by `re` than by `bytes.find`


class Carried(NamedTuple):
    """What a JPEG carries.

    Attributes:
        exif: the TIFF structure of its first EXIF segment; empty where there is none.
        profile: its ICC profile; empty where there is none, or not all of it.
        is_progressive: whether its frame is of a progressive JPEG.
        xmp: its first XMP packet; empty where there is none.
        photoshop: its resources of Photoshop, which hold IPTC; empty where there are none.
        comments: its comments.
        others: the segments of programs and cameras that are none of these.
        table: the 64 values of its first quantization table, in zigzag order, if they are bytes (B.2.4.1); else empty.
        components: colour components of its frame; 0 if unknown.
        scan: where its first scan begins.
    """

    exif: bytes
    profile: bytes
    is_progressive: bool
    xmp: bytes
    photoshop: bytes
    comments: list[bytes]
    others: list[bytes]
    table: bytes
    components: int
    scan: int


def read_segments(data: bytes) -> Carried:
    """Read what comes before the first scan.

    Args:
        data: the whole file.
    """
    exif, parts, position = b"", dict[int, bytes](), 2
    wanted, is_progressive, xmp, photoshop = 0, False, b"", b""
    left, components = list[tuple[int, bytes]](), 0
    while position + 4 <= len(data) and data[position] == 0xFF:  # noqa: PLR2004 - every marker starts with 0xFF
        marker = data[position + 1]
        if marker == 0xFF:  # noqa: PLR2004 - fill byte
            position += 1
            continue
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            break
        start, end = position + 4, position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in _FRAMES:
            is_progressive = marker == _PROGRESSIVE_FRAME
            components = int.from_bytes(data[start + 5 : start + 6], "big")
        elif marker == _APP1 and not exif and data.startswith(_EXIF, start):
            exif = data[start + len(_EXIF) : end]
        elif marker == _APP1 and not xmp and data.startswith(_XMP, start):
            xmp = data[start + len(_XMP) : end]
        elif marker == _APP13 and data.startswith(_PHOTOSHOP, start):
            photoshop += data[start + len(_PHOTOSHOP) : end]
        elif marker == _APP2 and data.startswith(_ICC, start) and end > start + len(_ICC) + 2:
            number, wanted = data[start + len(_ICC)], data[start + len(_ICC) + 1]
            parts[number] = data[start + len(_ICC) + 2 : end]
        elif marker in _LEFT:
            left.append((marker, data[start:end]))
        position = end
    whole = bool(wanted) and sorted(parts) == list(range(1, wanted + 1))
    profile = b"".join(parts[number] for number in sorted(parts)) if whole else b""
    comments = [body for marker, body in left if marker == _COMMENT]
    tables = (body for marker, body in left if marker == _TABLES and len(body) > _COEFFICIENTS and body[0] == 0)
    table = next(tables, b"")[1 : 1 + _COEFFICIENTS]
    others = [part for marker, body in left if marker >= _JFIF and marker != _COMMENT for part in _own_part(body)]
    return Carried(exif, profile, is_progressive, xmp, photoshop, comments, others, table, components, position)


def _own_part(segment: bytes) -> list[bytes]:
    """What tells a segment of a program or camera from others; of extended XMP the name that all its parts share."""
    if segment.startswith(_EXTENDED_XMP):
        return [segment[: len(_EXTENDED_XMP) + _GUID_BYTES]]
    return [] if segment.startswith(_PICTURE_LIST) or len(segment) < _LEAST_OWN_BYTES else [segment]


def after_picture(data: bytes, scan: int) -> bytes:
    """What follows the first picture of a file, without zeros around it; empty where its end is not found.

    Args:
        data: the whole file.
        scan: as of `Carried`.
    """
    end = _END_OF_SCANS.search(data, scan)
    return data[end.end() :].strip(b"\0") if end else b""


def frame_marker(data: bytes) -> int:
    """The second byte of the first marker that starts a frame: which kind of JPEG it is; 0 where there is none."""
    return next((marker for marker, _, _ in _segments(data) if marker in _FRAMES), 0)


def has_all_scans(data: bytes) -> bool:
    """Whether the scans of a progressive JPEG give each coefficient its last bit; True for every other JPEG.

    A file that was cut between two scans decodes without a warning, to a coarser picture.
    """
    missing: dict[int, set[int]] = {}
    for marker, _, body in _segments(data):
        if marker == _PROGRESSIVE_FRAME and len(body) > 5:  # noqa: PLR2004 - up to the number of components
            missing = {component: set(range(_COEFFICIENTS)) for component in body[6 : 6 + 3 * body[5] : 3]}
        elif marker == _START_OF_SCAN and body and len(body) >= 4 + 2 * body[0]:
            components = body[1 : 1 + 2 * body[0] : 2]
            first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
            if bits & 15 == 0:  # down to the last bit
                for component in components:
                    missing.get(component, set()).difference_update(range(first, last + 1))
    return not any(missing.values())


def end_of_scans(data: bytes) -> int:
    """Where the coded data end: the first marker after a scan that cannot follow one, or the end of the file."""
    has_scan = False
    for marker, start, _ in _segments(data):
        length = int.from_bytes(data[start + 2 : start + 4], "big")  # its own two bytes included
        if has_scan and (marker not in _BETWEEN_SCANS or not 2 <= length <= len(data) - start - 2):  # noqa: PLR2004
            return start
        has_scan |= marker == _START_OF_SCAN
    return len(data)


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Marker, position and content of each segment of the first image."""
    position = 2
    while found := _MARKER.search(data, position):
        marker, start = data[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            return
        position = start + int.from_bytes(data[start : start + 2], "big")
        yield marker, found.start(), data[start + 2 : position]
