"""JPEG: libjpeg-turbo through simplejpeg, scaled down while decoding; Pillow for CMYK and as the second opinion.

Which JPEG is good. libjpeg shows something for almost any damage and only warns. simplejpeg in strict mode turns the
(last) warning into an error; Pillow ignores all of them except missing bytes. The rule between them:

1. No warning: good. Bytes after the end-of-image marker (a second image, a movie, padding) never cause one.
2. The data end before the end-of-image marker, or something else is in its place: good if nothing else is missing, that
   is, if rules 1, 3 and 4 call it good once the marker follows the last scan, and a progressive file has all its scans.
   Otherwise truncated, or what rule 4 says.
3. A warning that picture data were lost or misread (`_PICTURE_DAMAGE`: bad Huffman code, a data segment or restart
   marker missing): corrupt, though Pillow would show the half that is left.
4. Pillow decides on any other warning or error, such as stray bytes before a marker, an unknown Adobe transform or odd
   subsampling. It decodes the whole picture in full size.
5. A progressive file with a hole of zeros (see `holes`): corrupt. Its decoder cannot notice.

A file with less than one bit per 8 x 8 block of its size is truncated, and not decoded: Huffman coding needs more, and
a few bytes that claim a hundred megapixels would otherwise cost seconds.
"""

import re
from functools import partial
from io import BytesIO

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import JpegImagePlugin

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import exif, rgb
from dedup_assets.engine.pictures.codecs.colours import Correction, correction_by_profile
from dedup_assets.engine.pictures.codecs.damage import silence, to_image_error
from dedup_assets.engine.pictures.codecs.holes import find_hole
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture
from dedup_assets.engine.pictures.codecs.segments import end_of_scans, frame_marker, has_all_scans, read_segments

_TRUNCATED = "Premature end of JPEG file"
_UNSUPPORTED_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}  # ISO/IEC 10918-1, B.1.1.3; 14495-1
_END_OF_IMAGE = b"\xff\xd9"
_PICTURE_DAMAGE = re.compile(
    r"premature end of data|bad Huffman|instead of RST|Inconsistent progression|arithmetic code"
)

# Decoded sides are at least this multiple of the sides that are needed, at a scale of 1/2 or less, or in full size.
# Measured for 160 x 160 as the cosine of an embedding to that of full decoding, over 6,800 photographs and copies: of
# the 64 % that are scaled down the median is 0.998, the 1st percentile 0.994, the worst 0.988. 1.17 scales 40 % down
# and has the same figures; 1.0 has three below 0.98 (moire). Scales between 1/2 and 1 have no SIMD code and take nearly
# as long as full size; `fastdct` with `fastupsample` saves nothing and costs 0.0007.
_OVERSAMPLING = 1.1
_SMALLEST_REDUCTION = 2.0
_LARGEST_REDUCTION = 8
_BLOCK_PIXELS = 64


def accepts(data: bytes) -> bool:
    """Whether the content starts as a JPEG does."""
    return data[:3] == b"\xff\xd8\xff"


def open_picture(data: bytes, at_least: tuple[int, int] | None) -> OpenedPicture:
    """Read the header.

    Args:
        data: the whole file.
        at_least: (height, width) as displayed; with it, `load` may give a smaller picture, neither side below it.

    Raises:
        ImageError: neither simplejpeg nor Pillow can read the header.
    """
    carried = read_segments(data)
    orientation = exif.read_orientation(carried.exif)
    correct = correction_by_profile(carried.profile) if carried.profile else None
    try:
        height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        width, height, load = *_size_by_pillow(data, str(error)), partial(_load_by_pillow, data, str(error), None)
    else:
        if colorspace in ("CMYK", "YCCK"):
            load, correct = partial(_load_by_pillow, data, "", correct), None
        else:
            wanted = at_least[::-1] if at_least and exif.swaps_sides(orientation) else at_least
            load = partial(_load, data, wanted)
    if exif.swaps_sides(orientation):
        width, height = height, width

    def load_upright() -> NDArray[np.uint8]:
        if 8 * len(data) < width * height // _BLOCK_PIXELS:
            raise ImageError(
                ErrorCode.TRUNCATED_IMAGE, f"JPEG: {len(data)} bytes cannot hold {width} x {height} pixels"
            )
        if carried.is_progressive and (hole := find_hole("JPEG", data)):
            raise ImageError(ErrorCode.CORRUPT_IMAGE, f"JPEG: {hole}")
        return exif.turn_upright(load(), orientation)

    return OpenedPicture("JPEG", width, height, load_upright, correct, carried.exif)


