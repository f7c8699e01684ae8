"""Keypoints are found again in copies, with descriptors that tell them apart."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.evidence.descriptors import KEPT_VALUES
from dedup_assets.engine.evidence.keypoints import MOST_KEYPOINTS, Keypoints
from dedup_assets.engine.evidence.look import make_look
from dedup_assets_tests.support.pictures import photo_like

Map = NDArray[np.float64]


def keypoints_of(rgb: NDArray[np.uint8]) -> Keypoints:
    return make_look(np.ascontiguousarray(rgb), rgb.shape[1], rgb.shape[0]).keypoints


def photo(seed: int, width: int = 512, height: int = 384) -> NDArray[np.uint8]:
    return np.asarray(photo_like(seed, width, height))


def rightly_matched(a: Keypoints, b: Keypoints, lin: Map, shift: Map) -> float:
    """Share of a's keypoints inside b whose nearest descriptor in b lies where the map (longer sides) says."""
    expected = a.places @ lin.T + shift
    inside = ((expected > 0.06) & (expected < [0.94, 0.69])).all(1)
    nearest = (a.descriptors @ b.descriptors.T).argmax(1)
    near = np.linalg.norm(b.places[nearest] - expected, axis=1) < 0.02
    return float(near[inside].mean())


@pytest.mark.parametrize("seed", range(3))
def test_most_keypoints_are_found_in_a_photograph(seed: int) -> None:
    found = keypoints_of(photo(seed))
    assert 0.5 * MOST_KEYPOINTS < len(found) <= MOST_KEYPOINTS
    assert found.places.shape == (len(found), 2)
    assert (found.places > 0).all()
    assert (found.places < [1, 0.75]).all()
    assert np.linalg.norm(found.descriptors, axis=1) == pytest.approx(1, abs=1e-3)


def test_the_same_pixels_give_the_same_keypoints() -> None:
    one, two = keypoints_of(photo(1)), keypoints_of(photo(1))
    assert (one.places == two.places).all()
    assert (one.sizes == two.sizes).all()
    assert (one.angles == two.angles).all()
    assert (one.descriptors == two.descriptors).all()


@pytest.mark.parametrize("seed", range(4))
def test_some_values_of_descriptors_change_their_signs_in_a_mirrored_picture(seed: int) -> None:
    rgb = photo(seed)
    one, two = keypoints_of(rgb), keypoints_of(rgb[:, ::-1])
    mirrored = np.hstack([one.descriptors[:, :KEPT_VALUES], -one.descriptors[:, KEPT_VALUES:]])
    alike = mirrored @ two.descriptors.T
    there = np.abs(one.places[:, None] - [1, 0] - two.places * [-1, 1]).max(2) < 0.004
    pairs = np.argwhere(there & (one.sizes[:, None] == two.sizes))
    assert len(pairs) > 0.9 * len(one)
    assert np.median(alike[pairs[:, 0], pairs[:, 1]]) > 0.99
    turned = one.angles[pairs[:, 0]] + two.angles[pairs[:, 1]] - np.pi
    assert np.median(np.abs(np.angle(np.exp(1j * turned)))) < 0.02


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_keypoints_of_a_turned_picture_turn_with_it(turns: int) -> None:
    rgb = photo(5, 384, 384)
    one, two = keypoints_of(rgb), keypoints_of(np.rot90(rgb, turns))
    centred = (one.places - 0.5) @ np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), turns) + 0.5
    nearest = (one.descriptors @ two.descriptors.T).argmax(1)
    assert (np.linalg.norm(two.places[nearest] - centred, axis=1) < 0.01).mean() > 0.8
    turned = two.angles[nearest] - one.angles + turns * np.pi / 2
    assert np.median(np.abs(np.angle(np.exp(1j * turned)))) < 0.05


def test_keypoints_of_a_crop_are_found_in_the_whole() -> None:
    rgb = photo(6)
    part = rgb[96:288, 128:384]
    lin, shift = np.eye(2) / 2, np.array([0.25, 0.1875])
    assert rightly_matched(keypoints_of(part), keypoints_of(rgb), lin, shift) > 0.25


