"""Checksums of PNG chunks (ISO/IEC 15948, 5.5), which Pillow does not look at where the pixels are.

Deflate makes something of most damaged data: without the checksum the picture is noise from there on, and good.
Browsers refuse it (libpng: an error, for every chunk that the picture needs).
"""

from zlib import crc32

_SIGNATURE_BYTES = 8
_FRAME_BYTES = 12  # length, type and checksum


def has_damaged_chunk(data: bytes) -> bool:
    """Whether a chunk of a PNG that the picture needs is not what its checksum says; one that is cut is left out."""
    view, place = memoryview(data), _SIGNATURE_BYTES
    while place + _FRAME_BYTES <= len(data):
        kind = data[place + 4 : place + 8]
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        if end + 4 > len(data) or kind == b"IEND":
            return False
        if kind[:1].isupper() and crc32(view[place + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return True
        place = end + 4
    return False
