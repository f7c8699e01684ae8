"""Pictures that are alike at a glance: what tells another page, text or moment from an edit."""

import io
import random
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from dedup_assets.engine.core.match_records import OTHER_CONTENT, SMALL_TEXT, TEXT_ADDED, Relation
from dedup_assets.engine.evidence.closer import Closer, closer_size, holds_text
from dedup_assets.engine.evidence.comparing import COPY_SCORE, VARIANT_SCORE, Finding, compare
from dedup_assets.engine.evidence.look import Look, look_size, make_look
from dedup_assets_tests.support.pictures import photo_like

PAGE = (1000, 1400)
Made = Callable[[Image.Image], Image.Image]

LABELS = ("Name", "Street", "City", "Born", "Phone", "Account", "Amount", "Employer")


def look_at(picture: Image.Image) -> Look:
    """The look that a decoding process makes of a file."""
    rgb = picture.convert("RGB")
    small = np.asarray(rgb.resize(look_size(*rgb.size), Image.Resampling.BOX))
    closer = Closer.of(np.asarray(rgb.resize(closer_size(*rgb.size), Image.Resampling.BOX)))
    return make_look(small, *rgb.size, closer if holds_text(small) else None)


def compared(a: Image.Image, b: Image.Image) -> Finding:
    return compare(look_at(a), look_at(b))


def form(seed: int, filled: bool = True, changed: tuple[int, ...] = ()) -> Image.Image:
    """A form with eight fields; those that are changed have other values than those of the seed."""
    page = Image.new("RGB", PAGE, "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((50, 50, 950, 130), fill=(220, 230, 245))
    draw.text((80, 65), "Application form", "black", font_size=44)
    for line in range(14):
        draw.text((60, 1000 + 26 * line), " ".join(words(f"print {line}", 14)), (70, 70, 70), font_size=18)
    for number, label in enumerate(LABELS):
        top = 180 + 96 * number
        draw.text((60, top), label, "black", font_size=28)
        draw.rectangle((330, top - 8, 950, top + 50), outline="black", width=2)
        if filled:
            value = f"{seed} {number} {number in changed}"
            draw.text((346, top), " ".join(words(value, 3)), (10, 10, 120), font_size=30)
    return page


def words(seed: str, count: int) -> list[str]:
    chosen = random.Random(seed)  # noqa: S311 - repeatable, not secret
    return ["".join(chosen.choices("abcdefghilmnoprstuvz0123456789", k=chosen.randint(3, 8))) for _ in range(count)]


def recompressed(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def scanned(page: Image.Image) -> Image.Image:
    """Slightly turned, softer, grayer, smaller and with noise."""
    turned = page.resize((820, 1148), Image.Resampling.LANCZOS).rotate(0.8, Image.Resampling.BICUBIC, fillcolor="white")
    soft = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.7)), np.float32)
    noisy = (soft - 128) * 0.9 + 124 + np.random.default_rng(1).normal(0, 4, soft.shape)
    return recompressed(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)), 60)


