"""Filters agree with their definitions."""

import numpy as np
import pytest

from dedup_assets.engine.evidence.filters import sample, slopes, smooth


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2), (3, 9), (40, 31)])
@pytest.mark.parametrize("times", [1, 3])
def test_smoothing_is_the_binomial_filter_with_repeated_border(shape: tuple[int, int], times: int) -> None:
    plane = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    expected = plane.astype(np.float64)
    for _ in range(times):
        padded = np.pad(expected, 2, mode="edge")
        weights = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
        windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
        expected = (windows * weights).sum((2, 3))
    assert smooth(plane, times) == pytest.approx(expected, rel=1e-5)


def test_slopes_are_central_differences() -> None:
    plane = np.random.default_rng(1).uniform(0, 255, (12, 17)).astype(np.float32)
    along_y, along_x = np.gradient(plane)
    assert slopes(plane)[..., 0] == pytest.approx(along_x, abs=1e-4)
    assert slopes(plane)[..., 1] == pytest.approx(along_y, abs=1e-4)


def test_samples_of_a_plane_are_exact_and_stay_inside() -> None:
    y, x = np.mgrid[:9, :14].astype(np.float32)
    plane = 3 * x - 2 * y
    at_x, at_y = np.array([0.25, 6.5, 11.9]), np.array([7.5, 0, 3.3])
    assert sample(plane, at_x, at_y) == pytest.approx(3 * at_x - 2 * at_y, abs=1e-4)
    outside = sample(np.stack([plane, -plane], 2), np.array([-5.0, 99.0]), np.array([-5.0, 99.0]))
    assert outside == pytest.approx(np.array([[0, 0], [23, -23]]), abs=0.02)
