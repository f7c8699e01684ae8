"""Every format but JPEG: recognised by content, opened by Pillow or, for HEIC, by libheif through pi_heif.

Pillow's format classes are called directly and `Image.open` is not: it would judge sizes by a limit that is global to
the process, and hide why a file that has the right first bytes could not be opened. pi_heif is not registered with
Pillow; its own reader is called. So nothing global changes, at import or later.

Left out on purpose: formats for which Pillow starts a program (EPS) or only knows the name (WMF, HDF5, MPEG, ...).
"""

from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import exif, rgb
from dedup_assets.engine.pictures.codecs.checksums import has_damaged_chunk
from dedup_assets.engine.pictures.codecs.colours import correction_of
from dedup_assets.engine.pictures.codecs.damage import silence, to_image_error
from dedup_assets.engine.pictures.codecs.endings import find_cut
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture

# First bytes that no other file has by chance: if such a file cannot be opened, it is damaged, not of another kind.
_DISTINCT = ("PNG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "AVIF", "PSD", "QOI", "ICNS", "ICO", "DDS", "BLP", "MSP")
# Short or no magic: tried in this order, and a failure says nothing. TGA has none and comes last.
_INDISTINCT = ("DIB", "PPM", "CUR", "PCX", "SGI", "SUN", "FLI", "XBM", "XPM", "TGA")
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}
_TGA_HEADER_BYTES = 18
_AVIF_BRANDS = {b"avif", b"avis"}
_NOT_IMAGES = {
    b"%PDF": "PDF", b"%!PS": "PostScript", b"<svg": "SVG", b"<?xml": "XML or SVG", b"<!DOCTYPE": "HTML",
    b"<html": "HTML",
    b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL", b"PK\x03\x04": "ZIP", b"v/1\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR", b"\x1a\x45\xdf\xa3": "Matroska or WebM video",
}  # fmt: skip


def open_picture(data: bytes) -> OpenedPicture:
    """Read the header of a file that is not a JPEG.

    Raises:
        ImageError: the content is no image that can be read (ERROR_UNSUPPORTED_FORMAT), or its header is damaged.
    """
    brands = _brands(data)
    with silence:
        if brands & _HEIF_BRANDS and not brands & _AVIF_BRANDS:
            return _open_heif(data)
        for name, factory in _candidates(data):
            try:
                image = factory(BytesIO(data), "")
            except Exception as error:
                if name in _DISTINCT:
                    raise _cut_or(error, name, data) from error
            else:
                return _describe(image, name, data)
    raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, f"not an image that can be read: {_first_bytes(data, brands)}")


@cache
def _readers() -> tuple[tuple[str, Any, Any], ...]:
    """(name, factory, accept) of the formats above, as Pillow registered them."""
    Image.init()
    return tuple((name, *Image.OPEN[name]) for name in _DISTINCT + _INDISTINCT if name in Image.OPEN)


def _candidates(data: bytes) -> list[tuple[str, Callable[[BytesIO, str], ImageFile.ImageFile]]]:
    """The formats whose reader accepts the first bytes, in order."""
    found, prefix = [], data[:16].ljust(16, b"\0")  # some readers index into a prefix without looking at its length
    for name, factory, accept in _readers():
        accepted = accept(prefix) if accept else _may_be_tga(data)
        if isinstance(accepted, str):  # Pillow was built without the library for it
            raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, f"{name}: {accepted}")
        if accepted:
            found.append((name, factory))
    return found


def _may_be_tga(data: bytes) -> bool:
    """Whether 18 bytes make sense as a TGA header: the format has no magic, and Pillow takes much for one."""
    if len(data) < _TGA_HEADER_BYTES:
        return False
    kind, depth, descriptor = data[2], data[16], data[17]
    pixels = int.from_bytes(data[12:14], "little") * int.from_bytes(data[14:16], "little")
    runs = pixels * depth // 8 // 128  # the fewest bytes that run-length coding can need
    return kind in (1, 2, 3, 9, 10, 11) and depth in (1, 8, 15, 16, 24, 32) and descriptor < 0x40 and len(data) > runs  # noqa: PLR2004


def _cut_or(error: Exception, name: str, data: bytes) -> ImageError:
    """The error of a file that could not be read; a reader calls corrupt what only was cut."""
    judged = to_image_error(error, name)
    if judged.code is ErrorCode.CORRUPT_IMAGE and (cut := find_cut(name, data)):
        return ImageError(ErrorCode.TRUNCATED_IMAGE, f"{judged}; {cut}")
    return judged


def _describe(image: ImageFile.ImageFile, name: str, data: bytes) -> OpenedPicture:
    width, height = image.size
    # TIFF: Pillow turns it by itself, its size is as displayed. AVIF: Pillow rewrites EXIF from `irot` and `imir`.
    if name != "TIFF" and exif.swaps_sides(_orientation(image)):
        width, height = height, width
    return OpenedPicture(name, width, height, lambda: _load(image, name, data))


def _load(image: ImageFile.ImageFile, name: str, data: bytes) -> NDArray[np.uint8]:
    with silence, image:
        if cut := find_cut(name, data, getattr(image, "tag_v2", None)):
            raise ImageError(ErrorCode.TRUNCATED_IMAGE, f"{name}: {cut}")
        if name == "PNG" and has_damaged_chunk(data):
            raise ImageError(ErrorCode.CORRUPT_IMAGE, "PNG: the pixels are not what their checksum says")
        frame = image.tile[0].extents if name == "GIF" and image.tile else None
        image.load()
        pixels = rgb.to_rgb(image, correction_of(image, data))
        if frame and frame != (0, 0, *image.size):
            pixels = _on_paper(pixels, *frame)
        return pixels if name == "TIFF" else exif.turn_upright(pixels, _orientation(image))


def _on_paper(pixels: NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
    """White around the first frame of a GIF, where browsers show the page; Pillow has the background colour there."""
    paper = np.full_like(pixels, 255)
    paper[top:bottom, left:right] = pixels[top:bottom, left:right]
    return paper


def _orientation(image: Image.Image) -> int:
    block = image.info.get("exif")
    return exif.read_orientation(block) if isinstance(block, bytes) else exif.UPRIGHT


def _open_heif(data: bytes) -> OpenedPicture:
    """HEIC: libheif applies `irot` and `imir`; EXIF orientation merely repeats them and is not applied again."""
    import pi_heif

    try:
        container = pi_heif.open_heif(data, convert_hdr_to_8bit=True)
    except Exception as error:
        raise _cut_or(error, "HEIF", data) from error
    if not len(container):
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "HEIF: no picture in a coding that libheif can decode here")
    width, height = container.size

    def load() -> NDArray[np.uint8]:
        if cut := find_cut("HEIF", data):  # libheif leaves lost tiles black
            raise ImageError(ErrorCode.TRUNCATED_IMAGE, f"HEIF: {cut}")
        with silence:
            image = container.to_pillow()
            return rgb.to_rgb(image, correction_of(image, data))

    return OpenedPicture("HEIF", width, height, load)


def _brands(data: bytes) -> set[bytes]:
    """Major and compatible brands of an ISO base media file (ISO/IEC 14496-12, `ftyp`); empty for any other file."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), 256, len(data))
    return {data[8:12], *(data[start : start + 4] for start in range(16, end, 4))}


def _first_bytes(data: bytes, brands: set[bytes]) -> str:
    start = data[:16]
    if brands:
        return f"looks like a video or another ISO media file, brand {data[8:12]!r}"
    for magic, name in _NOT_IMAGES.items():
        if start.startswith(magic):
            return f"looks like {name}"
    return f"starts with {start!r}"
