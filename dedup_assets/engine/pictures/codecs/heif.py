"""HEIC, by libheif through pi_heif, whose own reader is called: nothing is registered with Pillow."""

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.codecs import endings, rgb
from dedup_assets.engine.pictures.codecs.colours import correction_of
from dedup_assets.engine.pictures.codecs.damage import silence
from dedup_assets.engine.pictures.codecs.opened import OpenedPicture

_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def accepts(brands: set[bytes]) -> bool:
    """Whether a file of these brands is read here, not as AVIF."""
    return bool(brands & _BRANDS) and not brands & _AVIF_BRANDS


def open_picture(data: bytes) -> OpenedPicture:
    """Read the header.

    libheif applies `irot` and `imir`. EXIF orientation merely repeats them and is not applied again.

    Raises:
        ImageError: the header is damaged, or its picture is in a coding that libheif cannot decode here.
    """
    import pi_heif

    try:
        container = pi_heif.open_heif(data, convert_hdr_to_8bit=True)
    except Exception as error:
        raise endings.cut_or(error, "HEIF", data) from error
    if not len(container):
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "HEIF: no picture in a coding that libheif can decode here")
    width, height = container.size

    def load() -> NDArray[np.uint8]:
        endings.check("HEIF", data)  # libheif leaves lost tiles black
        with silence:
            image = container.to_pillow()
            return rgb.to_rgb(image, correction_of(image, data))

    return OpenedPicture("HEIF", width, height, load)
