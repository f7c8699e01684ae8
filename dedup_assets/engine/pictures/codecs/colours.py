"""Colours as a browser shows them: embedded ICC profiles, and the gamma of a PNG, brought to sRGB.

What a PNG says of its colours counts in the order of the standard (PNG 3, 4.3): cICP, iCCP, sRGB, gAMA. Gray, RGB and
CMYK profiles are applied; a profile that cannot be used is ignored, as in browsers. Two things are not applied: cICP
and similar properties of AVIF and HEIF (wide and HDR colours without a profile), and chromaticities without a profile.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Correction = Callable[[Image.Image], Image.Image]
"""From the colours of a file to sRGB; takes RGB, RGBX, RGBA or CMYK and gives RGB, RGBX or RGBA."""

_USUAL_GAMMA = 1 / 2.2
_GAMMA_TOLERANCE = 0.05  # share of it: a closer gamma counts as sRGB, which has no exponent of its own
_SAME_LEVELS = 3  # of 255: a profile that differs by no more counts as sRGB
_MOST_PROFILE_BYTES = 4 << 20
_PROFILES_KEPT = 24  # building one takes milliseconds; a collection has a few
_STEPS = 9
_CHANNELS = 3


def correction_of(image: Image.Image, data: bytes) -> Correction | None:
    """What brings the colours of an opened image to sRGB; None where they are sRGB.

    Args:
        image: opened by Pillow; its `info` has the profile or gamma of the file.
        data: the whole file.
    """
    is_png = image.format == "PNG"
    if is_png and b"cICP" in data[: data.find(b"IDAT") + 1]:
        return None
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        return correction_by_profile(profile)
    gamma = image.info.get("gamma")
    if is_png and isinstance(gamma, float) and gamma > 0 and "srgb" not in image.info:
        return _correction_by_gamma(gamma)
    return None


@lru_cache(maxsize=_PROFILES_KEPT)
def correction_by_profile(profile: bytes) -> Correction | None:
    """The correction by an ICC profile (ISO 15076-1); None if it equals sRGB to the eye or cannot be used."""
    if len(profile) > _MOST_PROFILE_BYTES:
        return None
    try:
        found = ImageCms.ImageCmsProfile(BytesIO(profile))
        space = found.profile.xcolor_space.strip()
        makers = {"RGB": _of_rgb, "GRAY": _of_gray, "CMYK": _of_cmyk}
        return makers[space](found) if space in makers else None
    except (OSError, ValueError, ImageCms.PyCMSError):  # damaged, or for no kind of display
        return None


def _of_rgb(profile: ImageCms.ImageCmsProfile) -> Correction | None:
    steps = np.linspace(0, 255, _STEPS).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, _CHANNELS)
    transform = cache(lambda mode: _transform(profile, mode, mode))
    seen = np.asarray(transform("RGB").apply(Image.fromarray(grid)))
    if np.abs(seen.astype(int) - grid).max() <= _SAME_LEVELS:
        return None

    def correct(image: Image.Image) -> Image.Image:
        return image.convert("RGB") if image.mode == "CMYK" else transform(image.mode).apply(image)

    return correct


def _of_gray(profile: ImageCms.ImageCmsProfile) -> Correction | None:
    ramp = np.arange(256, dtype=np.uint8)[None, :]
    seen = np.asarray(_transform(profile, "L", "RGB").apply(Image.fromarray(ramp)))[0, :, 1]
    return None if np.abs(seen.astype(int) - ramp[0]).max() <= _SAME_LEVELS else _by_table(seen)


def _of_cmyk(profile: ImageCms.ImageCmsProfile) -> Correction:
    transform = _transform(profile, "CMYK", "RGB")

    def correct(image: Image.Image) -> Image.Image:
        return transform.apply(image) if image.mode == "CMYK" else image

    return correct


def _transform(profile: ImageCms.ImageCmsProfile, read: str, given: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.ImageCmsTransform(
        profile,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        read,
        given,
        intent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


@lru_cache(maxsize=_PROFILES_KEPT)
def _correction_by_gamma(gamma: float) -> Correction | None:
    """The correction by gAMA, from samples that are light to the power of `gamma` to sRGB (IEC 61966-2-1)."""
    if abs(gamma / _USUAL_GAMMA - 1) <= _GAMMA_TOLERANCE:
        return None
    light = np.linspace(0, 1, 256) ** (1 / gamma)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    return _by_table(np.rint(255 * encoded).astype(np.uint8))


def _by_table(table: NDArray[np.uint8]) -> Correction:
    colours, same = table.tolist(), list(range(256))

    def correct(image: Image.Image) -> Image.Image:
        image = image.convert("RGB") if image.mode == "CMYK" else image
        return image.point(colours * _CHANNELS + same * (len(image.getbands()) - _CHANNELS))

    return correct
