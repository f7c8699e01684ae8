"""Files that this package wrote are not listed as images."""

import json
import os
import shutil
from pathlib import Path

import fsspec
import pytest

import dedup_assets
from dedup_assets.engine.core.own_files import CONFIG, FORMAT
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work_dir of a run on two photographs and a copy. Tests do not write to it."""
    folder = tmp_path_factory.mktemp("own")
    for name, seed in (("a", 1), ("b", 2), ("copy", 1)):
        save_jpeg(folder / "photos" / f"{name}.jpg", photo_like(seed))
    assert dedup_assets.run(folder / "photos", folder / "out") == 0
    assert list((folder / "out").rglob("*.jpg"))
    return folder / "out"


def names(top: Path | str, work_dir: Path | str = "") -> list[str]:
    found = list_images(str(top), ListingOptions(work_dir=str(work_dir))).images["filename"]
    return [os.fsdecode(name).removeprefix(f"{top}/") for name in found]


def test_results_of_another_run_inside_an_input_are_left_out(results: Path, tmp_path: Path) -> None:
    save_jpeg(tmp_path / "a.jpg", photo_like(1))
    shutil.copytree(results, tmp_path / "sub" / "earlier")
    manifest = list_images(str(tmp_path))
    assert [Path(os.fsdecode(name)).name for name in manifest.images["filename"]] == ["a.jpg"]
    assert manifest.left_out == {"results of dedup-assets": 1}


def test_a_gallery_without_its_work_dir_is_left_out_and_a_like_named_folder_is_not(
    results: Path, tmp_path: Path
) -> None:
    shutil.copytree(results / "gallery", tmp_path / "shown")
    save_jpeg(tmp_path / "backup" / "files-202301011200" / "a.jpg", photo_like(1))
    assert names(tmp_path) == ["backup/files-202301011200/a.jpg"]


@pytest.mark.parametrize("folder", [".", "photos"])
def test_a_folder_that_is_input_and_work_dir_gives_the_same_images_each_time(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    for seed in range(3):
        save_jpeg(photos / f"{seed}.jpg", photo_like(seed))
    monkeypatch.chdir(photos if folder == "." else tmp_path)
    for _ in range(2):
        assert dedup_assets.run(folder, folder, threshold=0.1) == 0
        assert len(dedup_assets.load_binary_feature(str(photos))[0]) == 3
    monkeypatch.chdir(tmp_path)
    assert names(tmp_path) == ["photos/0.jpg", "photos/1.jpg", "photos/2.jpg"]  # the input of that run stays listed


def test_a_list_whose_row_is_a_folder_with_results_gives_the_same_images(tmp_path: Path) -> None:
    save_jpeg(tmp_path / "in" / "a.jpg", photo_like(1))
    (tmp_path / "list.txt").write_text(f"{tmp_path}/in\n")
    for _ in range(2):
        assert dedup_assets.run(tmp_path / "list.txt", tmp_path / "in" / "out") == 0
        assert len(dedup_assets.load_binary_feature(tmp_path / "in" / "out")[0]) == 1


def test_a_config_of_somebody_else_hides_no_image(tmp_path: Path) -> None:
    save_jpeg(tmp_path / "model" / "gallery" / "a.jpg", photo_like(1))
    (tmp_path / "model" / CONFIG).write_text(json.dumps({"settings": {"learning_rate": 1}}))
    assert names(tmp_path) == ["model/gallery/a.jpg"]
    (tmp_path / "model" / CONFIG).write_text(json.dumps({"format": FORMAT}))
    save_jpeg(tmp_path / "b.jpg", photo_like(1))
    assert names(tmp_path) == ["b.jpg"]


def test_pictures_of_a_gallery_on_a_store_and_in_an_archive_are_left_out(
    results: Path, tmp_path: Path, store: str
) -> None:
    filesystem = fsspec.filesystem("memory")
    filesystem.put(str(results), "/bucket/in/out", recursive=True)
    filesystem.pipe("/bucket/in/a.jpg", b"x")
    assert names(f"{store}/in") == ["memory:///bucket/in/a.jpg"]
    save_jpeg(tmp_path / "packed" / "a.jpg", photo_like(1))
    shutil.copytree(results, tmp_path / "packed" / "out")
    archive = shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path / "packed")
    assert names(archive) == ["a.jpg"]
