"""A picture that was made from a JPEG shows that file's steps, however it is turned; another one does not."""

import io

import numpy as np
import pytest
from PIL import Image

from dedup_assets.engine.evidence.jpeg_grid import MADE, NOT_MADE, Turn, agreement, turn_of
from dedup_assets_tests.support.pictures import photo_like

TURNS = [Turn(*flags) for flags in np.ndindex(2, 2, 2)]


def as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def steps(jpeg: Image.Image) -> np.ndarray:
    return np.array(jpeg.quantization[0]).reshape(8, 8)  # type: ignore[attr-defined]


def gray(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"))


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_a_turned_copy_in_finer_steps_lies_on_those_of_its_original(turn: Turn) -> None:
    original = as_jpeg(photo_like(1, 403, 300), 80)
    turned = Image.fromarray(
        np.ascontiguousarray(np.stack([turn.of(each) for each in np.moveaxis(np.asarray(original), 2, 0)], 2))
    )
    linear = np.array([[0, 1], [1, 0]] if turn.is_transposed else np.eye(2)) * np.array(
        [[-1 if turn.flips_columns else 1], [-1 if turn.flips_rows else 1]]
    )
    assert turn_of(linear) == turn
    back = turn_of(linear.T)
    assert back is not None
    for copy, own in ((turned, None), (as_jpeg(turned, 95), steps(as_jpeg(turned, 95)))):
        found = agreement(gray(copy), steps(original), back, own)
        assert found is not None
        assert found >= MADE


@pytest.mark.parametrize("quality", [70, 90, 95])
def test_two_files_of_one_quality_on_one_grid_are_not_judged(quality: int) -> None:
    original = as_jpeg(photo_like(2, 400, 304), quality)
    mirrored = as_jpeg(original.transpose(Image.Transpose.FLIP_LEFT_RIGHT), quality)
    assert agreement(gray(mirrored), steps(original), Turn(False, False, True), steps(mirrored)) is None


@pytest.mark.parametrize("quality", [66, 82, 91])
def test_an_original_does_not_lie_on_the_nearly_equal_steps_of_its_copy(quality: int) -> None:
    original = as_jpeg(photo_like(6, 400, 304), quality + 4)
    again = as_jpeg(original.transpose(Image.Transpose.ROTATE_90), quality)
    found = agreement(gray(original), steps(again), Turn(True, True, False), steps(original))
    assert found is None or found < MADE


def test_an_original_does_not_lie_on_the_steps_of_its_copy() -> None:
    for seed in range(5):
        original = photo_like(seed, 400, 304)
        for own in (original, as_jpeg(original, 92)):
            known = None if own is original else steps(own)
            found = agreement(gray(own), steps(as_jpeg(original, 80)), Turn(False, False, False), known)
            assert found is not None
            assert found < NOT_MADE


@pytest.mark.parametrize("size", [(7, 300), (300, 5), (40, 40)])
def test_pictures_too_small_to_tell_are_not_judged(size: tuple[int, int]) -> None:
    picture = as_jpeg(photo_like(1, *size), 80)
    assert agreement(gray(picture), steps(picture), Turn(False, False, False)) is None


@pytest.mark.parametrize("linear", [np.eye(2) * 1.1, [[0.87, -0.5], [0.5, 0.87]], [[1, 0.1], [0, 1]]])
def test_a_map_that_scales_or_slants_is_no_turn(linear: object) -> None:
    assert turn_of(np.array(linear)) is None