def test_keypoints_are_found_again_in_a_small_noisy_gray_copy() -> None:
    picture = photo_like(7, 512, 384)
    small = np.asarray(picture.resize((200, 150)).convert("L").convert("RGB")).astype(np.int64)
    small = np.clip(small + np.random.default_rng(0).integers(-8, 9, small.shape), 0, 255)
    one, two = keypoints_of(np.asarray(picture)), keypoints_of(small.astype(np.uint8))
    assert rightly_matched(two, one, np.eye(2), np.zeros(2)) > 0.4


def test_keypoints_of_another_picture_are_no_match() -> None:
    one, two = keypoints_of(photo(8)), keypoints_of(photo(9))
    assert rightly_matched(one, two, np.eye(2), np.zeros(2)) < 0.1


@pytest.mark.parametrize(("degrees", "scale"), [(0, 0.4), (0, 0.63), (25, 1), (-70, 0.8), (160, 0.55), (10, 1.3)])
def test_keypoints_follow_a_turn_and_a_change_of_size(degrees: float, scale: float) -> None:
    picture = photo_like(10, 512, 512)
    angle = np.radians(degrees)
    lin = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = 0.5 - lin @ [0.5, 0.5]
    back = np.linalg.inv(lin)
    taken = np.column_stack([back, -back @ shift * 512]).ravel()
    turned = picture.transform((512, 512), Image.Transform.AFFINE, taken, Image.Resampling.BICUBIC)
    one, two = keypoints_of(np.asarray(picture)), keypoints_of(np.asarray(turned))
    nearest = (one.descriptors @ two.descriptors.T).argmax(1)
    right = np.linalg.norm(two.places[nearest] - (one.places @ lin.T + shift), axis=1) < 0.015
    assert right.sum() >= 20
    assert np.median(two.sizes[nearest][right] / one.sizes[right]) == pytest.approx(scale, rel=0.3)
    turns = two.angles[nearest][right] - one.angles[right] - angle
    assert np.median(np.abs(np.angle(np.exp(1j * turns)))) < 0.15


def test_keypoints_shift_with_the_picture() -> None:
    rgb = photo(11, 256, 192)
    one, two = keypoints_of(rgb[:, :240]), keypoints_of(rgb[:, 16:])
    expected = one.places * 240 - np.array([16, 0])
    there = np.linalg.norm(expected[:, None] - two.places * 240, axis=2).min(1) < 1.1
    assert there[expected[:, 0] > 16].mean() > 0.6


def test_descriptors_do_not_depend_on_brightness_and_contrast() -> None:
    rgb = photo(12)
    one, two = keypoints_of(rgb), keypoints_of((rgb * 0.6 + 40).astype(np.uint8))
    nearest = (one.descriptors @ two.descriptors.T).argmax(1)
    same = np.linalg.norm(two.places[nearest] - one.places, axis=1) < 0.007
    assert same.mean() > 0.7
    assert np.median((one.descriptors * two.descriptors[nearest]).sum(1)) > 0.98


@pytest.mark.parametrize(("width", "height"), [(10, 3000), (3000, 10), (1, 1), (2, 300), (5, 4), (33, 257)])
def test_noise_of_any_shape_has_keypoints_inside_it(width: int, height: int) -> None:
    rgb = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    found = keypoints_of(rgb)
    extent = make_look(rgb, width, height).extent
    assert len(found) <= MOST_KEYPOINTS
    assert (found.places > 0).all()
    assert (found.places < extent).all()
    assert all(np.isfinite(each).all() for each in (found.sizes, found.angles, found.descriptors))


def test_keypoints_are_spread_over_the_picture() -> None:
    rgb = photo(13).copy()
    rgb[:192, :256] = np.random.default_rng(0).integers(0, 256, (192, 256, 3))  # far stronger than the rest
    found = keypoints_of(rgb)
    noisy = (found.places < [0.5, 0.375]).all(1)
    assert 0.15 < noisy.mean() < 0.6
