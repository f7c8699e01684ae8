"""Every format that Pillow reads except JPEG: recognised by content, and opened.

Pillow's format classes are called directly, because `Image.open` would hide why a file with the right first bytes could
not be opened. Nothing global changes, at import or later.

Left out on purpose: formats for which Pillow starts a program (EPS) or only knows the name (WMF, HDF5, MPEG, ...).
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import bitfields, endings, exif, gif, isobmff, png, png_pixels, rgb, tiff
from dedup_assets.engine.pictures.codecs.colours import Correction, correction_of
from dedup_assets.engine.pictures.codecs.damage import silence, to_image_error
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture
from dedup_assets.engine.pictures.codecs.second_opinion import ffmpeg_reads

# First bytes that no other file has by chance: if such a file cannot be opened, it is damaged, not of another kind.
_DISTINCT = ("PNG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "AVIF", "PSD", "QOI", "ICNS", "ICO", "DDS", "BLP", "MSP")
# Short or no magic: tried in this order, and a failure says nothing. TGA has none and comes last.
_INDISTINCT = ("DIB", "PPM", "CUR", "PCX", "SGI", "SUN", "FLI", "XBM", "XPM", "TGA")
_TGA_HEADER_BYTES = 18
_CODESTREAM = b"\xff\x4f\xff\x51"
_MOST_FRAMES, _MOST_FRAME_PIXELS = 32, 200_000_000  # searched for a frame with content, in a second or two
_SAMPLED_ROWS, _FLAT_LEVELS = 16, 4  # rows per sampled row; levels that one colour may vary by
_DEEP_GRAY_WITH_ALPHA = "LA;16B"
_DEEP_COLOUR = ("RGB;16", "RGBA;16", "RGBX;16")
_OTHER_ORDER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}

_PREPARED_BY: dict[str, Callable[[bytes], bytes]] = {"GIF": gif.with_room_for_frame, "PNG": png.without_notes}
_MENDERS: dict[str, Callable[[bytes], bytes]] = {
    "AVIF": isobmff.with_one_association,
    "JPEG2000": lambda data: data[max(data.find(_CODESTREAM), 0) :],  # without its boxes, one of which is damaged
    "PNG": png.needed_chunks,
}

Factory = Callable[[BytesIO, str], ImageFile.ImageFile]


def open_picture(data: bytes) -> OpenedPicture | None:
    """Read the header; None where the content is of no format that Pillow reads.

    Raises:
        ImageError: the header is damaged, or of a kind that cannot be read.
    """
    with silence:
        for name, factory in _candidates(data):
            try:
                image = _open(name, factory, data)
            except Exception as error:
                if name == "TIFF":
                    return _open_unusual_tiff(data, error)
                if name == "BMP" and bitfields.accepts(data):
                    return bitfields.open_picture(data)
                if name in _DISTINCT:
                    raise _judge(error, name, data) from error
            else:
                return _describe(image, name, factory, data)
    return None


@cache
def _readers() -> tuple[tuple[str, Any, Any], ...]:
    """(name, factory, accept) of the formats above, as Pillow registered them."""
    Image.init()
    return tuple((name, *Image.OPEN[name]) for name in _DISTINCT + _INDISTINCT if name in Image.OPEN)


def _candidates(data: bytes) -> list[tuple[str, Factory]]:
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
    """Whether 18 bytes make sense as a TGA header: the format has no magic, and Pillow accepts too many files."""
    if len(data) < _TGA_HEADER_BYTES:
        return False
    kind, depth, descriptor = data[2], data[16], data[17]
    pixels = int.from_bytes(data[12:14], "little") * int.from_bytes(data[14:16], "little")
    runs = pixels * depth // 8 // 128  # the fewest bytes that run-length coding can need
    return kind in (1, 2, 3, 9, 10, 11) and depth in (1, 8, 15, 16, 24, 32) and descriptor < 0x40 and len(data) > runs  # noqa: PLR2004


def _open(name: str, factory: Factory, data: bytes) -> ImageFile.ImageFile:
    """Open a file; if that fails, without a part that Pillow cannot read and the picture does not need."""
    given = _PREPARED_BY[name](data) if name in _PREPARED_BY else data
    try:
        return factory(BytesIO(given), "")
    except Exception:
        mended = _MENDERS[name](data) if name in _MENDERS else data
        with suppress(Exception):  # the first error says what is wrong
            if mended != data:
                return factory(BytesIO(mended), "")
        raise


def _judge(error: Exception, name: str, data: bytes) -> ImageError:
    judged = endings.cut_or(error, name, data)
    # libavif enforces rules of the container that other readers pass over.
    if name == "AVIF" and judged.code is ErrorCode.CORRUPT_IMAGE and ffmpeg_reads(data):
        return ImageError(ErrorCode.UNSUPPORTED_FORMAT, f"{judged}; FFmpeg reads it, so it need not be damaged")
    return judged


def _describe(image: ImageFile.ImageFile, name: str, factory: Factory, data: bytes) -> OpenedPicture:
    if name == "TIFF" and tiff.is_misread(image):
        return tiff.open_picture(data)
    width, height = image.size
    # TIFF: Pillow turns it by itself, its size is as displayed. AVIF: Pillow rewrites EXIF from `irot` and `imir`.
    if name != "TIFF" and exif.swaps_sides(_orientation(image)):
        width, height = height, width
    noticed: set[str] = set()
    return OpenedPicture(name, width, height, lambda: _load(image, name, factory, data, noticed), noticed=noticed)


def _load(image: ImageFile.ImageFile, name: str, factory: Factory, data: bytes, noticed: set[str]) -> NDArray[np.uint8]:
    with silence, image:
        endings.check(name, data, getattr(image, "tag_v2", None))
        if name == "PNG" and png.has_damaged_chunk(data):
            raise ImageError(ErrorCode.CORRUPT_IMAGE, "PNG: the pixels are not what their checksum says")
        if name == "PNG" and (usual := png_pixels.read(data, image.size)) is not None:
            shown = png_pixels.to_rgb(usual, image, _png_correction(image, data), noticed)
            return exif.turn_upright(shown, _orientation(image))
        frame = image.tile[0].extents if name == "GIF" and image.tile else None
        lower_bytes = _lower_bytes(image, name, factory, data)
        try:
            image.load()
        except Exception as error:
            if name == "TIFF" and (
                tiff.is_unknown_compression(image) or to_image_error(error, name).code is ErrorCode.UNSUPPORTED_FORMAT
            ):
                return _open_unusual_tiff(data, error).load()
            raise
        correct = _png_correction(image, data) if name == "PNG" else correction_of(image, data)
        pixels = rgb.to_rgb(image, correct, lower_bytes, noticed)
        if frame and frame != (0, 0, *image.size):
            pixels = _on_paper(pixels, *frame)
        # Layers of a PSD are no frames, and damaged ones do not matter.
        if _is_flat(pixels) and name != "PSD" and getattr(image, "is_animated", False):
            pixels = _first_with_content(image, data, pixels)
        return pixels if name == "TIFF" else exif.turn_upright(pixels, _orientation(image))


def _png_correction(image: Image.Image, data: bytes) -> Correction | None:
    """As `correction_of`, also by a profile that is too large for Pillow."""
    if profile := png.large_profile(data):
        image.info["icc_profile"] = profile
    return correction_of(image, data)


def _first_with_content(image: ImageFile.ImageFile, data: bytes, first: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The first frame or page that has more than one colour; `first` if none of those tried has, or one is damaged."""
    with suppress(Exception):
        for number in range(1, min(_MOST_FRAMES, _MOST_FRAME_PIXELS * first.shape[2] // first.size)):
            image.seek(number)
            image.load()
            pixels = rgb.to_rgb(image, correction_of(image, data))
            if pixels.shape == first.shape and not _is_flat(pixels):
                return pixels
    return first


def _is_flat(pixels: NDArray[np.uint8]) -> bool:
    sample = pixels[::_SAMPLED_ROWS]  # nearly always says no, in microseconds
    return all(_spread(some) <= _FLAT_LEVELS for some in (sample, pixels))


def _spread(pixels: NDArray[np.uint8]) -> int:
    """The largest difference between two levels of one channel."""
    rows = pixels.reshape(len(pixels), -1)  # numpy takes 180 times as long for the extremes of (pixels, 3)
    lowest, highest = (levels.reshape(-1, 3).astype(int) for levels in (rows.min(axis=0), rows.max(axis=0)))
    return int((highest.max(axis=0) - lowest.min(axis=0)).max())


def _lower_bytes(image: ImageFile.ImageFile, name: str, factory: Factory, data: bytes) -> rgb.LowerBytes | None:
    """How to get the lower bytes of 16-bit colour; None for an image of another kind.

    Pillow takes every second byte of 16-bit colour, and the others if it reads them in the other byte order.
    """
    raw_modes = {_raw_mode(tile.args) for tile in image.tile}
    if raw_modes == {_DEEP_GRAY_WITH_ALPHA}:
        return lambda: _gray_lower_bytes(_open(name, factory, data))
    if not raw_modes or not all(mode.startswith(_DEEP_COLOUR) for mode in raw_modes):
        return None

    def load() -> Image.Image:
        other = _open(name, factory, data)
        other.tile = [tile._replace(args=_with_raw_mode(tile.args)) for tile in other.tile]
        other.load()
        return other

    return load


def _gray_lower_bytes(image: ImageFile.ImageFile) -> Image.Image:
    """The lower bytes of 16-bit gray and alpha, read as if they were four bands of 8 bits."""
    image.tile = [tile._replace(args="RGBA") for tile in image.tile]
    image.load()
    _, gray, _, alpha = image.split()
    return Image.merge("RGBA", (gray, gray, gray, alpha))


def _raw_mode(args: Any) -> str:  # noqa: ANN401 - of any decoder
    mode = args[0] if isinstance(args, tuple | list) and args else args
    return mode if isinstance(mode, str) else ""


def _with_raw_mode(args: Any) -> Any:  # noqa: ANN401 - as above
    """The arguments of a decoder, for samples of the other byte order."""
    mode = _raw_mode(args)
    other = mode[:-1] + _OTHER_ORDER[mode[-1]]
    return (other, *args[1:]) if isinstance(args, tuple | list) else other


def _open_unusual_tiff(data: bytes, error: Exception) -> OpenedPicture:
    """A TIFF that Pillow refuses with `error`.

    Raises:
        ImageError: tifffile cannot read it either. What only Pillow finds damaged is not called corrupt.
    """
    judged = endings.cut_or(error, "TIFF", data)
    if judged.code is ErrorCode.TRUNCATED_IMAGE:
        raise judged from error
    try:
        picture = tiff.open_picture(data)
    except ImageError:
        raise
    except Exception:  # noqa: BLE001 - tifffile raises whatever comes
        raise judged from error

    def load() -> NDArray[np.uint8]:
        try:
            return picture.load()
        except (ImageError, MemoryError):
            raise
        except Exception as other:
            raise ImageError(judged.code, f"{judged}; tifffile: {to_image_error(other, 'TIFF')}") from other

    return replace(picture, load=load)


def _on_paper(pixels: NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
    """Put white around the first frame of a GIF, where Pillow has the background colour and browsers show the page."""
    paper = np.full_like(pixels, 255)
    paper[top:bottom, left:right] = pixels[top:bottom, left:right]
    return paper


def _orientation(image: Image.Image) -> int:
    block = image.info.get("exif")
    return exif.read_orientation(block) if isinstance(block, bytes) else exif.UPRIGHT
