"""Which codec reads a file: every format is recognised by its content, never by its name."""

from collections.abc import Callable

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import heif, isobmff, jpeg, jpegxl, pam, pillow, radiance, raw
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture

_NOT_IMAGES = {
    b"%PDF": "PDF", b"%!PS": "PostScript", b"<svg": "SVG", b"<?xml": "XML or SVG", b"<!DOCTYPE": "HTML",
    b"<html": "HTML", b"PK\x03\x04": "ZIP", b"v/1\x01": "OpenEXR",
    b"\x1a\x45\xdf\xa3": "Matroska or WebM video",
}  # fmt: skip
_OF_TEXT = bytes((*b"\t\n\r", *range(0x20, 0x7F)))

_Opener = Callable[[bytes, tuple[int, int] | None], OpenedPicture]
_BY_CONTENT: tuple[tuple[Callable[[bytes], bool], _Opener], ...] = (
    (jpeg.accepts, jpeg.open_picture),
    (raw.accepts, raw.open_picture),
    (jpegxl.accepts, lambda data, _: jpegxl.open_picture(data)),
    (radiance.accepts, lambda data, _: radiance.open_picture(data)),
    (pam.accepts, lambda data, _: pam.open_picture(data)),
)


def open_picture(data: bytes, at_least: tuple[int, int] | None) -> OpenedPicture:
    """Read the header of a file.

    Args:
        data: the whole file, not empty.
        at_least: (height, width) that is needed; a JPEG may come scaled down to no less.

    Raises:
        ImageError: the content is no image that can be read (ERROR_UNSUPPORTED_FORMAT), or its header is damaged.
    """
    opener = next((opener for accepts, opener in _BY_CONTENT if accepts(data)), None)
    if opener:
        return opener(data, at_least)
    brands = isobmff.read_brands(data)
    if heif.accepts(brands):
        return heif.open_picture(data)
    if picture := pillow.open_picture(data):
        return picture
    raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, f"not an image that can be read: {_first_bytes(data, brands)}")


def may_be_scaled(data: bytes) -> bool:
    """Whether the decoder of a file may scale it down: a JPEG, or the preview of a raw file."""
    return jpeg.accepts(data) or raw.accepts(data)


def _first_bytes(data: bytes, brands: set[bytes]) -> str:
    start = data[:16]
    if brands:
        return f"looks like a video or another ISO media file, brand {data[8:12]!r}"
    for magic, name in _NOT_IMAGES.items():
        if start.startswith(magic):
            return f"looks like {name}"
    if not start.strip(_OF_TEXT):  # its words may be a secret: a list can name any file
        return "looks like text"
    return f"starts with {start!r}"
