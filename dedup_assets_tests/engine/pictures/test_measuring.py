"""Measures of a picture say how bright, flat and sharp it is, and the facts of a file what it is."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from dedup_assets.engine.pictures.decoding import decode_measured, decode_resized
from dedup_assets.engine.pictures.measuring import measure
from dedup_assets_tests.support.pictures import photo_like

SIZE = (160, 160)


def pixels(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.array(image.convert("RGB").resize(SIZE))


@given(st.integers(0, 255))
def test_a_flat_picture_has_one_level_and_no_structure(level: int) -> None:
    measured = measure(np.full((*SIZE, 3), level, np.uint8))
    assert measured == (1, level, 0, level, level, 1, 0)


@given(st.integers(0, 255))
def test_gray_levels_are_those_of_pillow_for_every_colour(red: int) -> None:
    green, blue = np.mgrid[:256, :256].astype(np.uint8)
    colours = np.stack([np.full_like(green, red), green, blue], axis=-1)
    counts = np.array(Image.fromarray(colours).convert("L").histogram())
    measured = measure(colours)
    (levels,) = counts.nonzero()
    assert (measured.unique, measured.min, measured.max) == (len(levels), levels[0], levels[-1])
    assert measured.mean == round(float(counts[levels] / colours[..., 0].size @ levels), 4)


@pytest.mark.parametrize("seed", range(3))
def test_blurred_darker_and_paler_pictures_measure_so(seed: int) -> None:
    image = photo_like(seed)
    plain = measure(pixels(image))
    assert measure(pixels(image.filter(ImageFilter.GaussianBlur(6)))).blur < plain.blur / 2
    assert measure(pixels(ImageEnhance.Brightness(image).enhance(0.5))).mean < plain.mean * 0.7
    paler = measure(pixels(ImageEnhance.Contrast(image).enhance(0.3)))
    assert paler.stdv < plain.stdv * 0.5
    assert paler.uniformity > plain.uniformity
    assert plain.min <= plain.mean <= plain.max


def test_facts_are_those_of_the_whole_upright_picture_and_pixels_stay_the_same() -> None:
    exif, file = Image.Exif(), BytesIO()
    exif[0x0112] = 6  # turned by 90 degrees
    exif.get_ifd(0x8769)[0x9003] = "2024:03:01 10:20:30"
    photo_like(1).resize((1600, 1200)).save(file, "JPEG", exif=exif)
    picture, facts, _ = decode_measured(file.getvalue(), SIZE)
    assert (facts.width, facts.height, facts.format, facts.taken) == (1200, 1600, "JPEG", "2024-03-01 10:20:30")
    assert np.array_equal(picture, decode_resized(file.getvalue(), SIZE))
    assert facts[4:] == measure(picture)
