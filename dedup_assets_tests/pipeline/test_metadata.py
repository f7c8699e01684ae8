"""Previews in Dagster's UI of files that harm their decoder."""

import os
from pathlib import Path

import polars as pl

from dedup_assets.engine.core.records import Components, Pairs
from dedup_assets.engine.gallery.thumbnails import Effort
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.pipeline import metadata
from dedup_assets_tests.support.pictures import SavePhoto

EFFORT = Effort(DecodingLimits(), threads=2, seconds=1.0)


def test_a_preview_that_cannot_be_made_in_time_says_so_beside_the_others(
    tmp_path: Path, slow_picture: Path, save_photo: SavePhoto
) -> None:
    good, slow = save_photo(tmp_path / "a.jpg"), os.fsencode(slow_picture)
    rows = {"from": [good, slow], "to": [slow, good], "distance": [0.9, 0.9]}
    kinds = {"from": pl.Binary, "to": pl.Binary, "distance": pl.Float64}
    table = metadata.of_outliers(Pairs(pl.DataFrame(rows, schema=kinds)), 2, EFFORT)["most_isolated"].value
    assert table.count("data:image/jpeg;base64,") == 1
    assert "cannot be shown: decoding took more than 1 seconds and was ended" in table
    assert len(table.splitlines()) == 3


def test_the_first_images_of_the_largest_components_are_shown(tmp_path: Path, save_photo: SavePhoto) -> None:
    names = pl.Series([save_photo(tmp_path / f"{number}.jpg", number) for number in range(6)], dtype=pl.Binary)
    images = pl.DataFrame({"__id": range(6), "component_id": [0, 0, 0, 1, 1, 2]})
    tied = [1.0] * 3
    info = pl.DataFrame({"component_id": range(3), "count": [3, 2, 1], "mean": tied, "min": tied, "max": tied})
    table = metadata.of_components(Components(images, info), names, EFFORT)["largest_components"].value
    shown = [line.count("data:image/jpeg;base64,") for line in table.splitlines()[2:]]
    assert shown == [3, 2]
