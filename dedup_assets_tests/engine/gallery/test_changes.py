"""The outline is around what changed, and nowhere else."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from dedup_assets.engine.gallery.changes import SIDE, outline_changes
from dedup_assets.engine.gallery.pages.aligning import UNITS
from dedup_assets_tests.support.pictures import photo_like

SAME = "1 0 0 1 0 0"
PHOTO = photo_like(3).convert("RGB").resize((640, 480))


def squash(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX))


def outline(edited: Image.Image, align: str = SAME) -> str:
    return outline_changes(squash(PHOTO), squash(edited), align, (PHOTO.size, edited.size)).outline


def extent(path: str) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of path data, as shares of the picture."""
    x = [float(n) for found in re.findall(r"M(\S+) \S+H(\S+?)(?=M|$)", path) for n in found]
    y = [float(n) for found in re.findall(r"M\S+ (\S+?)V(\S+?)(?=M|$)", path) for n in found]
    return min(x) / UNITS, min(y) / (UNITS * 0.75), max(x) / UNITS, max(y) / (UNITS * 0.75)


def cover(picture: Image.Image, colour: str = "#2858c8") -> Image.Image:
    """Lay a box over the picture, from 0.6 to 0.8 of both sides."""
    covered = picture.copy()
    width, height = picture.size
    ImageDraw.Draw(covered).rectangle((width * 0.6, height * 0.6, width * 0.8, height * 0.8), fill=colour)
    return covered


@pytest.mark.parametrize("colour", ["#2858c8", "black", "white"])
def test_what_was_laid_over_is_outlined_closely(colour: str) -> None:
    left, top, right, bottom = extent(outline(cover(PHOTO, colour)))
    assert 0.5 < left < 0.6
    assert 0.5 < top < 0.6
    assert 0.8 < right < 0.9
    assert 0.8 < bottom < 0.9


def test_it_is_found_in_a_cropped_gray_copy_where_it_lies_in_the_original() -> None:
    cropped = ImageOps.grayscale(cover(PHOTO)).crop((160, 120, 640, 480))
    left, top, right, bottom = extent(outline(cropped, "0.75 0 0 0.75 80 60"))
    assert min(left, top) > 0.5
    assert max(left, top) < 0.6
    assert min(right, bottom) > 0.8
    assert max(right, bottom) < 0.9


@pytest.mark.parametrize(
    "edit",
    [
        lambda photo: photo,
        ImageOps.grayscale,
        ImageOps.invert,
        lambda photo: photo.filter(ImageFilter.GaussianBlur(2)),
        lambda photo: photo.resize((200, 150)),
        lambda photo: ImageEnhance.Brightness(photo).enhance(0.6),
        lambda photo: ImageEnhance.Contrast(photo).enhance(0.7),
        lambda photo: ImageEnhance.Color(photo).enhance(0.6),
    ],
)
def test_a_change_of_the_whole_picture_is_no_changed_part(edit: object) -> None:
    assert callable(edit)
    assert outline(edit(PHOTO)) == ""


def test_of_another_picture_no_part_is_outlined() -> None:
    assert outline(photo_like(8).resize((640, 480))) == ""


@pytest.mark.parametrize("align", ["0 0 0 0 0 0", "1 0 0 1 900 900", "1 1 1 1 0 0", "1e9 0 0 1e9 0 0"])
def test_a_useless_alignment_outlines_nothing(align: str) -> None:
    assert outline(cover(PHOTO), align) == ""


@pytest.mark.parametrize(("box", "share"), [((300, 200, 400, 300), 0.033), ((10, 10, 330, 250), 0.25)])
@pytest.mark.parametrize("fill", ["white", "black"])
def test_the_share_that_changed_is_about_that_of_the_covered_part(
    box: tuple[int, int, int, int], share: float, fill: str
) -> None:
    edited = PHOTO.copy()
    ImageDraw.Draw(edited).rectangle(box, fill=fill)
    found = outline_changes(squash(PHOTO), squash(edited), SAME, (PHOTO.size, edited.size))
    assert found.share == pytest.approx(share, abs=0.015)
