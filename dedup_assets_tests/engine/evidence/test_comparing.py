"""What a comparison finds: the relation of two pictures, the map between them, and what was done to one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.evidence.comparing import Finding, compare, in_pixels
from dedup_assets.engine.evidence.explaining import explain, in_words
from dedup_assets.engine.evidence.judging import judge
from dedup_assets.engine.evidence.look import Look, make_look
from dedup_assets.engine.evidence.refining import Refined
from dedup_assets_tests.support.pictures import photo_like

WIDTH, HEIGHT = 480, 360
CENTRE = np.array([[1, 0, -WIDTH / 2], [0, 1, -HEIGHT / 2], [0, 0, 1]])


def photo(seed: int = 1) -> Image.Image:
    return photo_like(seed, WIDTH, HEIGHT)


def look_at(picture: Image.Image) -> Look:
    return make_look(np.asarray(picture.convert("RGB")), *picture.size)


def compared(a: Image.Image, b: Image.Image) -> Finding:
    return compare(look_at(a), look_at(b))


def turned(degrees: float, scale: float = 1.0, mirror: bool = False) -> NDArray[np.float64]:
    """The map, in pixels, that turns a picture around its centre."""
    c, s = np.cos(np.radians(degrees)) * scale, np.sin(np.radians(degrees)) * scale
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.diag([-1 if mirror else 1, 1, 1])
    mapped: NDArray[np.float64] = np.linalg.inv(CENTRE) @ turn @ CENTRE
    return mapped


def warped(picture: Image.Image, map_: NDArray[np.float64]) -> Image.Image:
    """The picture moved by a map of its pixels, on a canvas of the same size."""
    back = np.linalg.inv(map_)
    back /= back[2, 2]
    if back[2, 0] == back[2, 1] == 0:
        return picture.transform(
            picture.size, Image.Transform.AFFINE, back[:2].ravel().tolist(), Image.Resampling.BICUBIC
        )
    return picture.transform(
        picture.size, Image.Transform.PERSPECTIVE, back.ravel()[:8].tolist(), Image.Resampling.BICUBIC
    )


def with_text(picture: Image.Image, text: str) -> Image.Image:
    marked = picture.copy()
    draw = ImageDraw.Draw(marked)
    for top in (10, HEIGHT - 60):
        draw.text((WIDTH / 2, top), text, "white", anchor="ma", font_size=40, stroke_width=2, stroke_fill="black")
    return marked


def farthest_miss(finding: Finding, a: Image.Image, b: Image.Image, map_: NDArray[np.float64]) -> float:
    """Most that the map found misses, over the corners of a quarter of the picture, in longer sides of b."""
    assert finding.map is not None
    corners = np.array([[x * WIDTH, y * HEIGHT, 1] for x in (0.3, 0.7) for y in (0.3, 0.7)]).T
    found = np.linalg.inv(in_pixels(finding.map, look_at(a), look_at(b))) @ corners
    expected = map_ @ corners
    return float(np.abs(found[:2] / found[2] - expected[:2] / expected[2]).max() / max(b.size))


@pytest.mark.parametrize(
    "map_",
    [
        turned(0),
        turned(180),
        turned(0, mirror=True),
        turned(12),
        turned(-40, 0.9),
        turned(25, 1.4),
        turned(8, 1.7, mirror=True),
        turned(0, 0.6),
        turned(75, 1.2, mirror=True),
        np.array([[1, 0.1, -20], [0, 1.1, -10], [0, 0, 1]]),
        np.array([[0.8, 0, 60], [0, 1, 0], [0, 0, 1]]),
    ],
)
def test_a_known_map_is_found_to_half_a_percent_of_the_side(map_: NDArray[np.float64]) -> None:
    a = photo()
    b = warped(a, map_)
    finding = compared(a, b)
    assert finding.relation is Relation.COPY
    assert farthest_miss(finding, a, b, map_) < 0.005


def test_a_crop_is_found_where_it_was_cut() -> None:
    a = photo()
    b = a.crop((130, 90, 370, 270))
    finding = compared(a, b)
    assert farthest_miss(finding, a, b, np.array([[1, 0, -130], [0, 1, -90], [0, 0, 1]])) < 0.005
    assert finding.overlap_a == pytest.approx(0.25, abs=0.02)
    assert finding.overlap_b == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("map_", [turned(0), turned(30, 1.2), turned(90, 0.7, mirror=True)])
def test_the_other_way_round_the_map_is_the_inverse(map_: NDArray[np.float64]) -> None:
    a, b = look_at(photo(2)), look_at(warped(photo(2), map_))
    one, two = compare(a, b), compare(b, a)
    assert one.map is not None
    assert two.map is not None
    assert one.map @ two.map == pytest.approx(np.eye(3), abs=1e-9)
    assert (one.relation, one.score, one.overlap_a) == (two.relation, two.score, two.overlap_b)
    assert one.kind() == two.kind()


def test_equal_pixels_are_joined_by_the_identity() -> None:
    finding = compared(photo(3), photo(3))
    assert finding.relation is Relation.COPY
    assert finding.map == pytest.approx(np.eye(3), abs=1e-6)
    assert (finding.overlap_a, finding.overlap_b) == (1, 1)
    assert finding.residual < 0.01


@pytest.mark.parametrize("colours", [("white", "white"), ("black", "gray"), ("red", "white")])
def test_flat_pictures_are_not_decided(colours: tuple[str, str]) -> None:
    a, b = (Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in colours)
    assert compared(a, b).relation is Relation.UNVERIFIED


def test_unrelated_pictures_are_never_copies() -> None:
    looks = [look_at(photo(seed)) for seed in range(8)]
    found = [compare(a, b).relation for n, a in enumerate(looks) for b in looks[:n]]
    assert Relation.COPY not in found


def test_a_hint_is_enough_to_find_a_map() -> None:
    a, b = look_at(photo(4)), look_at(photo(4).crop((0, 0, 240, 180)))
    found = compare(a, b)
    assert found.inliers > 0
    again = compare(a, b, hint=found.map)
    assert (again.relation, again.inliers) == (Relation.COPY, 0)
    assert again.map == pytest.approx(found.map, abs=0.005)


def test_a_wrong_hint_does_no_harm() -> None:
    a, b = look_at(photo(4)), look_at(photo(4).crop((0, 0, 240, 180)))
    hint = np.array([[1, 0, 0.3], [0, 1, 0.2], [0, 0, 1.0]])
    assert compare(a, b, hint).relation is Relation.COPY


def test_a_picture_of_a_screen_in_perspective_is_a_copy() -> None:
    map_ = np.array([[0.8, 0.06, 30], [0.05, 0.75, 20], [3e-4, 7e-4, 1]])
    finding = compared(photo(5), warped(photo(5), map_))
    assert finding.relation is Relation.COPY
    assert "perspective" in finding.kind()


def test_one_template_with_other_text_is_a_variant() -> None:
    one, two = with_text(photo(6), "WHEN YOU SEE IT"), with_text(photo(6), "NOBODY EVER LOOKS")
    assert compared(one, two).relation is Relation.VARIANT


@pytest.mark.parametrize("step", [0.14, 0.3])
def test_two_parts_of_a_photograph_that_overlap_are_variants(step: float) -> None:
    picture = photo(4)
    width, height = picture.size
    left, right = (picture.crop((int(width * at), 0, int(width * (at + 0.7)), height)) for at in (0, step))
    assert compared(left, right).relation is Relation.VARIANT
    assert compared(picture, left).relation is compared(right, picture).relation is Relation.COPY


def test_a_picture_that_was_turned_within_its_frame_is_a_copy() -> None:
    picture = ImageOps.expand(photo(5), 6, "white")  # the corners of the frame are told from the picture
    turned_in_frame = picture.rotate(15, resample=Image.Resampling.BICUBIC)
    assert compared(picture, turned_in_frame).relation is Relation.COPY


def test_text_over_a_picture_is_an_edit() -> None:
    finding = compared(photo(6), with_text(photo(6), "WHEN YOU SEE IT"))
    assert finding.relation is Relation.COPY
    assert finding.kind() == "text or overlay added"


def night(seed: int) -> Image.Image:
    """Points of light in a dark sky, over a dark ground."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (WIDTH, HEIGHT), (4, 5, 9))
    draw = ImageDraw.Draw(picture)
    for _ in range(90):
        x, y, size = rng.integers(0, WIDTH), rng.integers(0, HEIGHT), rng.integers(2, 9)
        draw.ellipse((x, y, x + size, y + size), fill=tuple(rng.integers(90, 256, 3).tolist()))
    return picture


