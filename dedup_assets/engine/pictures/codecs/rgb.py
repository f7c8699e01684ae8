"""A loaded Pillow image, in whatever mode, as the 8-bit RGB that a person sees.

Pillow's own `convert("RGB")` is right for 8-bit colour; it clips 16-bit and float gray to white, drops alpha (so hidden
colours appear) and refuses CIELAB.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.pictures.codecs.colours import Correction

_BLOCK_ROWS = 256
_TIFF_BITS_PER_SAMPLE, _TIFF_PHOTOMETRIC, _TIFF_SAMPLE_FORMAT = 258, 262, 339


def to_rgb(image: Image.Image, correct: Correction | None = None) -> NDArray[np.uint8]:
    """The pixels of a loaded image.

    Alpha, also of palettes and of PNG's tRNS, is composited over white. CMYK without a profile is converted simply.
    Gray deeper than 8 bits is scaled by its nominal range where that is known (16 bits: shifted), else by its own.

    Args:
        image: in any mode.
        correct: brings its colours to sRGB, before alpha is; None where they are that.

    Returns:
        (h, w, 3) uint8, contiguous, owned by the caller.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        gray = _deep_gray_to_8_bits(image)
        deep = np.repeat(gray[:, :, None], 3, axis=2)
        return np.array(correct(Image.fromarray(deep))) if correct else deep
    if image.mode == "LAB":
        return np.array(_lab_to_rgb(image))
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        return np.array(_over_white(correct(with_alpha) if correct else with_alpha))
    if correct is None:
        return np.array(image.convert("RGB"))
    return np.array(correct(image if image.mode == "CMYK" else image.convert("RGB")).convert("RGB"))


def _over_white(with_alpha: Image.Image) -> Image.Image:
    paper = Image.new("RGB", with_alpha.size, (255, 255, 255))
    paper.paste(with_alpha, mask=with_alpha)
    return paper


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
    if image.mode.startswith("I;") or image.format == "PPM":  # Pillow widens a PGM's range to 16 bits
        bits = 12 if tags.get(_TIFF_BITS_PER_SAMPLE) == (12,) else 16
        gray: NDArray[np.uint8] = np.clip(values >> (bits - 8), 0, 255).astype(np.uint8)
        if isinstance(transparent := image.info.get("transparency"), int):
            gray[values == transparent] = 255
    else:
        if image.mode == "I" and tags.get(_TIFF_SAMPLE_FORMAT) == (1,):
            values = values.view(np.uint32)  # Pillow stores unsigned samples in its only 32-bit mode, the signed one
        gray = _stretch(values)
    # Pillow turns "white is zero" round for 8 bits only.
    return 255 - gray if tags.get(_TIFF_PHOTOMETRIC) == 0 else gray


def _stretch(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale by the smallest and largest finite value; NaN and flat pictures are black, infinities the ends."""
    # By blocks of rows: doubles of a whole picture would take ten times what the decoder takes.
    blocks = [values[row : row + _BLOCK_ROWS] for row in range(0, len(values), _BLOCK_ROWS)]
    finite = [part for part in (block[np.isfinite(block)] for block in blocks) if part.size]
    low = min((float(part.min()) for part in finite), default=0.0)
    high = max((float(part.max()) for part in finite), default=0.0)
    scale = 255 / (high - low) if high > low else 0.0
    scaled = [
        np.rint((np.nan_to_num(block.astype(np.float64), nan=low, posinf=high, neginf=low) - low) * scale).astype(
            np.uint8
        )
        for block in blocks
    ]
    return np.concatenate(scaled)
