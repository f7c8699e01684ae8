"""TIFF that Pillow cannot read or misreads, by tifffile: any number of bands, number types, planes.

Pillow reads the usual kinds, and comes first. Of several bands the first three are shown: the file does not say which a
person would see as red, green and blue. Compressions other than none, Deflate and LZMA need imagecodecs.
"""

from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import exif
from dedup_assets.engine.pictures.codecs.backdrop import flatten
from dedup_assets.engine.pictures.codecs.colours import correction_by_profile
from dedup_assets.engine.pictures.codecs.damage import silence
from dedup_assets.engine.pictures.codecs.depth import to_8_bits
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture
from dedup_assets.engine.pictures.codecs.rgb import parse_nodata

_BITS, _COMPRESSION, _ORIENTATION, _PLANES, _SAMPLE_FORMAT = 258, 259, 274, 284, 339
_PROFILE, _NODATA = 34675, 42113
_UNCOMPRESSED, _SEPARATE_PLANES, _SIGNED = 1, 2, 2
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _INKS = 0, 1, 2, 3, 5
# What libtiff decodes in Pillow's wheels: none, CCITT, LZW, JPEG, Deflate, PackBits, ThunderScan, LZMA, Zstandard.
_DECODED_BY_PILLOW = {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34925, 50000}
_DECODED_BY_TIFFFILE = {1, 8, 32946, 34925}  # none, Deflate, LZMA
_COLOURS, _BYTE_BITS, _WORD_BITS = 3, 8, 16


class _Page(NamedTuple):
    """The first picture of a file: samples as they are stored, and what they mean."""

    samples: Callable[[], NDArray[Any]]
    axes: str
    photometric: int
    has_alpha: bool
    palette: NDArray[np.uint16] | None
    tags: dict[int, Any]


def is_misread(image: ImageFile.ImageFile) -> bool:
    """Whether Pillow would take uncompressed planes of more than 8 bits for ones of 8 bits, or signed for unsigned."""
    tags = getattr(image, "tag_v2", {})
    bits = max(tags.get(_BITS, (1,)))
    is_planar = tags.get(_PLANES) == _SEPARATE_PLANES and tags.get(_COMPRESSION, 1) == _UNCOMPRESSED
    is_signed = _SIGNED in tags.get(_SAMPLE_FORMAT, ())
    return (is_planar and bits > _BYTE_BITS) or (is_signed and bits <= _BYTE_BITS)


def is_unknown_compression(image: ImageFile.ImageFile) -> bool:
    """Whether a TIFF is compressed by a method that Pillow's libtiff does not know."""
    return getattr(image, "tag_v2", {}).get(_COMPRESSION, 1) not in _DECODED_BY_PILLOW


def open_picture(data: bytes) -> OpenedPicture:
    """Read the header.

    Raises:
        ImageError: ERROR_UNSUPPORTED_FORMAT for kinds that cannot be read here.
        Exception: whatever tifffile raises for a damaged header.
    """
    import tifffile

    with silence:
        first = tifffile.TiffFile(BytesIO(data)).pages.first
    page = _Page(
        samples=first.asarray,
        axes=first.axes,
        photometric=int(first.photometric),
        has_alpha=any(int(kind) in (1, 2) for kind in first.extrasamples),
        palette=first.colormap,
        tags={tag.code: tag.value for tag in first.tags},
    )
    if page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _INKS):
        raise _unsupported(f"its colours are of kind {page.photometric} (PhotometricInterpretation)")
    if first.dtype is None or first.dtype.kind not in "buif":
        raise _unsupported("its samples are no numbers that can be shown")
    width, height = first.imagewidth, first.imagelength
    if exif.swaps_sides(_orientation(page)):
        width, height = height, width
    return OpenedPicture("TIFF", width, height, lambda: _load(page))


def _load(page: _Page) -> NDArray[np.uint8]:
    try:
        with silence:
            samples = page.samples()
    except Exception as error:
        said = page.tags.get(_COMPRESSION, _UNCOMPRESSED)
        compression = int(said) if isinstance(said, int) else 0  # a damaged tag is text
        if find_spec("imagecodecs") is None and compression not in _DECODED_BY_TIFFFILE:
            reason = f"compression {compression} needs imagecodecs: pip install 'dedup-assets[jxl]'"
            raise _unsupported(reason) from error
        if compression not in _DECODED_BY_PILLOW:
            raise _unsupported(f"compression {compression} cannot be decoded: {error}") from error
        raise
    bands = _bands_last(samples, page.axes)
    picture = _to_rgb(bands, page)
    return exif.turn_upright(np.ascontiguousarray(picture), _orientation(page))


def _bands_last(samples: NDArray[Any], axes: str) -> NDArray[Any]:
    """(h, w, bands) of samples with axes in any order; of a volume the first slice."""
    wanted = [axes.index(axis) for axis in "YXS" if axis in axes]
    order = [place for place in range(len(axes)) if place not in wanted] + wanted
    samples = samples.transpose(order)
    while samples.ndim > len(wanted):
        samples = samples[0]
    return samples if "S" in axes else samples[:, :, None]


def _to_rgb(bands: NDArray[Any], page: _Page) -> NDArray[np.uint8]:
    nodata, bits = parse_nodata(page.tags.get(_NODATA)), _bits(page)
    if page.photometric == _PALETTE and page.palette is not None:
        colours_of: NDArray[np.uint8] = (page.palette >> _BYTE_BITS).astype(np.uint8).T
        coloured: NDArray[np.uint8] = colours_of[bands[:, :, 0]]
        return coloured
    if page.photometric == _INKS and bands.shape[2] > _COLOURS:
        inks = np.ascontiguousarray(to_8_bits(_native(bands[:, :, : _COLOURS + 1]), bits=bits))
        return np.array(Image.fromarray(inks, "CMYK").convert("RGB"))
    colours = _COLOURS if bands.shape[2] >= _COLOURS else 1
    shown = to_8_bits(_native(bands[:, :, :colours]), nodata, bits)
    if page.photometric == _WHITE_IS_ZERO:
        shown = 255 - shown
    image = Image.fromarray(np.ascontiguousarray(np.repeat(shown, _COLOURS // colours, axis=2)))
    profile = page.tags.get(_PROFILE)
    correct = correction_by_profile(profile) if isinstance(profile, bytes) else None
    image = correct(image) if correct else image
    if page.has_alpha and bands.shape[2] > colours:
        alpha = np.ascontiguousarray(to_8_bits(_native(bands[:, :, colours]), bits=bits))
        image.putalpha(Image.fromarray(alpha))
        image = flatten(image)
    return np.array(image)


def _native(samples: NDArray[Any]) -> NDArray[Any]:
    """The samples in this machine's byte order; one bit as black and white."""
    if samples.dtype.kind == "b":
        return samples.astype(np.uint8) * np.uint8(255)
    return samples.astype(samples.dtype.newbyteorder("="), copy=False)


def _bits(page: _Page) -> int:
    """Bits of an unsigned sample that is wider than a byte, as the file says."""
    said = page.tags.get(_BITS)
    most = max(said) if isinstance(said, tuple) and said else said
    return most if isinstance(most, int) and _BYTE_BITS < most <= _WORD_BITS else _WORD_BITS


def _orientation(page: _Page) -> int:
    value = page.tags.get(_ORIENTATION, exif.UPRIGHT)
    return int(value) if value in range(1, 9) else exif.UPRIGHT


def _unsupported(reason: str) -> ImageError:
    return ImageError(ErrorCode.UNSUPPORTED_FORMAT, f"TIFF: {reason}")
