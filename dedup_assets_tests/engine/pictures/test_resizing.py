"""The whole picture is resized to a square without aliasing, by either library."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dedup_assets.engine.pictures import resizing
from dedup_assets.engine.pictures.resizing import resize

HEIGHT, WIDTH = 48, 64
_ROWS, _COLS = np.mgrid[0:HEIGHT, 0:WIDTH]
PICTURE = np.stack([_ROWS * 5, _COLS * 3 + 40, np.where(_ROWS + _COLS < 40, 220, 30)], axis=2).astype(np.uint8)


@pytest.fixture(params=["fast_image_resize", "Pillow"], autouse=True)
def method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the libraries that this machine has."""
    if request.param == "fast_image_resize":
        pytest.importorskip("cykooz_resizer")
    monkeypatch.setattr(resizing, "RESIZE_METHOD", request.param)
    return str(request.param)


def test_the_whole_picture_is_squashed() -> None:
    small = resize(PICTURE, (12, 40))
    assert small.shape == (12, 40, 3)
    assert small.dtype == np.uint8
    assert small.flags.c_contiguous
    assert np.abs(small.mean(axis=(0, 1)) - PICTURE.mean(axis=(0, 1))).max() < 2


def test_fine_stripes_become_gray() -> None:
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::2] = 255
    assert (np.abs(resize(stripes, (20, 20)).astype(int) - 127) < 12).all()


def test_any_memory_layout_will_do() -> None:
    mirrored = PICTURE[::-1, ::-1]
    np.testing.assert_array_equal(resize(mirrored, (24, 32)), resize(mirrored.copy(), (24, 32)))
    assert resize(mirrored, (HEIGHT, WIDTH)).flags.c_contiguous


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (HEIGHT, WIDTH), (161, 159)])
def test_any_size_is_reached(size: tuple[int, int]) -> None:
    assert resize(PICTURE, size).shape == (*size, 3)


@settings(deadline=None, max_examples=40)
@given(height=st.integers(1, 90), width=st.integers(1, 90), seed=st.integers(0, 9))
def test_both_libraries_agree_within_one_level(height: int, width: int, seed: int) -> None:
    pytest.importorskip("cykooz_resizer")
    picture: NDArray[np.uint8] = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        both = []
        for name in ("fast_image_resize", "Pillow"):
            patch.setattr(resizing, "RESIZE_METHOD", name)
            both.append(resize(picture, (40, 40)).astype(int))
    assert np.abs(both[0] - both[1]).max() <= 1
