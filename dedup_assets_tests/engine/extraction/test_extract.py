"""Extraction turns names into rows and vectors: bad images are rows, and the number of threads changes nothing."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import fsspec
import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper
from PIL import Image

from dedup_assets.engine.core.records import BoundingBox, Manifest, Shard
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.extraction.embedding import Embedder
from dedup_assets.engine.extraction.extract import Extraction, decoding_limits, extract
from dedup_assets.engine.extraction.offset_ranges import RangeExtractor
from dedup_assets.engine.inputs.listing import list_images
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.work_dir.identity.settings_read import READ_BY
from dedup_assets.engine.workers import thread_count
from dedup_assets_tests.support.models import save_mean_model, save_model
from dedup_assets_tests.support.pictures import SavePhoto
from dedup_assets_tests.support.videos import save_video


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    """A tiny model of 16 x 16 pixels and 7 values."""
    return Embedder(save_mean_model(tmp_path_factory.mktemp("model") / "model.onnx", ["n", 16, 16, 3], dimension=7))


def manifest_of(*names: bytes) -> Manifest:
    schema = {"index": pl.Int64, "filename": pl.Binary, "size_bytes": pl.Int64, "version": pl.String}
    rows = [(row, name, 1, "") for row, name in enumerate(names)]
    plain = {"container": pl.lit(None, pl.Binary), "place": pl.lit(None, pl.Int64)}
    return Manifest(pl.DataFrame(rows, schema=schema, orient="row").with_columns(**plain), len(names), "")


def run(manifest: Manifest, embedder: Embedder, threads: int = 2, box: BoundingBox | None = None) -> Shard:
    extraction = Extraction(embedder, DecodingLimits(max_pixels=10_000), box, threads)
    told: list[tuple[int, int]] = []
    shard = extract(manifest, extraction, lambda done, bad: told.append((done, bad))).shard
    assert sum(done for done, _ in told) == len(manifest)
    assert sum(bad for _, bad in told) == shard.images["error_code"].is_not_null().sum()
    assert shard.vectors.dtype == np.float32
    assert len(shard.vectors) == shard.images["error_code"].is_null().sum()
    return shard


def test_every_kind_of_bad_image_is_a_row_with_its_code(
    tmp_path: Path, save_photo: SavePhoto, embedder: Embedder
) -> None:
    for name, side in (("good.jpg", 24), ("small.png", 5), ("large.png", 200), ("z_good.png", 16)):
        save_photo(tmp_path / name, side=side)
    save_photo(tmp_path / "whole.png", 3, side=90)
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-300])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    manifest = list_images(str(tmp_path))
    shard = run(manifest, embedder)
    names = [os.path.basename(name).decode() for name in shard.images["filename"]]  # noqa: PTH119 - bytes
    assert dict(zip(names, shard.images["error_code"], strict=True)) == {
        "cut.png": "ERROR_TRUNCATED_IMAGE",
        "empty.jpg": "ERROR_ZERO_SIZE_FILE",
        "gone.jpg": "ERROR_MISSING_FILE",
        "good.jpg": None,
        "large.png": "ERROR_IMAGE_TOO_LARGE",
        "pipe.jpg": "ERROR_UNREADABLE",
        "small.png": "ERROR_IMAGE_TOO_SMALL",
        "text.jpg": "ERROR_UNSUPPORTED_FORMAT",
        "whole.png": None,
        "z_good.png": None,
    }
    assert shard.images["filename"].equals(manifest.images["filename"])
    assert shard.images["error"].is_null().equals(shard.images["error_code"].is_null())
    assert shard.vectors.shape == (3, 7)


@pytest.fixture(scope="module")
def some_good_some_bad(tmp_path_factory: pytest.TempPathFactory, save_photo: SavePhoto) -> Manifest:
    """Twenty-five images, every sixth of them broken."""
    top = tmp_path_factory.mktemp("photos")
    for number in range(25):
        save_photo(top / f"{number:02d}.jpg", number, side=20 + number)
        if number % 6 == 5:
            (top / f"{number:02d}.jpg").write_bytes(b"broken")
    return list_images(str(top))


def built_in_vectors(manifest: Manifest, threads: int) -> NDArray[np.float32]:
    return run(manifest, Embedder(), threads).vectors


def test_the_number_of_threads_changes_no_bit(some_good_some_bad: Manifest) -> None:
    one = built_in_vectors(some_good_some_bad, 1)
    assert one.shape == (21, 576)
    for threads in (2, 5):
        assert np.array_equal(one, built_in_vectors(some_good_some_bad, threads))


def test_an_image_has_the_same_vector_whatever_stands_beside_it(some_good_some_bad: Manifest) -> None:
    together = built_in_vectors(some_good_some_bad, 1)
    few = Manifest(some_good_some_bad.images[[3, 7, 24]], 3, "")
    places = [3, 6, 20]  # positions among the good images
    assert np.array_equal(built_in_vectors(few, 1), together[places])


def test_a_part_without_a_good_image_has_no_vectors_but_their_width(embedder: Embedder) -> None:
    assert run(manifest_of(), embedder).vectors.shape == (0, 7)
    shard = run(manifest_of(b"/nowhere/a.jpg", b"/nowhere/b.jpg"), embedder)
    assert shard.vectors.shape == (0, 7)
    assert shard.images["error_code"].to_list() == ["ERROR_MISSING_FILE"] * 2


def test_a_box_is_cut_out_and_one_that_does_not_fit_makes_the_image_bad(
    tmp_path: Path, save_photo: SavePhoto, embedder: Embedder
) -> None:
    names = [save_photo(tmp_path / "fits.png", side=40), save_photo(tmp_path / "too_small.png", side=20)]
    shard = run(manifest_of(*names), embedder, box=BoundingBox(row=10, col=10, width=20, height=20))
    assert shard.images["error_code"].to_list() == [None, "ERROR_BAD_BOUNDING_BOX"]
    whole = run(manifest_of(names[0]), embedder)
    assert not np.allclose(shard.vectors, whole.vectors)


def test_a_vector_that_is_not_finite_makes_its_image_bad_and_no_other(tmp_path: Path, save_photo: SavePhoto) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["pictures"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Div", ["means", "means"], ["vectors"]),  # 0 / 0 for a black picture
    ]
    model = Embedder(save_model(tmp_path / "model.onnx", nodes, ["n", 16, 16, 3]))
    names = [save_photo(tmp_path / f"{number}.png", number) for number in range(3)]
    Image.new("RGB", (20, 20)).save(tmp_path / "1.png")
    shard = run(manifest_of(*names), model)
    assert shard.images["error_code"].to_list() == [None, "ERROR_UNREADABLE", None]
    assert shard.vectors.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_a_vector_of_zeros_makes_its_image_bad_and_no_other(tmp_path: Path, save_photo: SavePhoto) -> None:
    model = Embedder(save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3]))
    names = [save_photo(tmp_path / f"{number}.png", number) for number in range(3)]
    Image.new("RGB", (20, 20)).save(tmp_path / "1.png")
    shard = run(manifest_of(*names), model)
    assert shard.images["error_code"].to_list() == [None, "ERROR_UNREADABLE", None]
    assert "vector of zeros" in shard.images["error"][1]
    assert shard.images["low_information"].to_list() == [None, None, None]
    assert len(shard.vectors) == 2


def test_a_picture_that_shows_nothing_is_marked_with_the_hash_of_its_file(
    tmp_path: Path, save_photo: SavePhoto, embedder: Embedder
) -> None:
    photo = save_photo(tmp_path / "0.png", 1)
    Image.new("RGB", (20, 20), "gray").save(tmp_path / "1.png")
    shutil.copy(tmp_path / "1.png", tmp_path / "2.png")
    Image.new("RGB", (21, 20), "gray").save(tmp_path / "3.png")
    with zipfile.ZipFile(tmp_path / "4.zip", "w") as archive:
        archive.write(tmp_path / "1.png", "inside.png")
    shard = run(list_images(str(tmp_path)), embedder)
    digest = hashlib.sha256((tmp_path / "1.png").read_bytes()).hexdigest()[:32]
    assert shard.images["filename"][0] == photo
    marks = shard.images["low_information"].to_list()
    assert marks[:3] == [None, digest, digest]
    assert marks[3] not in {None, "", digest}
    assert marks[4] == digest


def test_frames_of_videos_that_show_nothing_have_no_hash(tmp_path: Path, embedder: Embedder) -> None:
    video = save_video(tmp_path / "v.mp4", [Image.new("RGB", (64, 48), "gray")] * 2)
    shard = run(list_images(str(video)), embedder)
    assert set(shard.images["low_information"]) == {""}


def test_images_are_read_from_a_store(store: str, tmp_path: Path, save_photo: SavePhoto, embedder: Embedder) -> None:
    name = save_photo(tmp_path / "a.png", 4)
    fsspec.filesystem("memory").pipe("/bucket/a.png", (tmp_path / "a.png").read_bytes())
    shard = run(list_images(store), embedder)
    assert np.array_equal(shard.vectors, run(manifest_of(name), embedder).vectors)


def test_an_image_that_takes_too_long_is_a_row_and_those_around_it_are_good(
    tmp_path: Path, save_photo: SavePhoto, embedder: Embedder, slow_picture: Path
) -> None:
    names = [save_photo(tmp_path / "a.png"), os.fsencode(slow_picture), save_photo(tmp_path / "b.png", 1)]
    extraction = Extraction(embedder, DecodingLimits(), None, 2, seconds=2.0)
    shard = extract(manifest_of(*names), extraction, lambda *_: None).shard
    assert shard.images["error_code"].to_list() == [None, "ERROR_UNREADABLE", None]
    assert shard.images["error"][1] == "decoding took more than 2 seconds and was ended"
    assert np.array_equal(shard.vectors, run(manifest_of(names[0], names[2]), embedder).vectors)


def test_broken_videos_are_rows_whoever_lists_them(tmp_path: Path, embedder: Embedder) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    (tmp_path / "b.mkv").touch()
    os.mkfifo(tmp_path / "c.webm")
    shard = run(list_images(str(tmp_path)), embedder)
    assert shard.images["error_code"].to_list() == [
        "ERROR_CORRUPT_IMAGE",
        "ERROR_ZERO_SIZE_FILE",
        "ERROR_UNREADABLE",
    ]


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=30), max_size=6))
@example([b".tbz2", b".zip", b".mp4"])
def test_names_of_any_bytes_are_rows_never_errors(embedder: Embedder, names: list[bytes]) -> None:
    names = [b"/nowhere/" + name for name in names] + [name + b"://" + name for name in names]
    shard = run(manifest_of(*names), embedder, threads=1)
    assert set(shard.images["error_code"]) <= {"ERROR_MISSING_FILE", "ERROR_UNREADABLE"}
    assert all(shard.images["error"])


def test_the_fingerprint_names_all_that_vectors_depend_on_but_not_threads(tmp_path: Path, embedder: Embedder) -> None:
    other = Embedder(save_mean_model(tmp_path / "other.onnx", ["n", 16, 16, 3], dimension=8))
    limits = DecodingLimits()
    base = Extraction(embedder, limits, None, 1)
    others = [
        Extraction(other, limits, None, 1),
        Extraction(embedder, DecodingLimits(max_pixels=5), None, 1),
        Extraction(embedder, limits, BoundingBox(0, 0, 1, 2), 1),
        Extraction(embedder, limits, BoundingBox(0, 0, 2, 1), 1),
    ]
    assert len({base.fingerprint, *(extraction.fingerprint for extraction in others)}) == 5
    assert Extraction(embedder, limits, None, 8).fingerprint == base.fingerprint


def test_threads_are_those_asked_for_or_one_for_each_usable_core() -> None:
    assert thread_count(3) == 3
    assert thread_count(-1) == len(os.sched_getaffinity(0))
    assert decoding_limits(Settings.parse(max_pixels=77)).max_pixels == 77


def test_each_setting_that_features_read_gives_other_vectors_another_name(tmp_path: Path) -> None:
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=7)
    others = {"model_path": model, "bounding_box": "rows=0,cols=0,width=9,height=9", "max_pixels": 99}
    usual = RangeExtractor(Settings.parse(work_dir=str(tmp_path))).fingerprint
    assert "compute=cpu" in usual  # a GPU is needed for the other one
    assert set(READ_BY["features"]) == {"compute", *others}
    for name, value in others.items():
        assert RangeExtractor(Settings.parse(work_dir=str(tmp_path), **{name: value})).fingerprint != usual, name
