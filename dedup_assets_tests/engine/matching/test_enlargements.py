"""A photograph is no copy of its own enlargement, and a reduced copy of a photograph is one."""

from io import BytesIO
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

import dedup_assets
from dedup_assets.engine.pictures.fineness import measure_fineness
from dedup_assets_tests.support.pictures import photo_like


def saved(picture: Image.Image, quality: int = 90) -> Image.Image:
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def roles(top: Path, **pictures: Image.Image) -> dict[str, str]:
    (top / "in").mkdir()
    for name, picture in pictures.items():
        picture.save(top / "in" / f"{name}.jpg", quality=90)
    assert dedup_assets.run(str(top / "in"), str(top / "out"), num_threads=1) == 0
    groups = dedup_assets.load(str(top / "out")).groups()
    names = groups["filename"].str.split("/").list.last().str.strip_suffix(".jpg")
    return dict(zip(names, groups["role"], strict=True))


def scaled(picture: Image.Image, scale: float, by: Image.Resampling = Image.Resampling.BICUBIC) -> Image.Image:
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), by)


def test_a_photograph_beside_its_enlargement_is_for_review(tmp_path: Path) -> None:
    filters = (Image.Resampling.BILINEAR, Image.Resampling.LANCZOS, Image.Resampling.NEAREST)
    pictures = {}
    for seed, (by, scale) in enumerate(product(filters, (1.3, 2.0)), 4):
        photograph = saved(photo_like(seed, 500, 380))
        pictures |= {f"{seed} small": photograph, f"{seed} {by.name} {scale}": scaled(photograph, scale, by)}
    found = roles(tmp_path, **pictures)
    small = {name: role for name, role in found.items() if name.endswith("small")}
    assert len(small) == 6
    assert set(small.values()) <= {"review", "keep"}, small


def test_a_reduced_copy_of_a_photograph_is_a_copy(tmp_path: Path) -> None:
    pictures, expected = {}, {}
    for seed, scale in enumerate((0.75, 0.5, 0.3), 4):
        photograph = photo_like(seed, 1000, 760)
        pictures |= {f"{seed} large": photograph, f"{seed} small": scaled(photograph, scale)}
        expected |= {f"{seed} large": "keep", f"{seed} small": "copy"}
    assert roles(tmp_path, **pictures) == expected


def test_both_are_told_apart_in_one_group_and_again_without_decoding(tmp_path: Path) -> None:
    photograph = photo_like(4, 600, 456)
    named = {"huge": scaled(photograph, 1.5), "large": photograph, "small": scaled(photograph, 0.5)}
    assert roles(tmp_path, **named) == {"huge": "keep", "large": "review", "small": "copy"}
    scaled(photograph, 0.45).save(tmp_path / "in" / "tiny.jpg")
    assert dedup_assets.run(str(tmp_path / "in"), str(tmp_path / "out"), num_threads=1) == 0
    evidence = pl.read_parquet(tmp_path / "out" / "evidence_images.parquet")
    assert evidence.filter(pl.col("filename").cast(pl.String).str.ends_with("huge.jpg"))["spectrum"].null_count() == 0


def test_a_picture_too_small_to_measure_has_no_spectrum() -> None:

    assert measure_fineness(np.zeros((63, 500, 3), np.uint8)) is None
    assert measure_fineness(np.zeros((64, 500, 3), np.uint8)) == [0.0] * 24
