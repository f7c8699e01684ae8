"""How many frames or pages a file has, from its blocks alone: nothing is decoded.

Only the first frame of a file is decoded anywhere, so two files with equal first frames may still differ.
"""

import struct

from dedup_assets.engine.pictures.codecs import gif, isobmff, png, raw

_SEQUENCES = {b"avis", b"msf1", b"hevc", b"hevx", b"hevm", b"hevs"}  # ISO/IEC 23008-12 and 23000-22: image sequences
_SEVERAL = 2
_MOST_PAGES = 4096  # of a TIFF whose pages may point back at each other
_NEW_SUBFILE_TYPE = 254
_SMALLER, _MASK = 1, 4  # flags of a page that is a thumbnail or a mask of another one (TIFF 6.0, page 36)
_ENTRY_BYTES = 12


def count_frames(data: bytes) -> int:
    """The number of frames of an animation, or of pages of a document; 1 for any other picture.

    The frames of an AVIF or HEIF sequence are not counted: it has 2, which means several. A file whose blocks are
    damaged has those before the damage. Thumbnails and masks in a TIFF, sizes in an icon, layers, and the previews of a
    camera's file are no pages.

    Args:
        data: the whole file.
    """
    if data.startswith((b"GIF87a", b"GIF89a")):
        return max(gif.count_frames(data), 1)
    if data.startswith(b"\x89PNG"):
        return max(png.count_frames(data), 1)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return max(_count_webp_frames(data), 1)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return 1 if raw.accepts(data) else max(_count_tiff_pages(data), 1)
    return _SEVERAL if isobmff.read_brands(data) & _SEQUENCES else 1


def _count_webp_frames(data: bytes) -> int:
    """Chunks `ANMF` (RFC 9649, 2.7.1.1)."""
    frames, place = 0, 12
    while place + 8 <= len(data):
        frames += data[place : place + 4] == b"ANMF"
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    return frames


def _count_tiff_pages(data: bytes) -> int:
    """Image file directories that are pages of their own (TIFF 6.0, section 2)."""
    order = "<" if data.startswith(b"II") else ">"
    pages = 0
    seen: set[int] = set()
    try:
        (place,) = struct.unpack_from(f"{order}I", data, 4)
        while place and place not in seen and len(seen) < _MOST_PAGES:
            seen.add(place)
            (entries,) = struct.unpack_from(f"{order}H", data, place)
            (following,) = struct.unpack_from(f"{order}I", data, place + 2 + entries * _ENTRY_BYTES)
            pages += not _is_part(data, place + 2, entries, order)
            place = following
    except struct.error:
        pass
    return pages


def _is_part(data: bytes, start: int, entries: int, order: str) -> bool:
    for entry in range(start, start + entries * _ENTRY_BYTES, _ENTRY_BYTES):
        tag, _, _, value = struct.unpack_from(f"{order}HHII", data, entry)
        if tag == _NEW_SUBFILE_TYPE:
            return bool(value & (_SMALLER | _MASK))
    return False
