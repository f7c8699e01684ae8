"""What is around a picture: a frame is told from the rest of a photograph, whatever the colours of its rim."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from dedup_assets.engine.core.match_records import MAYBE_FRAMED, Relation
from dedup_assets.engine.evidence.comparing import Finding, compare
from dedup_assets.engine.evidence.look import make_look
from dedup_assets_tests.support.pictures import photo_like

WIDTH, HEIGHT = 480, 360
Made = Callable[[Image.Image], Image.Image]


def compared(a: Image.Image, b: Image.Image) -> Finding:
    one, two = (make_look(np.asarray(each.convert("RGB")), *each.size) for each in (a, b))
    return compare(one, two)


def fading(seed: int, colour: str, sides: str) -> Image.Image:
    """A photograph whose rim is of one colour at the right, the top or the bottom (r, t, b).

    Without the bottom, the lowest third keeps its own colours.
    """
    photo, rim = photo_like(seed, WIDTH, HEIGHT), Image.new("RGB", (WIDTH, HEIGHT), colour)
    share = np.zeros((HEIGHT, WIDTH), np.float32)
    x, y = np.arange(WIDTH) / WIDTH, np.arange(HEIGHT)[:, None] / HEIGHT
    for side, inwards in (("r", 1 - x), ("t", y), ("b", 1 - y)):
        if side in sides:
            share = np.maximum(share, np.clip(1.6 - inwards * 8, 0, 1))
    share[2 * HEIGHT // 3 :] *= "b" in sides
    return Image.composite(rim, photo, Image.fromarray((255 * share).astype(np.uint8)))


def on_page(photo: Image.Image) -> Image.Image:
    """A photograph between a title and lines of text."""
    page = Image.new("RGB", (WIDTH + 90, HEIGHT + 190), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, page.width, 40), fill="navy")
    for line in range(4):
        draw.rectangle((45, HEIGHT + 76 + 26 * line, 400 + 10 * line, HEIGHT + 86 + 26 * line), fill=(90, 90, 95))
    page.paste(photo, (45, 62))
    return page


MADE: dict[str, Made] = {
    "turned": lambda photo: photo.rotate(25, Image.Resampling.BICUBIC, expand=True),
    "border": lambda photo: ImageOps.expand(photo, 60, "white"),
    "page": on_page,
}


@pytest.mark.parametrize(
    ("made", "photo"),
    [
        ("turned", fading(1, "black", "tb")),
        ("turned", fading(2, "black", "r")),
        ("turned", fading(3, "black", "rtb")),
        ("border", fading(4, "white", "rt")),
        ("border", fading(5, "white", "tr")),
        ("page", fading(6, "white", "r")),
    ],
)
def test_a_frame_is_seen_where_the_rim_has_its_colour(made: str, photo: Image.Image) -> None:
    finding = compared(photo, MADE[made](photo))
    assert finding.relation is Relation.COPY
    assert {"border_b", "page_b"} & finding.edits.keys()
    assert finding.edited() == "b"


@pytest.mark.parametrize("degrees", [8, -15, 40])
def test_a_turned_part_of_a_photograph_is_a_part(degrees: float) -> None:
    photo = fading(7, "black", "rtb")
    turned = photo.rotate(degrees, Image.Resampling.BICUBIC)
    finding = compared(photo, turned.crop((WIDTH // 4, HEIGHT // 4, 3 * WIDTH // 4, 3 * HEIGHT // 4)))
    assert "cropped_b" in finding.edits
    assert finding.edited() == "b"


@pytest.mark.parametrize("seed", range(3))
def test_a_round_picture_on_black_that_goes_on_beyond_a_crop_is_no_page(seed: int) -> None:
    """As a photograph through an eyepiece or of a retina: black is at all sides of the crop, and the disc goes on."""
    photo, disc = photo_like(seed, 400, 400), Image.new("L", (400, 400), 0)
    ImageDraw.Draw(disc).ellipse((4, 4, 396, 396), fill=255)
    whole = Image.composite(photo, Image.new("RGB", photo.size), disc)
    found = compared(whole, whole.crop((20, 20, 380, 380)))
    assert found.relation is Relation.COPY
    assert "page_a" not in found.edits
    assert "cropped_b" in found.edits


def thing_on_white(seed: int) -> Image.Image:
    """A textured thing far from the edges of a white picture."""
    grain = np.random.default_rng(seed).normal(0, 14, (HEIGHT, WIDTH, 1))
    texture = Image.fromarray(
        np.clip(np.asarray(photo_like(seed, WIDTH, HEIGHT), np.float32) + grain, 0, 255).astype("u1")
    )
    shape = Image.new("L", (WIDTH, HEIGHT), 0)
    ImageDraw.Draw(shape).ellipse((110, 60, 360, 310), fill=255)
    return Image.composite(texture, Image.new("RGB", (WIDTH, HEIGHT), "white"), shape)


def in_app(photo: Image.Image) -> Image.Image:
    """A picture below the bar and the round face of an app, above three lines."""
    page = Image.new("RGB", (WIDTH + 90, HEIGHT + 190), "white")
    page.paste(photo, (45, 80))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, page.width, 34), fill=(120, 40, 150))
    draw.ellipse((45, 42, 72, 69), fill=(90, 90, 95))
    for line in range(3):
        draw.rectangle((45, HEIGHT + 100 + 26 * line, 300 + 60 * line, HEIGHT + 108 + 26 * line), fill=(90, 90, 95))
    return page


@pytest.mark.parametrize("seed", [31, 32, 33])
def test_the_page_of_an_app_is_told_from_more_of_a_thing_on_white(seed: int) -> None:
    thing = thing_on_white(seed)
    assert "page_b" in compared(thing, in_app(thing)).edits
    both = Image.new("RGB", (2 * WIDTH, HEIGHT), "white")
    both.paste(thing, (0, 0))
    both.paste(thing_on_white(seed + 10), (WIDTH, 0))
    assert "cropped_a" in compared(thing, both).edits


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_more_plain_ground_around_a_thing_may_be_added_or_cut_off(seed: int) -> None:
    thing = thing_on_white(seed)
    found = compared(thing, ImageOps.expand(thing, 70, "white"))
    assert "margin_b" in found.edits
    assert (found.edited(), "margin added or cut off" in found.kind()) == ("b", True)


@pytest.mark.parametrize("seed", [41, 42, 43])
def test_a_ground_with_grain_that_goes_on_around_a_thing_is_a_part_of_it(seed: int) -> None:
    wide = ImageOps.expand(thing_on_white(seed), 70, "white")
    grain = np.random.default_rng(seed).normal(0, 6, (wide.height, wide.width, 1))
    taken = Image.fromarray(np.clip(0.8 * np.asarray(wide, np.float32) + grain, 0, 255).astype("u1"))
    assert "cropped_b" in compared(taken, taken.crop((70, 70, 70 + WIDTH, 70 + HEIGHT))).edits


def test_a_page_around_a_thing_that_is_cut_by_the_frame_may_be_added_or_cut_off() -> None:
    thing = thing_on_white(44).crop((0, 0, WIDTH, 250))
    page = Image.new("RGB", (WIDTH + 90, 250 + 190), "white")
    page.paste(thing, (45, 80))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, page.width, 34), fill=(120, 40, 150))
    for line in range(3):
        draw.rectangle((45, 350 + 26 * line, 300 + 60 * line, 358 + 26 * line), fill=(90, 90, 95))
    assert {"margin_b", "page_b"} & compared(thing, page).edits.keys()


def framed(photo: Image.Image) -> Image.Image:
    """A photograph in a frame of three colours."""
    for width, colour in ((10, "white"), (14, (120, 20, 30)), (30, (225, 210, 170))):
        photo = ImageOps.expand(photo, width, colour)
    return photo


def captioned(photo: Image.Image) -> Image.Image:
    """A photograph above a strip with writing."""
    made = ImageOps.expand(photo, (0, 0, 0, 44), "white")
    draw = ImageDraw.Draw(made)
    for place in range(8):
        draw.rectangle((20 + 40 * place, HEIGHT + 14, 44 + 40 * place, HEIGHT + 30), fill="black")
    return made


@pytest.mark.parametrize("make", [framed, captioned])
@pytest.mark.parametrize("seed", range(4))
def test_a_photograph_beside_a_framed_copy_is_no_crop_without_a_doubt(seed: int, make: Made) -> None:
    photo = photo_like(seed, WIDTH, HEIGHT)
    found = compared(photo, make(photo))
    assert found.relation is Relation.COPY
    assert found.edits.keys() & {"border_b", "page_b", "margin_b"} or MAYBE_FRAMED in found.kind()


@pytest.mark.parametrize("seed", range(4))
def test_a_crop_of_a_photograph_that_goes_on_is_a_crop(seed: int) -> None:
    photo = photo_like(seed, WIDTH, HEIGHT)
    found = compared(photo, photo.crop((40, 30, WIDTH - 50, HEIGHT - 40)))
    assert (found.relation, MAYBE_FRAMED in found.kind()) == (Relation.COPY, False)
    assert "cropped_b" in found.edits
