"""Zeros in the place of picture data are damage, in formats whose decoders accept them."""

import io

import numpy as np
import pytest
from PIL import Image

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.pictures.decoding import decode

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8))
FORMATS = {
    "WEBP": {"quality": 90},
    "WEBP lossless": {"lossless": True},
    "AVIF": {"quality": 90},
    "JPEG2000": {"irreversible": True, "quality_mode": "rates", "quality_layers": [4]},
    "JPEG": {"progressive": True, "quality": 95},
}


def save(image: Image.Image, name: str) -> bytes:
    file = io.BytesIO()
    image.save(file, name.split(maxsplit=1)[0], **FORMATS[name])
    return file.getvalue()


def code_of(data: bytes) -> ErrorCode | None:
    try:
        decode(data)
    except ImageError as error:
        return error.code
    return None


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_block_of_zeros_in_the_picture_data_is_damage(name: str) -> None:
    file = save(NOISE, name)
    assert code_of(file) is None
    assert len(file) > 5 * 4096
    for start in range(8192, len(file) - 4096, 8192):
        if file[start - 1] and file[start + 4096]:  # otherwise the run of zeros is longer than the block
            assert code_of(file[:start] + bytes(4096) + file[start + 4096 :]) is not None, start


@pytest.mark.parametrize("name", ["WEBP", "AVIF", "JPEG2000", "JPEG"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_zeros_up_to_the_end_are_damage(name: str, share: float) -> None:
    file = save(NOISE, name)
    kept = int(len(file) * share)
    assert code_of(file[:kept] + bytes(len(file) - kept)) is not None


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_pictures_of_one_colour_and_drawings_have_no_holes(name: str) -> None:
    for shade in (0, 128, 255):
        flat = Image.new("RGB", (3000, 2000), (shade,) * 3)
        assert code_of(save(flat, name)) is None
    drawing = Image.new("RGB", (1500, 1500), (255, 255, 255))
    drawing.paste((0, 0, 0), (700, 700, 720, 720))
    assert code_of(save(drawing, name)) is None


def test_zeros_between_boxes_and_after_the_picture_are_no_holes() -> None:
    avif = save(NOISE, "AVIF")
    assert code_of(avif + bytes(9000)) is None
    webp = save(NOISE, "WEBP")
    body = webp[12:] + b"junk" + (9000).to_bytes(4, "little") + bytes(9000)
    assert code_of(b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body) is None
