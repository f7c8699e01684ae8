"""A part that is plain in one of two copies, up to the edge, is lost, and the whole one is named."""

from functools import cache

import numpy as np
import pytest
from PIL import Image

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.evidence.comparing import compare
from dedup_assets.engine.evidence.look import Look, make_look
from dedup_assets_tests.support.pictures import photo_like


def look_at(picture: Image.Image) -> Look:
    rgb = np.asarray(picture.resize((256, 192), Image.Resampling.BOX))
    return make_look(rgb, *picture.size)


@cache
def photograph(seed: int) -> tuple[Image.Image, Look]:
    """A picture and its look."""
    picture = photo_like(seed, 512, 384)
    return picture, look_at(picture)


def damaged(picture: Image.Image, share: float, side: str, level: int) -> Image.Image:
    found = picture.copy()
    width, height = picture.size
    box = (
        (0, round(height * (1 - share)), width, height)
        if side == "bottom"
        else (round(width * (1 - share)), 0, width, height)
    )
    found.paste((level, level, level), box)
    return found


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("side", ["bottom", "right"])
@pytest.mark.parametrize("share", [0.2, 0.35, 0.5])
def test_a_cut_off_file_is_the_edited_one(share: float, side: str, level: int) -> None:
    for seed in range(3):
        whole, one = photograph(seed)
        other = look_at(damaged(whole, share, side, level))
        for a, b, edited in ((one, other, "b"), (other, one, "a")):
            found = compare(a, b)
            assert found.relation is not Relation.COPY or (found.edited() == edited and "overlay added" in found.kind())


def test_a_border_around_a_copy_loses_nothing() -> None:
    whole = photo_like(5, 512, 384)
    framed = Image.new("RGB", (600, 460), (20, 20, 20))
    framed.paste(whole, (44, 38))
    found = compare(look_at(whole), look_at(framed))
    assert found.relation is Relation.COPY
    assert found.kind() == "border added"
