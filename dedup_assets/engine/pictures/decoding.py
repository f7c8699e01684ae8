"""Bytes to RGB: what is in a file, as a person sees it.

A file is good if a person would see the whole picture. Otherwise ImageError is raised, never the exception of a
decoder. The decoders are in `codecs/`.

All functions may be called from many threads; decoding and resizing release the interpreter lock where the libraries do
(libjpeg-turbo, Pillow's decoders and resampling, libheif).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.core.defaults import MAX_PIXELS
from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.image_facts import ImageFacts
from dedup_assets.engine.core.records import BoundingBox, ErrorCode
from dedup_assets.engine.pictures.codecs import jpeg, recognition
from dedup_assets.engine.pictures.codecs.damage import translated
from dedup_assets.engine.pictures.codecs.metadata import read_moment
from dedup_assets.engine.pictures.codecs.opened import TRANSPARENT, OpenedPicture
from dedup_assets.engine.pictures.measuring import measure
from dedup_assets.engine.pictures.resizing import resize


@dataclass(frozen=True)
class DecodingLimits:
    """Which pictures are refused, judged by their header.

    Attributes:
        min_side: pixels; a picture with a shorter side is ERROR_IMAGE_TOO_SMALL.
        max_pixels: width times height; a picture with more is ERROR_IMAGE_TOO_LARGE. Decoding takes 3 to 6 bytes per
            pixel for JPEG, up to 16 for other formats. Pillow's own limit (179 million, twice
            `PIL.Image.MAX_IMAGE_PIXELS`) holds too, for GIF, WebP, ICO, ICNS and TIFF, except in decoding processes.
    """

    min_side: int = 10
    max_pixels: int = MAX_PIXELS


_RGB = 3
_COSTLY_PIXELS = 1 << 20  # of a picture that takes several times as long to decode as to make thumbnails of
_THUMBNAIL_QUALITY = 80
_THUMBNAIL_HEADER_BYTES = 1 << 12
_DEFAULT_LIMITS = DecodingLimits()


def decode(
    data: bytes | memoryview,
    *,
    at_least: tuple[int, int] | None = None,
    box: BoundingBox | None = None,
    limits: DecodingLimits = _DEFAULT_LIMITS,
) -> NDArray[np.uint8]:
    """Decode a picture: the first frame with content, upright, without transparency, in 8 bits per channel.

    `codecs/jpeg.py` says which damaged JPEG is still good, `codecs/backdrop.py` what transparent pixels become, and
    `codecs/depth.py` how more than 8 bits become 8.

    Args:
        data: the whole file.
        at_least: (height, width) that the caller needs. The decoder scales a JPEG of more than twice that down, neither
            side below this; other formats, and smaller pictures, come in full size.
        box: crop, in pixels of the displayed, full-size picture; such a picture is not scaled down.
        limits: which pictures are refused before decoding.

    Returns:
        (h, w, 3) uint8 RGB, contiguous.

    Raises:
        ImageError: the picture cannot be used; `code` says why.
    """
    picture = _open_checked(data, at_least, box, limits)
    with translated(picture.format_name):
        pixels = _cut_out(picture.load(), box)
        return np.array(picture.correct(Image.fromarray(pixels))) if picture.correct else pixels


def decode_resized(
    data: bytes | memoryview,
    size: tuple[int, int],
    *,
    at_least: tuple[int, int] | None = None,
    box: BoundingBox | None = None,
    limits: DecodingLimits = _DEFAULT_LIMITS,
) -> NDArray[np.uint8]:
    """Decode a picture and resize it, without keeping its aspect ratio.

    Args:
        data: the whole file.
        size: (height, width) of the result.
        at_least: as for `decode`; `size` if None.
        box: as for `decode`.
        limits: as for `decode`.

    Returns:
        (height, width, 3) uint8 RGB, contiguous.

    Raises:
        ImageError: the picture cannot be used; `code` says why.
    """
    return _resized(_open_checked(data, at_least or size, box, limits), size, box)


class ResizablePicture:
    """A picture that is resized several times and decoded once, unless its decoder scales it down.

    Args:
        data: the whole file.
        box: as for `decode`.
        limits: as for `decode`.
    """

    def __init__(self, data: bytes, box: BoundingBox | None = None, limits: DecodingLimits = _DEFAULT_LIMITS) -> None:
        self._data, self._box, self._limits = data, box, limits
        self.is_scaled = recognition.may_be_scaled(data)
        self._loaded: OpenedPicture | None = None

    def resized(self, size: tuple[int, int], at_least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """As `decode_resized`."""
        if self.is_scaled:
            return decode_resized(self._data, size, at_least=at_least, box=self._box, limits=self._limits)
        if self._loaded is None:
            opened = _open_checked(self._data, None, self._box, self._limits)
            with translated(opened.format_name):
                pixels = _cut_out(opened.load(), self._box)
            self._loaded = replace(opened, load=lambda: pixels)
        return _resized(self._loaded, size, None)

    @property
    def decoded(self) -> NDArray[np.uint8] | None:
        """What `decode` gives, where it is there already: decoded in full size, in the colours of sRGB."""
        return None if self._loaded is None or self._loaded.correct else self._loaded.load()

    @property
    def is_transparent(self) -> bool | None:
        """Whether a pixel of the whole picture is not opaque; None where decoding has not seen it."""
        noticed = self._loaded.noticed if self._loaded else ()
        return TRANSPARENT in noticed if noticed else None


def decode_measured(
    data: bytes,
    size: tuple[int, int],
    *,
    box: BoundingBox | None = None,
    limits: DecodingLimits = _DEFAULT_LIMITS,
    thumbnails: Sequence[int] = (),
) -> tuple[NDArray[np.uint8], ImageFacts, list[bytes]]:
    """Decode a picture as `decode_resized` does, and measure it.

    Returns:
        (height, width, 3) uint8 RGB, contiguous; its facts, width and height those of the whole picture; and what
        `make_thumbnail` gives for each side in `thumbnails`, or nothing where decoding again costs little, and where
        it would start from other pixels.

    Raises:
        ImageError: the picture cannot be used; `code` says why.
    """
    opened = _open_checked(data, size, box, limits)
    made: list[bytes] = []
    if thumbnails and box is None and opened.width * opened.height >= _COSTLY_PIXELS:
        with translated(opened.format_name):
            pixels = opened.load()
            opened = replace(opened, load=lambda: pixels)
        made = _thumbnails(opened, thumbnails, may_be_scaled=recognition.may_be_scaled(data))
    picture = _resized(opened, size, box)
    taken = read_moment(data, opened.exif)
    return picture, ImageFacts(opened.width, opened.height, opened.format_name, taken, *measure(picture)), made


def _thumbnails(picture: OpenedPicture, sides: Sequence[int], *, may_be_scaled: bool) -> list[bytes]:
    """Thumbnails of a loaded picture; none if its pixels are not those that `make_thumbnail` would start from."""
    rows, columns = picture.load().shape[:2]
    sizes = [_shown(picture.width, picture.height, side) for side in sides]
    if may_be_scaled and not all(jpeg.is_least_scale((rows, columns), picture, size) for size in sizes):
        return []
    return [jpeg.encode(_resized(picture, size, None), _THUMBNAIL_QUALITY) for size in sizes]


def _resized(picture: OpenedPicture, size: tuple[int, int], box: BoundingBox | None) -> NDArray[np.uint8]:
    with translated(picture.format_name):
        squashed = resize(_cut_out(picture.load(), box), size)
        return np.array(picture.correct(Image.fromarray(squashed))) if picture.correct else squashed


def image_size(data: bytes | memoryview) -> tuple[int, int]:
    """The (width, height) of a picture as displayed, from its header.

    Raises:
        ImageError: the content is no image, or its header is damaged.
    """
    picture = _open(data, None)
    return picture.width, picture.height


def make_thumbnail(
    data: bytes | memoryview, size: tuple[int, int], side: int, limits: DecodingLimits = _DEFAULT_LIMITS
) -> bytes:
    """Shrink a picture to fit a square of `side` pixels, keeping its aspect ratio; a smaller one keeps its size.

    Args:
        data: the whole file.
        size: (width, height), as `image_size` gives it.
        side: of the square, in pixels.
        limits: as for `decode`.

    Returns:
        A JPEG file of less than `thumbnail_room(side)` bytes.

    Raises:
        ImageError: the picture cannot be used; `code` says why.
    """
    return jpeg.encode(decode_resized(data, _shown(*size, side), limits=limits), _THUMBNAIL_QUALITY)


def _shown(width: int, height: int, side: int) -> tuple[int, int]:
    """Height and width of a thumbnail."""
    scale = min(side / max(width, height, 1), 1)  # at most 1, so that the decoder may scale down
    return max(round(height * scale), 1), max(round(width * scale), 1)


def thumbnail_room(side: int) -> int:
    """An upper bound of the size of a thumbnail file: the bytes of its pixels, and a header."""
    return side * side * _RGB + _THUMBNAIL_HEADER_BYTES


def _open_checked(
    data: bytes | memoryview, at_least: tuple[int, int] | None, box: BoundingBox | None, limits: DecodingLimits
) -> OpenedPicture:
    picture = _open(data, None if box else at_least)
    _check_size(picture, limits)
    if box:
        _check_box(picture, box)
    return picture


def _cut_out(pixels: NDArray[np.uint8], box: BoundingBox | None) -> NDArray[np.uint8]:
    if box:
        pixels = pixels[box.row : box.row + box.height, box.col : box.col + box.width]
    return np.ascontiguousarray(pixels)


def _open(data: bytes | memoryview, at_least: tuple[int, int] | None) -> OpenedPicture:
    content = data if isinstance(data, bytes) else bytes(data)
    if not content:
        raise ImageError(ErrorCode.ZERO_SIZE_FILE, "the file has no bytes")
    with translated("header"):
        return recognition.open_picture(content, at_least)


def _check_size(picture: OpenedPicture, limits: DecodingLimits) -> None:
    size = f"{picture.format_name} of {picture.width} x {picture.height} pixels"
    if picture.width * picture.height > limits.max_pixels:
        raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"{size}: more than {limits.max_pixels} are not decoded")
    if min(picture.width, picture.height) < limits.min_side:
        raise ImageError(ErrorCode.IMAGE_TOO_SMALL, f"{size}: each side must have at least {limits.min_side}")


def _check_box(picture: OpenedPicture, box: BoundingBox) -> None:
    fits_rows = 0 <= box.row < box.row + box.height <= picture.height
    fits_cols = 0 <= box.col < box.col + box.width <= picture.width
    if not (fits_rows and fits_cols):
        raise ImageError(
            ErrorCode.BAD_BOUNDING_BOX,
            f"{box!r} is not inside the picture of {picture.width} x {picture.height} pixels, or is empty",
        )
