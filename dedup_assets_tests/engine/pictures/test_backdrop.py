"""Transparent pictures are decoded over the backdrop that shows the drawing."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dedup_assets.engine.pictures.decoding import decode

SIDE = 96


def icon(colour: tuple[int, int, int], number: int = 0, background: int = 0) -> Image.Image:
    """A drawing in one colour on a transparent ground; the number decides where."""
    image = Image.new("RGBA", (SIDE, SIDE), (*colour, background))
    ImageDraw.Draw(image).ellipse((10 + 5 * number, 20, 40 + 5 * number, 70), fill=(*colour, 255))
    return image


def save(image: Image.Image, format_name: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("colour", [(255, 255, 255), (250, 250, 245), (238, 238, 238)])
def test_a_white_drawing_is_shown_on_black(format_name: str, colour: tuple[int, int, int]) -> None:
    options = {"lossless": True} if format_name == "WEBP" else {}
    seen = [decode(save(icon(colour, number), format_name, **options)) for number in range(3)]
    assert tuple(seen[0][45, 25]) == colour
    assert tuple(seen[0][0, 0]) == (0, 0, 0)
    assert np.abs(seen[0].astype(int) - seen[2]).mean() > 10


@pytest.mark.parametrize("colour", [(0, 0, 0), (200, 30, 30), (128, 128, 128), (255, 220, 0)])
def test_every_other_drawing_is_shown_on_white(colour: tuple[int, int, int]) -> None:
    seen = decode(save(icon(colour)))
    assert tuple(seen[45, 25]) == colour
    assert tuple(seen[0, 0]) == (255, 255, 255)


def test_a_white_drawing_in_a_palette_is_shown_on_black() -> None:
    image = Image.new("P", (SIDE, SIDE), 0)
    image.putpalette([0, 255, 0, 255, 255, 255])
    image.paste(1, (20, 20, 60, 60))
    for format_name in ("PNG", "GIF"):
        seen = decode(save(image, format_name, transparency=0))
        assert tuple(seen[40, 40]) == (255, 255, 255)
        assert tuple(seen[0, 0]) == (0, 0, 0)


def test_colours_that_are_transparent_everywhere_are_the_picture() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    texture = Image.fromarray(colours)
    texture.putalpha(0)
    for format_name in ("PNG", "TIFF", "TGA", "BMP"):
        np.testing.assert_array_equal(decode(save(texture, format_name)), colours, err_msg=format_name)


def test_nothing_at_all_is_white() -> None:
    assert (decode(save(Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0)))) == 255).all()


def test_a_bmp_whose_alpha_was_never_set_is_opaque() -> None:
    assert (decode(save(Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0)), "BMP")) == 0).all()


def test_an_opaque_picture_with_alpha_is_the_picture() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    image = Image.fromarray(colours)
    image.putalpha(255)
    np.testing.assert_array_equal(decode(save(image)), colours)
