"""Convert a loaded Pillow image of any mode to the 8-bit RGB that a person sees.

Pillow's own `convert("RGB")` is right for 8-bit colour only. It clips 16-bit and float gray to white, drops alpha (so
that hidden colours appear) and refuses CIELAB. Of 16-bit colour Pillow itself loads the upper bytes only.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.pictures.codecs.backdrop import flatten
from dedup_assets.engine.pictures.codecs.colours import Correction
from dedup_assets.engine.pictures.codecs.depth import to_8_bits, uses_few_levels
from dedup_assets.engine.pictures.codecs.opened import OPAQUE, TRANSPARENT

LowerBytes = Callable[[], Image.Image]
"""Gives the lower bytes of an image of 16-bit colour, in the mode of the image that has the upper ones."""

_RGB = 3
_BYTE = 256
_OPAQUE_LEVEL = 255
_ALPHA_MAY_BE_UNSET = ("BMP", "DIB", "TGA")
_TIFF_BITS_PER_SAMPLE, _TIFF_PHOTOMETRIC, _TIFF_SAMPLE_FORMAT, _TIFF_NODATA = 258, 262, 339, 42113
_UNSIGNED = (1,)


def to_rgb(
    image: Image.Image,
    correct: Correction | None = None,
    lower_bytes: LowerBytes | None = None,
    noticed: set[str] | None = None,
) -> NDArray[np.uint8]:
    """The pixels of a loaded image.

    Alpha, also of palettes and of PNG's tRNS, is composited over the backdrop that shows the picture, see `backdrop`.
    Samples of more than 8 bits are scaled by the range that they use, see `depth`. CMYK without a profile is converted
    by Pillow's simple rule.

    Args:
        image: in any mode.
        correct: brings its colours to sRGB, before alpha is composited; None where they are sRGB.
        lower_bytes: of an image of 16-bit colour, of which `image` has the upper ones.
        noticed: gets what is seen, as of `OpenedPicture`.

    Returns:
        (h, w, 3) uint8, contiguous, owned by the caller.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        gray = _deep_gray_to_8_bits(image)
        deep = np.repeat(gray[:, :, None], _RGB, axis=2)
        return np.array(correct(Image.fromarray(deep))) if correct else deep
    if image.mode == "LAB":
        return np.array(_lab_to_rgb(image))
    may_be_unset = image.format in _ALPHA_MAY_BE_UNSET
    if lower_bytes and uses_few_levels(_count_levels(image)):
        image = _with_all_bits(image, lower_bytes())
    with_alpha = image.convert("RGBA") if image.has_transparency_data else None
    if noticed is not None:
        noticed.add(_seen_alpha(with_alpha, may_be_unset=may_be_unset))
    if with_alpha is not None:
        return np.array(flatten(correct(with_alpha) if correct else with_alpha, may_be_unset=may_be_unset))
    if correct is None:
        return np.array(image.convert("RGB"))
    return np.array(correct(image if image.mode == "CMYK" else image.convert("RGB")).convert("RGB"))


def _seen_alpha(with_alpha: Image.Image | None, *, may_be_unset: bool) -> str:
    if with_alpha is None:
        return OPAQUE
    least, most = with_alpha.getchannel("A").getextrema()
    return OPAQUE if least == _OPAQUE_LEVEL or (may_be_unset and most == 0) else TRANSPARENT


def _count_levels(image: Image.Image) -> NDArray[np.int64]:
    """(256,) how many colour samples have each value."""
    counts = np.reshape(image.histogram(), (-1, _BYTE))
    levels: NDArray[np.int64] = counts[:_RGB].sum(axis=0)
    return levels


def _with_all_bits(upper: Image.Image, lower: Image.Image) -> Image.Image:
    """An image of 16-bit colour, its samples scaled by the range that they use; alpha as it is."""
    samples = np.asarray(upper)[:, :, :_RGB].astype(np.uint16)  # in place from here: they may take a gigabyte
    samples <<= 8
    samples |= np.asarray(lower)[:, :, :_RGB]
    scaled = Image.fromarray(to_8_bits(samples))
    if upper.has_transparency_data:  # also the transparent colour of a PNG, which is one of the upper bytes
        scaled.putalpha(upper.convert("RGBA").getchannel("A"))
    return scaled


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, "LAB", "RGB"))
    if converted is None:
        raise ValueError("no conversion from CIELAB")
    return converted


def _deep_gray_to_8_bits(image: Image.Image) -> NDArray[np.uint8]:
    """Gray of 12, 16 or 32 bits or float: (h, w) uint8."""
    values = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    nodata = parse_nodata(tags.get(_TIFF_NODATA))
    if image.mode.startswith("I;") or image.format == "PPM":  # Pillow widens a PGM's range to 16 bits
        bits = 12 if tags.get(_TIFF_BITS_PER_SAMPLE) == (12,) else 16
        gray = to_8_bits(values.astype(np.uint16, copy=False), nodata, bits)
        if isinstance(transparent := image.info.get("transparency"), int):
            gray[values == transparent] = 255
    else:
        if image.mode == "I" and image.format == "TIFF" and tags.get(_TIFF_SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED:
            values = values.view(np.uint32)  # Pillow stores unsigned samples in its only 32-bit mode, the signed one
        gray = to_8_bits(values, nodata)
    # Pillow inverts "white is zero" for 8 bits only.
    return 255 - gray if tags.get(_TIFF_PHOTOMETRIC) == 0 else gray


def parse_nodata(tag: object) -> float | None:
    """The value of GDAL's TIFF tag 42113, a number as text; None where there is none."""
    try:
        return float(tag.rstrip("\0 ")) if isinstance(tag, str) else None
    except ValueError:
        return None
