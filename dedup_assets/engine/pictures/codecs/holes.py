"""Lost picture data in a file of full length: zeros where a disk, a download or a copy left a hole.

Decoders of formats without checksums show something for zeros, without an error. But large areas of one colour can
be long runs of zeros too. So only what no encoder writes is called a hole:

- A run of at least 4 KiB that begins and ends with a sector of a disk. By chance one run in 262,144 does.
- Zeros at the end of the data that are more than the picture could need, in WebP (lossy) and AVIF.

Formats without compression (BMP, TIFF) are not checked, because their zeros are black; nor is baseline JPEG, because
its decoder notices holes. Holes at other places remain undetected.
"""

from collections.abc import Iterator

from dedup_assets.engine.pictures.codecs.isobmff import payloads

_HOLE_BYTES = 4096  # the blocks of most file systems
_SECTOR_BYTES = 512
_ZERO = b"\0"
_START_OF_SCAN, _START_OF_DATA = b"\xff\xda", b"\xff\x93"  # ISO/IEC 10918-1, B.1.1.3; 15444-1, A.4.3
_AVIF_TAIL_BYTES = 512  # the coded data of a tile end with a bit that is set (AV1, 4.10.4)
_MACROBLOCK, _MACROBLOCK_BYTES = 16, 8  # px; more zeros than a macroblock can take (RFC 6386, 11 and 13)
_CODED_BY_WEBP = (b"VP8 ", b"VP8L", b"ALPH")


def find_hole(format_name: str, data: bytes) -> str:
    """Where picture data are lost, in words; empty where nothing is, or the format does not tell.

    Args:
        format_name: as Pillow spells it; "JPEG" is a progressive one.
        data: the whole file.
    """
    for start, end, longest_tail in _coded_parts(format_name, data):
        kept = start + len(data[start:end].rstrip(_ZERO))
        if end - kept > longest_tail:
            return _say(kept, end)
        hole = _find_sectors(data, start, end)
        if hole:
            return _say(*hole)
    return ""


def _coded_parts(format_name: str, data: bytes) -> Iterator[tuple[int, int, int]]:
    """Start and end of the parts that hold compressed data, and how many zeros they may end with."""
    if format_name == "WEBP":
        yield from _webp_parts(data)
    elif format_name in ("AVIF", "HEIF"):
        tail = _AVIF_TAIL_BYTES if format_name == "AVIF" else len(data)
        yield from ((start, min(end, len(data)), tail) for start, end in payloads(data, b"mdat"))
    elif format_name == "JPEG":
        yield max(data.find(_START_OF_SCAN), 0), len(data), len(data)  # notes before it may be padded with zeros
    elif format_name == "JPEG2000":
        yield max(data.find(_START_OF_DATA), 0), len(data), len(data)


def _webp_parts(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Chunks of the RIFF container that are coded (RFC 9649, 2.3)."""
    start = 12
    while start + 8 <= len(data):
        kind, body = data[start : start + 4], start + 8
        end = body + int.from_bytes(data[start + 4 : body], "little")
        if kind in _CODED_BY_WEBP:
            yield body, min(end, len(data)), _vp8_tail(data, body) if kind == b"VP8 " else len(data)
        start = end + end % 2


def _vp8_tail(data: bytes, start: int) -> int:
    """The most zeros that a lossy picture can end with."""
    sides = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (start + 6, start + 8))
    across, down = (-(-side // _MACROBLOCK) for side in sides)
    return across * down * _MACROBLOCK_BYTES


def _find_sectors(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """A run of zeros that begins and ends with a sector."""
    found = data.find(bytes(_HOLE_BYTES), start, end)
    while found >= 0:
        last = _end_of_run(data, found, end)
        if found % _SECTOR_BYTES == 0 and last % _SECTOR_BYTES == 0:
            return found, last
        found = data.find(bytes(_HOLE_BYTES), last, end)
    return None


def _end_of_run(data: bytes, start: int, end: int) -> int:
    while start < end and data[start : start + _HOLE_BYTES] == bytes(_HOLE_BYTES):
        start += _HOLE_BYTES
    rest = data[start : min(start + _HOLE_BYTES, end)]
    return start + len(rest) - len(rest.lstrip(_ZERO))


def _say(start: int, end: int) -> str:
    return f"{end - start} bytes from byte {start} on are lost: they are all zero"
