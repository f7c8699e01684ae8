"""Whether a file was cut or has a hole, though its first frame might still be shown.

Such a file is bad even where a decoder fills in what is missing (openjpeg does) or never looks (Pillow reads no GIF
frame after the first, and no PNG chunk after the pixels).
"""

from collections.abc import Mapping
from typing import Any

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import gif, png
from dedup_assets.engine.pictures.codecs.damage import to_image_error
from dedup_assets.engine.pictures.codecs.holes import find_hole
from dedup_assets.engine.pictures.codecs.isobmff import last_box_is_cut

_TIFF_OFFSETS_AND_COUNTS = ((273, 279), (324, 325))  # strips, tiles


def check(format_name: str, data: bytes, tiff_tags: Mapping[int, Any] | None = None) -> None:
    """Refuse a file of which a part is missing.

    Args:
        format_name: as Pillow spells it.
        data: the whole file.
        tiff_tags: tag number to value, of the first page of a TIFF.

    Raises:
        ImageError: ERROR_TRUNCATED_IMAGE where the end is missing, ERROR_CORRUPT_IMAGE where there is a hole.
    """
    if cut := find_cut(format_name, data, tiff_tags):
        raise ImageError(ErrorCode.TRUNCATED_IMAGE, f"{format_name}: {cut}")
    if hole := find_hole(format_name, data):
        raise ImageError(ErrorCode.CORRUPT_IMAGE, f"{format_name}: {hole}")


def cut_or(error: Exception, format_name: str, data: bytes) -> ImageError:
    """The error of a file that could not be read: truncated if it was cut, though readers often call it corrupt."""
    judged = to_image_error(error, format_name)
    if judged.code is ErrorCode.CORRUPT_IMAGE and (cut := find_cut(format_name, data)):
        return ImageError(ErrorCode.TRUNCATED_IMAGE, f"{judged}; {cut}")
    return judged


def find_cut(format_name: str, data: bytes, tiff_tags: Mapping[int, Any] | None = None) -> str:
    """What is missing at the end of the file; empty if nothing is, or if the format does not tell.

    Args:
        format_name: as Pillow spells it.
        data: the whole file.
        tiff_tags: tag number to value, of the first page of a TIFF.
    """
    missing = False
    if format_name == "PNG":
        missing = b"IEND" not in data and not png.has_all_pixels(data)
    elif format_name == "WEBP":
        missing = int.from_bytes(data[4:8], "little") + 8 > len(data)
    elif format_name == "JPEG2000":
        missing = b"\xff\xd9" not in data  # packets never hold a marker (ISO/IEC 15444-1, B.10.1)
    elif format_name == "GIF":
        missing = gif.is_cut(data)
    elif format_name == "DDS":
        missing = 2 * len(data) < _dds_pixels(data)  # no kind that is read has less than 4 bits per pixel
    elif format_name in ("AVIF", "HEIF"):
        missing = last_box_is_cut(data)
    elif tiff_tags:
        missing = _tiff_is_cut(data, tiff_tags)
    return f"the file ends early, after {len(data)} bytes" if missing else ""


def _dds_pixels(data: bytes) -> int:
    """The pixels that a header claims: before version 13, Pillow works for minutes on 128 bytes that claim many."""
    return int.from_bytes(data[12:16], "little") * int.from_bytes(data[16:20], "little")


def _tiff_is_cut(data: bytes, tags: Mapping[int, Any]) -> bool:
    for offsets_tag, counts_tag in _TIFF_OFFSETS_AND_COUNTS:
        offsets, counts = tags.get(offsets_tag, ()), tags.get(counts_tag, ())
        if isinstance(offsets, tuple) and isinstance(counts, tuple):
            ends = (offset + count for offset, count in zip(offsets, counts, strict=False))
            if any(end > len(data) for end in ends):
                return True
    return False
