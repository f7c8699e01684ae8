"""Storing a picture again moves its coefficients by its steps at most; whatever else was done moves them further."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from dedup_assets.engine.evidence.stored_again import BLURRED, Made, StoredAgain, compare_stored, differs_in_a_place
from dedup_assets_tests.support.pictures import photo_like

Edit = Callable[[Image.Image], Image.Image]
Gray = NDArray[np.uint8]
Stored = tuple[Gray, Gray, tuple[NDArray[np.int64], NDArray[np.int64]]]


def stored(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def shown(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg)).convert("RGB")


def compared(finer: bytes, coarser: bytes) -> StoredAgain:
    return compare_stored(*of_files(finer, coarser))


def of_files(finer: bytes, coarser: bytes) -> Stored:
    opened = [Image.open(io.BytesIO(each)) for each in (finer, coarser)]
    own, other = (np.array(each.quantization[0]).reshape(8, 8) for each in opened)  # type: ignore[attr-defined]
    opened[1].draft("L", opened[1].size)
    return np.asarray(opened[0].convert("L")), np.asarray(opened[1]), (own, other)


def pixelated(picture: Image.Image) -> Image.Image:
    box = (120, 80, 184, 144)
    edited = picture.copy()
    edited.paste(picture.crop(box).resize((6, 6), Image.Resampling.BOX).resize((64, 64), Image.Resampling.NEAREST), box)
    return edited


EDITS: dict[str, Edit] = {
    "sharpened": lambda picture: picture.filter(ImageFilter.UnsharpMask(2, 80, 2)),
    "softened": lambda picture: picture.filter(ImageFilter.GaussianBlur(0.8)),
    "without grain": lambda picture: picture.filter(ImageFilter.MedianFilter(3)),
    "with a hidden face": pixelated,
    "once stored in coarse steps": lambda picture: shown(stored(picture, 15)),
}


@pytest.mark.parametrize("quality", [30, 60])
def test_a_file_that_was_stored_again_in_coarser_steps_is_named(quality: int) -> None:
    for seed in range(3):
        original = stored(photo_like(seed, 400, 304), 95)
        found = compared(original, stored(shown(original), quality))
        assert (found.is_altered, found.made) == (False, Made.SECOND)


def test_a_mean_that_was_rounded_the_other_way_is_no_edit() -> None:
    """In coarse steps, of means far from the middle."""
    for seed in range(8):
        slope = np.linspace(20, 235, 400)[None] + np.linspace(-12, 12, 304)[:, None]
        levels = slope + np.random.default_rng(seed).normal(0, 3, slope.shape)
        lossless = np.clip(levels, 8, 247).astype(np.uint8)
        coarse = stored(Image.fromarray(lossless), 40)
        _, again, (_, steps) = of_files(coarse, coarse)
        assert not compare_stored(lossless, again, (None, steps)).is_altered


def test_a_file_that_was_stored_again_in_finer_steps_is_named() -> None:
    for seed in range(3):
        original = stored(photo_like(seed, 400, 304), 70)
        found = compared(stored(shown(original), 96), original)
        assert (found.is_altered, found.made) == (False, Made.FIRST)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_told_from_storing_again(name: str) -> None:
    original = stored(photo_like(7, 400, 304), 90)
    assert compared(stored(EDITS[name](shown(original)), 97), original).is_altered


def written(picture: Image.Image, text: str, colour: str) -> Image.Image:
    edited = picture.copy()
    ImageDraw.Draw(edited).text((150, 90), text, colour, font_size=24)
    return edited


@pytest.mark.parametrize("qualities", [(95, 90), (90, 75), (75, 60)])
@pytest.mark.parametrize("ground", ["photograph", "white page"])
def test_another_digit_is_told_from_storing_again(ground: str, qualities: tuple[int, int]) -> None:
    picture, colour = (
        (photo_like(3, 400, 304), "white")
        if ground == "photograph"
        else (Image.new("RGB", (400, 304), "white"), "black")
    )
    one = stored(written(picture, "8136", colour), qualities[0])
    assert differs_in_a_place(*of_files(one, stored(written(picture, "8138", colour), qualities[1])))
    assert not differs_in_a_place(*of_files(one, stored(shown(one), qualities[1])))


def test_fine_detail_tells_blurred_pictures_from_sources_of_sharpened_ones() -> None:
    original = stored(photo_like(8, 400, 304), 92)
    blurred = stored(shown(original).filter(ImageFilter.GaussianBlur(2)), 85)
    sharpened = stored(shown(original).filter(ImageFilter.UnsharpMask(2, 120, 2)), 97)
    assert compared(original, blurred).detail < BLURRED < compared(sharpened, original).detail


def test_pictures_without_a_middle_gray_are_not_judged() -> None:
    black = stored(Image.new("RGB", (400, 304)), 90)
    assert compared(black, black).is_altered is None
