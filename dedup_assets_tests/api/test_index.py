"""`Index` says which images of a run a given one resembles, and which of them are the same picture."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageOps

import dedup_assets
from dedup_assets.engine.core.errors import SettingsError, WorkDirError
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

ODD = "odd \udcff.jpg"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Photographs, one of them also smaller and one with a name that is not UTF-8, and the results of a run."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(8):
        save_jpeg(folder / f"{seed}.jpg", photo_like(seed))
    save_jpeg(folder / "small.jpg", photo_like(1).resize((200, 150)))
    save_jpeg(folder / "first.jpg", photo_like(10)).rename(folder / ODD)
    Image.new("RGB", (64, 64), "navy").save(folder / "flat.png")
    results = tmp_path_factory.mktemp("results")
    assert dedup_assets.run(folder, results) == 0
    return folder, results


@pytest.fixture(scope="module")
def index(made: tuple[Path, Path]) -> Iterator[dedup_assets.Index]:
    with dedup_assets.Index(made[1], num_threads=2) as opened:
        yield opened


def first(found: pl.DataFrame) -> dict[str, Any]:
    return found.row(0, named=True)


def test_a_copy_is_found_with_what_was_done_to_it(index: dedup_assets.Index, made: tuple[Path, Path]) -> None:
    photo = photo_like(3)
    edits = {
        "recompressed": save_jpeg(made[1].parent / "again.jpg", photo, quality=40),
        "cropped": photo.crop((40, 30, 320, 240)),
        "mirrored": ImageOps.mirror(photo),
    }
    for kind, image in edits.items():
        best = first(index.query(image))
        assert os.fsencode(best["filename"]) == os.fsencode(made[0] / "3.jpg"), kind
        assert (best["same_picture"], best["relation"], best["rank"]) == (True, "copy", 1)
        assert kind in best["kind"]


def test_the_same_bytes_are_exact_and_the_group_is_named(index: dedup_assets.Index, made: tuple[Path, Path]) -> None:
    found = index.query(made[0] / "1.jpg", k=2)
    assert found["relation"].to_list() == ["exact", "copy"]
    ids = found["group_id"].unique().to_list()
    assert len(ids) == 1
    assert ids[0].startswith("g-")
    assert {os.fsencode(name) for name in found["keep"]} == {os.fsencode(made[0] / "1.jpg")}


def test_every_kind_of_image_has_the_same_answer(index: dedup_assets.Index, made: tuple[Path, Path]) -> None:
    path = made[0] / "5.jpg"
    pillow = Image.open(path)
    kinds = [str(path), path.read_bytes(), np.asarray(pillow), pillow]
    found = index.query([*kinds, np.stack([np.asarray(pillow)] * 1)[0]], k=1)
    assert {os.fsencode(name) for name in found["filename"]} == {os.fsencode(path)}
    assert found["relation"].to_list() == ["exact", "exact", "pixels", "pixels", "pixels"]
    assert found["similarity"].min() > 0.999
    assert found["position"].to_list() == [0, 1, 2, 3, 4]
    assert index.query(path, k=1).drop("query").equals(found[:1].drop("query"))


def test_a_gray_array_is_one_picture_also_in_a_list(index: dedup_assets.Index, made: tuple[Path, Path]) -> None:
    gray = np.asarray(Image.open(made[0] / "5.jpg").convert("L"))
    alone, listed = index.query(gray, k=1), index.query([gray], k=1)
    assert os.fsencode(alone["filename"][0]) == os.fsencode(made[0] / "5.jpg")
    assert (alone["position"].to_list(), listed.equals(alone)) == ([0], True)


def test_a_truth_value_is_no_number_of_neighbours_or_similarity(index: dedup_assets.Index) -> None:
    with pytest.raises(SettingsError, match="k=True: must be a whole number, at least 1"):
        index.query(photo_like(3), k=True)
    with pytest.raises(SettingsError, match="min_similarity=True: must be a number from -1 to 1"):
        index.query(photo_like(3), min_similarity=True)


def test_an_image_that_cannot_be_used_is_a_row_beside_good_ones(
    index: dedup_assets.Index, made: tuple[Path, Path]
) -> None:
    given = [b"no picture", made[0] / "2.jpg", made[0] / "gone.jpg", "https://example.com/a.jpg", made[0], b""]
    found = index.query(given, k=1)
    codes = ["ERROR_UNSUPPORTED_FORMAT", None, "ERROR_MISSING_FILE", *["ERROR_UNREADABLE"] * 2, "ERROR_ZERO_SIZE_FILE"]
    assert found["error_code"].to_list() == codes
    assert found.filter(pl.col("error").str.contains("allow_urls"))["query"].to_list() == [given[3]]
    assert found["filename"].is_not_null().to_list() == [code is None for code in codes]


def test_an_answer_names_all_names_of_a_file(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    first_name = save_jpeg(photos / "test" / "a.jpg", photo_like(1))
    save_jpeg(photos / "other.jpg", photo_like(2))
    (photos / "train").mkdir()
    names = [photos / "train" / "hard.jpg", photos / "train" / "soft.jpg"]
    os.link(first_name, names[0])
    names[1].symlink_to(first_name)
    assert dedup_assets.run(photos, tmp_path / "out") == 0
    with dedup_assets.Index(tmp_path / "out") as opened:
        best = first(opened.query(first_name, k=1))
    assert {best["filename"], *best["also"]} == {str(first_name), *map(str, names)}


def test_a_name_that_is_not_utf_8_is_found_as_bytes(index: dedup_assets.Index, made: tuple[Path, Path]) -> None:
    best = first(index.query(made[0] / ODD, k=1))
    assert best["filename"] == os.fsencode(made[0] / ODD)


def test_a_picture_that_shows_nothing_is_found_by_its_bytes_only(
    index: dedup_assets.Index, made: tuple[Path, Path]
) -> None:
    same = first(index.query(made[0] / "flat.png"))
    assert (same["similarity"], same["relation"]) == (1.0, "exact")
    assert index.query(Image.new("RGB", (64, 64), "black")).is_empty()


def test_unlike_pictures_are_no_answer_and_pixels_are_compared_only_if_wanted(index: dedup_assets.Index) -> None:
    assert index.query(photo_like(77), min_similarity=0.99).is_empty()
    with pytest.raises(SettingsError, match="must be a number from -1 to 1"):
        index.query(photo_like(77), min_similarity=5)
    found = index.query(photo_like(3), evidence=False, k=3, min_similarity=-1)
    assert found.height == 3
    assert found["same_picture"].null_count() == found["relation"].null_count() == 3
    assert found["similarity"].is_sorted(descending=True)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (
            np.zeros((10, 10, 4), np.uint8),
            r"shape \(10, 10, 4\): must be uint8 of shape .* or \(height, width\) for gray",
        ),
        (np.zeros((10, 10, 3), np.float32), "float32"),
        ([1], "image 0 is a int"),
        (3, "must be an image or an iterable"),
    ],
)
def test_what_is_no_image_is_refused_with_what_is_one(index: dedup_assets.Index, image: object, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        index.query(image if not isinstance(image, np.ndarray) or image.ndim == 3 else [image])


def test_the_results_of_a_new_run_are_used_from_the_next_question_on(tmp_path: Path) -> None:
    save_jpeg(tmp_path / "photos" / "1.jpg", photo_like(1))
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "out") == 0
    with dedup_assets.Index(tmp_path / "out", num_threads=1) as index:
        before = index.generation
        assert not index.query(photo_like(2))["same_picture"].any()
        save_jpeg(tmp_path / "photos" / "2.jpg", photo_like(2))
        assert dedup_assets.run(tmp_path / "photos", tmp_path / "out") == 0
        assert first(index.query(photo_like(2)))["same_picture"]
        assert (len(index), index.generation != before) == (2, True)


def test_crop_and_model_are_those_of_the_stored_vectors(tmp_path: Path) -> None:
    model = save_mean_model(tmp_path / "model.onnx", ("n", 32, 32, 3), dimension=8)
    for seed in range(3):
        save_jpeg(tmp_path / "photos" / f"{seed}.jpg", photo_like(seed))
    box = "rows=0,cols=0,width=100,height=100"
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "out", model_path=model, bounding_box=box) == 0
    cropped = save_jpeg(tmp_path / "photos" / "1.jpg", photo_like(1))
    with dedup_assets.Index(tmp_path / "out", num_threads=1) as index:
        assert first(index.query(cropped))["similarity"] == 1.0
    moved = Path(model).rename(tmp_path / "moved.onnx")
    with dedup_assets.Index(tmp_path / "out", num_threads=1, model_path=moved) as index:
        assert first(index.query(cropped))["similarity"] == 1.0
    with pytest.raises(WorkDirError, match=r"holds vectors of model .* name the model that made them"):
        dedup_assets.Index(tmp_path / "out", model_path="")


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkDirError, match=r"has no features\.dat"):
        dedup_assets.Index(tmp_path)
