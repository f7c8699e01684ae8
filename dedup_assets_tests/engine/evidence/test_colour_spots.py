"""Places of another colour that are not seen in gray."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dedup_assets.engine.core.match_records import TEXT_ADDED
from dedup_assets.engine.evidence.filters import LUMA
from dedup_assets_tests.engine.evidence.test_edits_named import SEEDS, compared, photo, saved


def stamped(picture: Image.Image) -> Image.Image:
    """The picture with a date in orange that is exactly as light as what it covers."""
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).text((40, picture.height - 60), "27 11 '98", fill=255, font_size=28)
    colours = np.asarray(picture, np.float32)
    orange = (colours @ LUMA)[..., None] + np.array([80.0, -10.0, -158.0])  # of the luma 0
    share = np.asarray(mask, np.float32)[..., None] / 255
    return Image.fromarray(np.clip(colours + share * (orange - colours), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_date_that_is_as_light_as_its_ground_is_seen_by_its_colour(seed: int) -> None:
    assert TEXT_ADDED in compared(photo(seed), saved(stamped(photo(seed)))).kind()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("part", [(20, 40, 600, 470), (20, 100, 500, 470)])
def test_a_date_in_colour_is_seen_in_a_part_and_is_none_in_both(seed: int, part: tuple[int, int, int, int]) -> None:
    dated = stamped(photo(seed))
    assert TEXT_ADDED in compared(photo(seed), saved(dated.crop(part))).kind()
    assert TEXT_ADDED not in compared(dated, saved(dated.crop(part))).kind()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("quality", [20, 60])
def test_strong_compression_and_other_tones_are_no_spots(seed: int, quality: int) -> None:
    toned = Image.merge(
        "RGB",
        [
            channel.point(lambda level, by=by: level * by)
            for channel, by in zip(photo(seed).split(), (1.0, 0.9, 0.7), strict=True)
        ],
    )
    for copy in (photo(seed), photo(seed).resize((320, 240)), toned):
        assert TEXT_ADDED not in compared(photo(seed), saved(copy, quality)).kind()
