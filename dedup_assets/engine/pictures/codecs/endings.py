"""Whether a file was cut: its end is missing though the first frame might still be shown.

A cut file is bad even where a decoder fills in what is missing (openjpeg does) or never looks (Pillow reads no GIF
frame after the first, and no PNG chunk after the pixels).
"""

from collections.abc import Mapping
from typing import Any

_TIFF_OFFSETS_AND_COUNTS = ((273, 279), (324, 325))  # strips, tiles


def find_cut(format_name: str, data: bytes, tiff_tags: Mapping[int, Any] | None = None) -> str:
    """What is missing at the end of the file; empty if nothing is, or if the format does not tell.

    Args:
        format_name: as Pillow spells it.
        data: the whole file.
        tiff_tags: tag number to value, of the first page of a TIFF.
    """
    missing = False
    if format_name == "PNG":
        missing = b"IEND" not in data
    elif format_name == "WEBP":
        missing = int.from_bytes(data[4:8], "little") + 8 > len(data)
    elif format_name == "JPEG2000":
        missing = b"\xff\xd9" not in data  # packets never hold a marker (ISO/IEC 15444-1, B.10.1)
    elif format_name == "GIF":
        missing = _gif_is_cut(data)
    elif format_name == "DDS":
        missing = 2 * len(data) < _dds_pixels(data)  # no kind that is read has less than 4 bits a pixel
    elif format_name in ("AVIF", "HEIF"):
        missing = _last_box_is_cut(data)
    elif tiff_tags:
        missing = _tiff_is_cut(data, tiff_tags)
    return f"the file ends early, after {len(data)} bytes" if missing else ""


def _gif_is_cut(data: bytes) -> bool:
    """Walk the blocks (GIF89a, appendix B). A file that ends between blocks, only without its trailer, is whole."""
    try:
        position = 13 + _color_table_bytes(data[10])
        while position < len(data):
            kind = data[position]
            if kind == ord("!"):
                position = _skip_sub_blocks(data, position + 2)
            elif kind == ord(","):
                position = _skip_sub_blocks(data, position + 11 + _color_table_bytes(data[position + 9]))
            else:  # the trailer, or junk after the last block
                return False
    except IndexError:
        return True
    return position > len(data)


def _color_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_sub_blocks(data: bytes, position: int) -> int:
    while length := data[position]:
        position += length + 1
    return position + 1


def _dds_pixels(data: bytes) -> int:
    """Before version 13 Pillow works minutes on a header of 128 bytes that claims many pixels."""
    return int.from_bytes(data[12:16], "little") * int.from_bytes(data[16:20], "little")


def _last_box_is_cut(data: bytes) -> bool:
    """Walk the outer boxes (ISO/IEC 14496-12, 4.2) and see whether the last one fits."""
    position = 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if size == 1:  # the real one is in 64 bits
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        is_box = data[position + 4 : position + 8].isalnum()  # else what follows the last one does no harm
        if size < 8 or not is_box:  # noqa: PLR2004 - 0: up to the end of the file
            return False
        position += size
    return position > len(data)


def _tiff_is_cut(data: bytes, tags: Mapping[int, Any]) -> bool:
    for offsets_tag, counts_tag in _TIFF_OFFSETS_AND_COUNTS:
        offsets, counts = tags.get(offsets_tag, ()), tags.get(counts_tag, ())
        if isinstance(offsets, tuple) and isinstance(counts, tuple):
            ends = (offset + count for offset, count in zip(offsets, counts, strict=False))
            if any(end > len(data) for end in ends):
                return True
    return False