def product() -> Image.Image:
    """Things on white, far from the edges."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    picture.paste(photo(9).resize((180, 140)), (150, 110), Image.new("L", (180, 140), 255).rotate(20, expand=False))
    return picture


@pytest.mark.parametrize("picture", [night(1), night(2), product(), ImageOps.expand(photo(3), (0, 120), "white")])
def test_what_a_crop_lacks_is_never_called_a_border(picture: Image.Image) -> None:
    finding = compared(picture, picture.crop((40, 40, picture.width - 60, picture.height - 50)))
    assert finding.relation is Relation.COPY
    assert not {"border_a", "page_a"} & finding.edits.keys()
    assert finding.edited() == "b" or "margin_a" in finding.edits


@pytest.mark.parametrize("colour", ["white", "black", "gray"])
def test_a_border_is_told_from_the_picture_in_it(colour: str) -> None:
    finding = compared(photo(3), ImageOps.expand(photo(3), 60, colour))
    assert finding.edits["border_b"] == pytest.approx(0.4, abs=0.03)
    assert finding.edited() == "b"


def test_a_page_with_text_below_the_picture_is_told_from_more_of_the_photograph() -> None:
    page = Image.new("RGB", (WIDTH + 140, HEIGHT + 200), "white")
    page.paste(photo(3), (70, 60))
    draw = ImageDraw.Draw(page)
    for row in range(HEIGHT + 66, page.height - 10, 14):
        draw.text((30, row), "words in a line of a page, " * 4, "black")
    finding = compared(photo(3), page)
    assert "page_b" in finding.edits
    assert finding.edited() == "b"


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored": ImageOps.mirror,
    "mirrored upside down": ImageOps.flip,
    "rotated 90": lambda picture: picture.transpose(Image.Transpose.ROTATE_270),
    "rotated 180": lambda picture: picture.rotate(180),
    "rotated 270": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "cropped to 36 %": lambda picture: picture.crop((50, 40, 50 + 288, 40 + 216)),
    "resized": lambda picture: picture.resize((200, 150)),
    "gray": ImageOps.grayscale,
    "negative": ImageOps.invert,
    "border added": lambda picture: ImageOps.expand(picture, 60, "white"),
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(5)),
    "recoloured": lambda picture: ImageEnhance.Brightness(picture).enhance(0.6),
    "rotated by 20°, border added": lambda picture: picture.rotate(-20, expand=True),
}


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_is_named(kind: str) -> None:
    finding = compared(photo(7), EDITS[kind](photo(7)))
    assert finding.relation is Relation.COPY
    assert finding.kind() == kind


def test_edits_of_both_pictures_are_named_once() -> None:
    words = in_words({"cropped_a": 0.9, "cropped_b": 0.881, "border_a": 0.1, "border_b": 0.1}, same_size=False)
    assert words == "cropped to 90 % and to 88 %, border added"


@pytest.mark.parametrize("place", [(40, 30), (260, 160), (60, 200)])
def test_a_small_crop_with_more_pixels_than_the_look_does_not_make_it_blurred(place: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).normal(0, 20, (375, 500, 1))
    whole = Image.fromarray(np.clip(np.asarray(photo_like(1, 500, 375)) + noise, 0, 255).astype(np.uint8))
    crop = whole.crop((*place, place[0] + 160, place[1] + 120))
    half = make_look(np.asarray(whole.reduce(2)), *whole.size)
    found = compare(half, look_at(crop))
    assert found.relation is Relation.COPY
    assert set(found.edits) == {"cropped_b"}


def test_nothing_is_said_of_a_picture_that_was_only_saved_anew() -> None:
    noise = np.random.default_rng(1).normal(0, 3, (HEIGHT, WIDTH, 3))
    again = Image.fromarray(np.clip(np.asarray(photo(8)) + noise, 0, 255).astype(np.uint8))
    finding = compared(photo(8), again)
    assert (finding.relation, finding.kind(), dict(finding.edits)) == (Relation.COPY, "recompressed", {})


def test_a_change_of_most_of_a_picture_is_said_without_another_hue() -> None:
    look = look_at(photo())
    judged = judge(look, look, Refined(np.eye(3), 1.0, 0.0, 1.0))
    assert judged is not None
    assert explain(look, look, replace(judged, changed=0.8, agreement=0.4)) == {"changed": 0.8}
