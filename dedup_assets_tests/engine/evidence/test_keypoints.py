"""Keypoints are found again in copies, with descriptors that tell them apart."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.evidence.descriptors import mirrored
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
def test_descriptors_of_a_mirrored_picture_are_permuted(seed: int) -> None:
    rgb = photo(seed)
    one, two = keypoints_of(rgb), keypoints_of(rgb[:, ::-1])
    assert mirrored(mirrored(one.descriptors)) == pytest.approx(one.descriptors)
    alike = mirrored(one.descriptors) @ two.descriptors.T
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
