"""What a comparison sees of one picture: sizes, pyramid, poses and borders."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.evidence.look import SIDE, Look, make_look
from dedup_assets_tests.support.pictures import photo_like

SIDES = ("left", "top", "right", "bottom")
POSES = (
    lambda rgb: rgb,
    lambda rgb: np.rot90(rgb, 1),
    lambda rgb: np.rot90(rgb, 2),
    lambda rgb: np.rot90(rgb, 3),
    lambda rgb: rgb[:, ::-1],
    lambda rgb: np.rot90(rgb[:, ::-1]),
    lambda rgb: np.rot90(rgb[:, ::-1], 2),
    lambda rgb: np.rot90(rgb[:, ::-1], 3),
)


def look_at(rgb: NDArray[np.uint8]) -> Look:
    return make_look(np.ascontiguousarray(rgb), rgb.shape[1], rgb.shape[0])


def photo(seed: int, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    return np.asarray(photo_like(seed, width, height))


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(320, 240, (256, 192)), (100, 50, (256, 128)), (256, 256, (256, 256)), (1, 1, (256, 256)), (10, 3000, (16, 256))],
)
def test_every_picture_is_seen_at_one_size(width: int, height: int, expected: tuple[int, int]) -> None:
    look = look_at(np.full((height, width, 3), 90, np.uint8))
    assert look.rgb.shape == (expected[1], expected[0], 3)
    assert (look.width, look.height) == (width, height)
    assert look.extent == pytest.approx(np.array(expected) / SIDE)


def test_pixels_of_the_right_size_are_taken_as_they_are() -> None:
    rgb = photo(1, 256, 192)
    assert make_look(rgb, 4000, 3000).rgb is rgb


def test_the_pyramid_halves_and_keeps_the_mean_colour() -> None:
    look = look_at(photo(2))
    assert [level.shape for level in look.levels] == [(192 >> n, 256 >> n, 3) for n in range(5)]
    for level in look.levels:
        assert level.mean((0, 1)) == pytest.approx(look.rgb.mean((0, 1)), abs=0.6)


def test_gray_levels_carry_the_slopes_of_a_ramp() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 192, 0).repeat(3, 2)
    gray = look_at(ramp).gray(1)
    assert gray.shape == (96, 128, 3)
    assert gray[40, 20:100, 0] == pytest.approx(2 * np.arange(20, 100) + 0.5, abs=0.6)
    assert gray[10:-10, 10:-10, 1] == pytest.approx(2, abs=0.3)
    assert gray[..., 2] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("pose", range(8))
def test_thumbnails_are_those_of_the_turned_and_mirrored_picture(pose: int) -> None:
    rgb = photo(3, 256, 256)
    alike = look_at(rgb).thumbnails @ look_at(POSES[pose](rgb)).thumbnails[0]
    assert alike[pose] == pytest.approx(1, abs=1e-4)
    assert np.argmax(alike) == pose


def test_content_leaves_borders_of_one_colour_out() -> None:
    page = Image.new("RGB", (400, 320), (250, 250, 245))
    page.paste(photo_like(4, 240, 160), (100, 60))
    assert tuple(look_at(np.asarray(page)).content) == pytest.approx((0.25, 0.15, 0.85, 0.55), abs=0.012)


@pytest.mark.parametrize("seed", range(3))
def test_a_picture_without_borders_is_all_content(seed: int) -> None:
    look = look_at(photo(seed))
    assert tuple(look.content) == pytest.approx((0, 0, *look.extent))


def test_a_plain_picture_is_all_content() -> None:
    look = look_at(np.full((192, 256, 3), 255, np.uint8))
    assert tuple(look.content) == pytest.approx((0, 0, *look.extent))


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3000, 10), (2, 3), (300, 400)])
@pytest.mark.parametrize("colour", [0, 255])
def test_flat_and_tiny_pictures_have_a_look_without_keypoints(shape: tuple[int, int], colour: int) -> None:
    look = look_at(np.full((*shape, 3), colour, np.uint8))
    assert np.isfinite(look.gray(len(look.levels) - 1)).all()
    assert np.isfinite(look.thumbnails).all()
    assert len(look.content) == 4
    assert len(look.keypoints) == 0
    assert look.keypoints.descriptors.shape[0] == 0


@pytest.mark.parametrize("side", SIDES)
def test_a_border_on_one_side_is_found(side: str) -> None:
    rgb = photo(5, 256, 192).copy()
    rgb[{"left": np.s_[:, :40], "top": np.s_[:40], "right": np.s_[:, -40:], "bottom": np.s_[-40:]}[side]] = (9, 90, 20)
    whole = (0, 0, 1, 0.75)
    expected = [40 / 256 if name in ("left", "top") else whole[at] - 40 / 256 for at, name in enumerate(SIDES)]
    found = look_at(rgb).content
    for at, name in enumerate(SIDES):
        assert found[at] == pytest.approx(expected[at] if name == side else whole[at], abs=0.012)


def test_a_noisy_border_is_found_and_a_gradient_is_none() -> None:
    rgb = photo(6, 256, 192).copy()
    rgb[:32] = np.random.default_rng(1).integers(195, 205, (32, 256, 3))
    assert look_at(rgb).content.top == pytest.approx(0.125, abs=0.012)
    rgb[:32] = np.arange(256)[None, :, None]
    assert look_at(rgb).content.top == 0
