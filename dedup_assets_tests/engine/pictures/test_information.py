"""Which pictures show nothing: flat, black and blank ones, and no photograph, drawing or page of text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from dedup_assets.engine.pictures.information import is_varied, shows_nothing
from dedup_assets.engine.pictures.measuring import measure
from dedup_assets_tests.support.pictures import photo_like

SIDE = 160


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def flat(level: int, noise: float = 0.0) -> NDArray[np.uint8]:
    grain = np.random.default_rng(0).normal(0, noise, (SIDE, SIDE, 3)) if noise else 0
    return np.clip(np.full((SIDE, SIDE, 3), level) + grain, 0, 255).astype(np.uint8)


@given(st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)), st.integers(1, 200))
def test_a_picture_of_one_colour_shows_nothing_at_any_size(colour: tuple[int, int, int], side: int) -> None:
    assert shows_nothing(np.full((side, side, 3), colour, np.uint8))


@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_noise_of_a_sensor_or_codec_shows_nothing(level: int) -> None:
    assert shows_nothing(flat(level, noise=2.0))


def test_dust_on_a_blank_page_shows_nothing() -> None:
    page = flat(250, noise=1.0).copy()
    page[40, 90] = page[141, 12] = page[80:83, 30:33] = 60
    assert shows_nothing(page)


@pytest.mark.parametrize("seed", range(8))
def test_a_photograph_shows_something_also_dark_blurred_and_of_low_contrast(seed: int) -> None:
    photo = photo_like(seed)
    assert not shows_nothing(pixels(photo))
    assert not shows_nothing(pixels(photo.point(lambda value: value // 5)))
    assert not shows_nothing(pixels(photo.point(lambda value: 200 + value // 6)))
    assert not shows_nothing(pixels(photo.filter(ImageFilter.GaussianBlur(30))))


def test_the_lights_of_a_night_a_line_of_text_and_a_thin_drawing_show_something() -> None:
    night = Image.new("RGB", (640, 480), (4, 4, 8))
    draw = ImageDraw.Draw(night)
    for place in range(12):
        draw.ellipse((50 * place + 10, 300, 50 * place + 22, 312), fill=(255, 220, 150))
    page = Image.new("RGB", (600, 800), "white")
    ImageDraw.Draw(page).text((60, 80), "One line of text on a page, nothing else.", fill="black", font_size=20)
    drawing = Image.new("L", (500, 500), 255)
    ImageDraw.Draw(drawing).ellipse((100, 100, 400, 400), outline=0, width=2)
    assert not any(shows_nothing(pixels(picture)) for picture in (night, page, drawing))


def test_a_gradient_shows_something() -> None:
    ramp = np.linspace(100, 140, SIDE).astype(np.uint8)
    assert not shows_nothing(np.broadcast_to(ramp[:, None, None], (SIDE, SIDE, 3)))


@given(st.integers(0, 120), st.integers(0, 2**32 - 1))
def test_the_quick_look_at_a_sample_never_changes_the_answer(spots: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    picture = flat(90).copy()
    picture[random.integers(0, SIDE, spots), random.integers(0, SIDE, spots)] = 255
    away = int((picture[..., 0] != 90).sum())
    assert shows_nothing(picture) == (away <= int(0.001 * SIDE * SIDE))


@given(st.integers(0, 255), st.sampled_from([0, 255]), st.integers(0, 25), st.integers(0, 2**32 - 1))
def test_no_picture_that_shows_nothing_counts_as_varied(level: int, speck: int, specks: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    away = random.choice([-8, 8], (SIDE * SIDE, 3))
    picture = np.clip(level + away, 0, 255).astype(np.uint8)
    picture[random.integers(0, SIDE * SIDE, specks)] = speck
    picture = picture.reshape(SIDE, SIDE, 3)
    assert not (shows_nothing(picture) and is_varied(measure(picture).stdv))