def is_least_scale(decoded: tuple[int, int], opened: OpenedPicture, at_least: tuple[int, int]) -> bool:
    """Whether pixels were decoded at the smallest scale that there is, and are enough for another `at_least`.

    Then `open_picture` for that one would give the same pixels.

    Args:
        decoded: height and width of the pixels.
        opened: the picture.
        at_least: as for `open_picture`.
    """
    full = opened.height, opened.width
    return all(
        side == -(-whole // _LARGEST_REDUCTION) and side >= round(least * _OVERSAMPLING)
        for side, whole, least in zip(decoded, full, at_least, strict=True)
    )


def encode(picture: NDArray[np.uint8], quality: int) -> bytes:
    """A baseline JPEG file, its colours at half the resolution.

    Args:
        picture: (h, w, 3) uint8 RGB, contiguous.
        quality: 1 to 100, as libjpeg counts it.
    """
    file: bytes = simplejpeg.encode_jpeg(picture, quality, "RGB", "420", fastdct=False)
    return file


def _load(data: bytes, at_least: tuple[int, int] | None) -> NDArray[np.uint8]:
    """The pixels as stored, by the module's rule."""
    scaling = {}
    if at_least is not None:
        height, width = (round(side * _OVERSAMPLING) for side in at_least)
        scaling = {"min_height": height, "min_width": width, "min_factor": _SMALLEST_REDUCTION}
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, **scaling)
    except ValueError as error:
        said = str(error)
        if _TRUNCATED in said:
            return _load_without_end(data, scaling, ImageError(ErrorCode.TRUNCATED_IMAGE, f"JPEG: {said}"))
        if _PICTURE_DAMAGE.search(said):
            raise ImageError(ErrorCode.CORRUPT_IMAGE, f"JPEG: {said}") from error
        try:
            return _load_by_pillow(data, said, None)
        except ImageError as refused:
            return _load_without_end(data, scaling, refused)
    return pixels


def _load_without_end(data: bytes, scaling: dict[str, float], refused: ImageError) -> NDArray[np.uint8]:
    """The pixels of a file whose last scan is whole, and whose last marker is not.

    Raises:
        ImageError: `refused`, where more is missing.
    """
    ended = data[: end_of_scans(data)] + _END_OF_IMAGE
    if not has_all_scans(ended):
        raise refused
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(ended, **scaling)
    except ValueError as error:
        said = str(error)
        if _TRUNCATED in said or _PICTURE_DAMAGE.search(said):
            raise refused from None
        return _load_by_pillow(ended, said, None)
    return pixels


def _size_by_pillow(data: bytes, said: str) -> tuple[int, int]:
    try:
        with silence:
            return JpegImagePlugin.JpegImageFile(BytesIO(data)).size
    except Exception as error:
        raise _both(error, said, data) from error


def _load_by_pillow(data: bytes, said: str, correct: Correction | None) -> NDArray[np.uint8]:
    """The pixels as stored. `said`: why simplejpeg refused the file; empty if it did not."""
    try:
        with silence, JpegImagePlugin.JpegImageFile(BytesIO(data)) as image:
            image.load()
            return rgb.to_rgb(image, correct)
    except Exception as error:
        raise _both(error, said, data) from error


def _both(error: Exception, said: str, data: bytes) -> ImageError:
    """One error from both decoders: Pillow knows whether bytes are missing, simplejpeg says what is wrong."""
    is_unsupported = frame_marker(data) in _UNSUPPORTED_FRAMES
    judged = to_image_error(error, "JPEG")
    if is_unsupported:
        return ImageError(ErrorCode.UNSUPPORTED_FORMAT, f"JPEG: lossless, differential or JPEG-LS; {said}")
    return ImageError(judged.code, f"{judged}; libjpeg-turbo: {said}" if said else str(judged))