def captioned(photo: Image.Image, text: str, top: int = 20, size: int = 52) -> Image.Image:
    marked = photo.copy()
    outline = max(1, size // 16)
    ImageDraw.Draw(marked).text((60, top), text, "white", font_size=size, stroke_width=outline, stroke_fill="black")
    return marked


@pytest.mark.parametrize("changed", [(0, 1, 2, 3, 4, 5, 6, 7), (0, 3, 6), (4,), (2,)])
@pytest.mark.parametrize("made", [lambda page: recompressed(page, 60), lambda page: page.resize((500, 700)), scanned])
def test_a_form_with_other_values_is_another_picture(changed: tuple[int, ...], made: Made) -> None:
    finding = compared(form(1), made(form(1, changed=changed)))
    assert finding.relation is Relation.VARIANT


@pytest.mark.parametrize(
    "made",
    [
        lambda page: recompressed(page, 30),
        lambda page: page.resize((500, 700)),
        lambda page: page.resize((340, 476)),
        lambda page: page.rotate(90, expand=True),
        lambda page: page.crop((40, 60, 970, 1330)),
        scanned,
    ],
)
def test_a_form_stays_a_copy_however_it_is_sent(made: Made) -> None:
    finding = compared(form(2), made(form(2)))
    assert finding.relation is Relation.COPY
    assert TEXT_ADDED not in finding.kind()
    assert SMALL_TEXT in finding.kind()


def test_a_form_that_was_filled_in_is_a_copy_with_text_added() -> None:
    finding = compared(form(3, filled=False), recompressed(form(3), 80))
    assert (finding.relation, finding.kind()) == (Relation.COPY, f"{TEXT_ADDED}, {SMALL_TEXT}")
    assert finding.edited() == "b"


def chart(taller: int = 0) -> Image.Image:
    """A chart of eight bars with their numbers, of which one may be taller."""
    page = Image.new("RGB", (1000, 700), "white")
    draw = ImageDraw.Draw(page)
    draw.line((100, 60, 100, 600, 950, 600), "black", 3)
    for bar in range(8):
        height = 120 + 47 * bar % 300 + (taller if bar == 3 else 0)
        draw.rectangle((130 + 100 * bar, 600 - height, 200 + 100 * bar, 600), fill=(40, 90, 150))
        for text, top in ((f"Q{bar + 1}", 620), (str(height), 565 - height)):
            draw.text((165 + 100 * bar, top), text, "black", font_size=26, anchor="ma")
    return page


@pytest.mark.parametrize("made", [lambda page: recompressed(page, 60), lambda page: page.resize((500, 350))])
def test_a_chart_with_a_taller_bar_is_another_chart(made: Made) -> None:
    assert compared(chart(), made(chart(taller=50))).relation is Relation.VARIANT
    assert compared(chart(), made(chart())).relation is Relation.COPY


def lined(photo: Image.Image, text: str) -> Image.Image:
    """A photograph above a strip with a line of text, which fills no row of blocks."""
    page = Image.new("RGB", (photo.width, photo.height + 58), "white")
    page.paste(photo)
    ImageDraw.Draw(page).text((20, photo.height + 8), text, "black", font_size=38, stroke_width=1)
    return page


@pytest.mark.parametrize("seed", [51, 52, 53])
def test_two_lines_below_one_photograph_make_two_pictures(seed: int) -> None:
    photo = photo_like(seed, 800, 640)
    one, two = lined(photo, "call seven not some it"), lined(photo, "later bring thanks you")
    assert compared(one, recompressed(two, 85)).relation is Relation.VARIANT
    assert compared(one, recompressed(one, 60)).relation is Relation.COPY


def test_a_caption_is_added_to_the_picture_that_has_it() -> None:
    photo = photo_like(1, 640, 480)
    marked = recompressed(captioned(photo, "FOR SALE, HALF PRICE"), 85)
    assert compared(photo, marked).kind() == compared(marked, photo).kind() == "text or overlay added"
    assert (compared(photo, marked).edited(), compared(marked, photo).edited()) == ("b", "a")


def with_plate(photo: Image.Image) -> Image.Image:
    marked = photo.copy()
    marked.paste((60, 90, 130), (340, 300, 600, 420))
    return marked


def with_banner(photo: Image.Image) -> Image.Image:
    marked = photo.copy()
    marked.paste("white", (0, 410, 640, 480))
    ImageDraw.Draw(marked).text((20, 425), "Breaking news of today", "black", font_size=30)
    return marked


@pytest.mark.parametrize("made", [with_plate, with_banner])
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_picture_that_something_was_laid_over_is_known(made: Made, seed: int) -> None:
    photo = photo_like(seed, 640, 480)
    one, two = compared(photo, recompressed(made(photo), 85)), compared(made(photo), photo)
    assert one.relation is two.relation is Relation.COPY
    assert (one.edited(), two.edited()) == ("b", "a")


def faint(seed: int) -> Image.Image:
    """A dark picture of little contrast with many small things, whose keypoints are clear."""
    dark = photo_like(seed, 640, 480).point(lambda value: round(0.5 * value) + 20)
    draw, random = ImageDraw.Draw(dark), np.random.default_rng(seed)
    for left, top, side, *colour in random.integers((0, 0, 4, 20, 20, 20), (640, 480, 16, 150, 150, 150), (150, 6)):
        draw.rectangle((int(left), int(top), int(left + side), int(top + side)), fill=tuple(map(int, colour)))
    return dark


@pytest.mark.parametrize("seed", [61, 62, 63, 64, 65, 66])
def test_a_bar_whose_contrast_outweighs_the_picture_leaves_it_a_copy(seed: int) -> None:
    marked = faint(seed)
    draw = ImageDraw.Draw(marked)
    draw.rectangle((64, 374, 576, 442), fill="white")
    draw.text((320, 408), "best friends of summer", "gray", font_size=32, anchor="mm")
    finding = compared(faint(seed), recompressed(marked, 85))
    assert (finding.relation, finding.kind()) == (Relation.COPY, TEXT_ADDED)


def test_two_captions_in_one_place_make_two_pictures() -> None:
    photo = photo_like(2, 640, 480)
    one, two = captioned(photo, "WHEN YOU SEE IT"), captioned(photo, "ONE DOES NOT GO")
    assert compared(one, recompressed(two, 85)).relation is Relation.VARIANT


@pytest.mark.parametrize("side", [640, 320])
def test_two_captions_are_called_other_content_and_no_edit(side: int) -> None:
    photo = photo_like(2, 640, 480)
    one, two = captioned(photo, "WHEN YOU SEE IT"), captioned(photo, "ONE DOES NOT GO")
    finding = compared(one, recompressed(two.resize((side, side * 3 // 4)), 85))
    assert (finding.relation, finding.kind(), finding.edited()) == (Relation.VARIANT, OTHER_CONTENT, "")


@pytest.mark.parametrize("seed", [2, 4, 5])
def test_another_caption_at_the_rim_of_a_crop_makes_another_picture(seed: int) -> None:
    photo, part = photo_like(seed, 640, 480), (40, 0, 600, 470)
    one, two = captioned(photo, "DELTA 3", 6, 30), captioned(photo, "MIKE 12", 6, 30)
    assert compared(one, recompressed(two.crop(part), 85)).relation is Relation.VARIANT
    same = compared(one, recompressed(one.crop(part), 85))
    assert (same.relation, same.kind()) == (Relation.COPY, "cropped to 86 %")


def test_of_two_pictures_whose_map_is_in_doubt_nothing_is_said() -> None:
    photo = photo_like(2, 640, 480)
    half = photo_like(3, 640, 480)
    half.paste(photo.crop((0, 0, 640, 230)))
    finding = compared(photo, recompressed(half, 85))
    assert (finding.relation, finding.kind()) == (Relation.VARIANT, "")
    assert VARIANT_SCORE < finding.score < COPY_SCORE


def test_of_two_pictures_that_no_map_joins_nothing_is_said() -> None:
    assert Finding(Relation.VARIANT).kind() == Finding(Relation.VARIANT, same_size=False).kind() == ""
    assert Finding(Relation.COPY).kind() == "recompressed"


def test_captions_in_two_places_make_two_pictures() -> None:
    photo = photo_like(3, 640, 480)
    one, two = captioned(photo, "WHEN YOU SEE IT"), captioned(photo, "ONE DOES NOT GO", 380)
    assert compared(one, recompressed(two, 85)).relation is Relation.VARIANT


def test_something_that_moves_before_a_still_camera_makes_two_pictures() -> None:
    scene, figure = photo_like(4, 640, 480), photo_like(5, 60, 90)
    frames = [scene.copy() for _ in range(2)]
    for frame, left in zip(frames, (200, 235), strict=True):
        frame.paste(figure, (left, 240))
    assert compared(frames[0], recompressed(frames[1], 85)).relation is Relation.VARIANT


def test_light_that_is_cut_off_is_nothing_laid_over_the_other_picture() -> None:
    photo = photo_like(14, 640, 480)
    patches = ImageDraw.Draw(photo)
    for number in range(12):  # of colours whose red is cut off first
        left, top = 30 + 150 * (number % 4), 60 + 130 * (number // 4)
        for line in range(0, 80, 16):
            colour = (190 + (line % 32) * 3, 90, 40 + line)
            patches.rectangle((left, top + line, left + 90, top + line + 8), fill=colour)
    brighter = photo.point(lambda value: min(255, round(1.5 * value)))
    finding = compared(photo, recompressed(brighter, 90))
    assert finding.relation is Relation.COPY
    assert finding.edited() == "b"


def shirt(colour: tuple[int, int, int], seed: int) -> Image.Image:
    """A thing with folds, in a colour, on a plain ground."""
    folds = np.asarray(photo_like(seed, 640, 480).convert("L"), np.float32)[..., None] / 255
    dyed = Image.fromarray((np.array(colour) * (0.35 + 0.65 * folds)).astype(np.uint8))
    shape = Image.new("L", (640, 480), 0)
    ImageDraw.Draw(shape).polygon(
        [(150, 60), (490, 60), (560, 200), (470, 230), (470, 440), (170, 440), (90, 200)], 255
    )
    return Image.composite(dyed, Image.new("RGB", (640, 480), (245, 245, 245)), shape)


@pytest.mark.parametrize("seed", [41, 42])
def test_a_thing_in_two_colours_is_two_pictures_and_toned_or_paler_ones_are_copies(seed: int) -> None:
    red = shirt((220, 60, 60), seed)
    assert compared(red, recompressed(shirt((60, 90, 210), seed), 90)).relation is Relation.VARIANT
    sepia = Image.merge(
        "RGB", [red.convert("L").point(lambda value, k=k: min(255, value * k)) for k in (1.07, 0.9, 0.7)]
    )
    for toned in (sepia, ImageEnhance.Color(red).enhance(0.3), ImageEnhance.Brightness(red).enhance(0.7)):
        assert compared(red, recompressed(toned, 90)).relation is Relation.COPY


def chat() -> Image.Image:
    """Words in bubbles of several colours on a dark ground."""
    screen = Image.new("RGB", (700, 1200), (18, 24, 28))
    draw = ImageDraw.Draw(screen)
    for number in range(9):
        left, top = 30 + 160 * (number % 2), 30 + 128 * number
        draw.rounded_rectangle((left, top, left + 480, top + 104), 20, ((0, 92, 75), (32, 44, 51))[number % 2])
        for line in range(2):
            text = " ".join(words(f"{number} {line}", 4))
            draw.text((left + 20, top + 14 + 44 * line), text, "white", font_size=30)
    return screen


@pytest.mark.parametrize("page", [form(6), form(6).rotate(90, expand=True), chart(), chat()])
@pytest.mark.parametrize("made", [lambda page: recompressed(page, 50), lambda page: page.resize((430, 430)), scanned])
def test_no_edited_copy_of_print_passes_for_certain(page: Image.Image, made: Made) -> None:
    assert look_at(page).print >= 1
    assert SMALL_TEXT in compared(page, made(page)).kind()


@pytest.mark.parametrize("seed", range(6))
def test_copies_of_photographs_are_not_taken_for_print(seed: int) -> None:
    photo = photo_like(seed, 640, 480)
    assert SMALL_TEXT not in compared(photo, recompressed(photo, 50)).kind()


def retouched(photo: Image.Image, place: tuple[int, int]) -> Image.Image:
    """A small thing is gone: what is beside its place was laid over it, with a soft rim."""
    left, top = place
    mask = Image.new("L", (36, 36))
    ImageDraw.Draw(mask).ellipse((3, 3, 33, 33), fill=255)
    changed = photo.copy()
    changed.paste(photo.crop((left + 40, top, left + 76, top + 36)), place, mask.filter(ImageFilter.GaussianBlur(2)))
    return changed


@pytest.mark.parametrize("seed", [61, 62, 63, 64])
def test_a_small_thing_that_is_gone_is_no_recompression(seed: int) -> None:
    photo = photo_like(seed, 640, 480)
    ImageDraw.Draw(photo).ellipse((206, 206, 226, 226), fill=(20, 20, 30) if seed % 2 else (240, 240, 220))
    found = compared(photo, recompressed(retouched(photo, (198, 198)), 88))
    assert found.relation is not Relation.COPY or TEXT_ADDED in found.kind()


@pytest.mark.parametrize("seed", [61, 62, 63, 64])
@pytest.mark.parametrize("light", [0.8, 1.1])
def test_another_light_is_no_small_thing(seed: int, light: float) -> None:
    photo = photo_like(seed, 640, 480)
    found = compared(photo, recompressed(ImageEnhance.Brightness(photo).enhance(light), 85))
    assert found.relation is Relation.COPY
    assert TEXT_ADDED not in found.kind()


def icon(colour: str, sign: str = "white") -> Image.Image:
    drawn = Image.new("RGB", (256, 256), "white")
    draw = ImageDraw.Draw(drawn)
    draw.rounded_rectangle((15, 15, 240, 240), 46, fill=colour)
    draw.ellipse((70, 60, 130, 120), fill=sign)
    draw.rectangle((100, 130, 190, 180), fill=sign)
    draw.ellipse((150, 70, 200, 120), fill="#141414")
    return drawn


@pytest.mark.parametrize(("one", "two"), [("#d23030", "#30d230"), ("#2d6fd2", "#72d22d"), ("#d22d90", "#2dd272")])
def test_an_icon_in_another_colour_is_another_icon(one: str, two: str) -> None:
    assert compared(icon(one), icon(two)).relation is Relation.VARIANT
    assert compared(icon(one), recompressed(icon(one).resize((128, 128)), 80)).relation is Relation.COPY
