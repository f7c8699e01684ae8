"""Levels of a picture lie side by side and hold the same picture."""

import numpy as np
import pytest

from dedup_assets.engine.evidence.atlas import ATLAS_LEVELS, fill_atlas, plan_atlas
from dedup_assets_tests.support.pictures import photo_like

SIZES = [(256, 192), (192, 256), (256, 256), (256, 171), (256, 16), (16, 256), (256, 97)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_levels_lie_beside_one_another_and_inside_the_array(width: int, height: int) -> None:
    atlas = plan_atlas(width, height)
    covered = np.zeros(atlas.shape, int)
    for box in zip(atlas.left, atlas.top, atlas.right, atlas.bottom, strict=True):
        left, top, right, bottom = map(int, box)
        assert 0 <= left < right <= atlas.shape[1]
        assert 0 <= top < bottom <= atlas.shape[0]
        covered[top:bottom, left:right] += 1
    assert covered.max() == 1


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_each_level_holds_the_picture_at_its_size(width: int, height: int) -> None:
    rgb = np.asarray(photo_like(1, width, height))
    atlas = plan_atlas(width, height)
    gray = fill_atlas(atlas, rgb).reshape(atlas.shape)
    for level in range(ATLAS_LEVELS):
        left, right = int(atlas.left[level]), int(atlas.right[level])
        top, bottom = int(atlas.top[level]), int(atlas.bottom[level])
        covered = np.array([(right - left) * atlas.pixel_width[level], (bottom - top) * atlas.pixel_height[level]])
        beyond = covered - [width, height]  # an odd side is halved with half a pixel more
        assert (beyond > -1e-3).all()
        assert (beyond < [atlas.pixel_width[level], atlas.pixel_height[level]]).all()
        assert gray[top:bottom, left:right].mean() == pytest.approx((rgb @ [0.299, 0.587, 0.114]).mean(), abs=8)


def test_no_place_at_a_margin_belongs_to_a_level() -> None:
    atlas = plan_atlas(256, 192)
    level = atlas.level.reshape(atlas.shape)
    assert set(np.unique(level)) == {-1, *range(ATLAS_LEVELS)}
    assert (level[:3] == -1).all()
    assert (level[:, :3] == -1).all()
    assert level[3, 3] == 0
