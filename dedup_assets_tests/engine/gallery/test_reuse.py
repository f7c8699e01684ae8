"""A gallery is made again only if its results or settings changed, or if one of its files is damaged or missing."""

import hashlib
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

import dedup_assets
from dedup_assets_tests.support.galleries import save_pictures
from dedup_assets_tests.support.gallery_pages import read_words
from dedup_assets_tests.support.pictures import save_jpeg


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery, which tests leave as complete as they found it."""
    top = tmp_path_factory.mktemp("reuse")
    save_pictures(top / "photos")
    assert dedup_assets.run(str(top / "photos"), str(top / "out")) == 0
    return top / "out" / "gallery"


@pytest.fixture
def folder(gallery: Path) -> Path:
    """The folder of a gallery's files."""
    (made,) = gallery.glob("files-*")
    return made


def again(folder: Path) -> None:
    out = folder.parents[1]
    assert dedup_assets.run(str(out.parent / "photos"), str(out)) == 0


def test_the_same_results_leave_the_gallery_as_it_is(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")}
    again(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")} == before


@pytest.mark.parametrize("harm", ["remove", "truncate"])
def test_a_gallery_that_lost_a_file_is_made_again(folder: Path, harm: str) -> None:
    lost = next(folder.rglob("*.jpg"))
    content = lost.read_bytes()
    if harm == "remove":
        lost.unlink()
    else:
        os.truncate(lost, 5)
    again(folder)
    assert lost.read_bytes() == content


def test_a_new_gallery_takes_over_the_thumbnails_that_are_as_its_list_says(folder: Path, tmp_path: Path) -> None:
    photos, gallery, listed = folder.parents[2] / "photos", folder.parent, folder / "thumbs" / "contents.parquet"
    table, facts = pl.read_parquet(listed), pl.read_parquet_metadata(listed)
    kept, harmed, moved = (folder / path for path in table["path"].head(3))
    marks = {
        path: save_jpeg(tmp_path / path.name, Image.new("RGB", (9, 9 + number)))
        for number, path in enumerate((kept, harmed))
    }
    for path, mark in marks.items():
        path.write_bytes(mark.read_bytes())
    mark = hashlib.sha256(kept.read_bytes()).hexdigest()
    sha256 = pl.when(path=str(kept.relative_to(folder))).then(pl.lit(mark)).otherwise("sha256")
    table.with_columns(sha256=sha256).write_parquet(listed, metadata={"made_with": facts["made_with"]})
    made_before = moved.read_bytes()
    save_jpeg(photos / "black.jpg", Image.new("RGB", (64, 48)))
    again(folder)
    (new,) = {*gallery.glob("files-*")} - {folder}
    made = [path.read_bytes() for path in new.rglob("*.jpg")]
    assert kept.read_bytes() in made
    assert harmed.read_bytes() not in made
    assert made_before in made
    (photos / "black.jpg").unlink()
    shutil.rmtree(gallery)  # so that none takes over what this test has put there
    again(folder)


def test_the_first_page_counts_what_was_not_read_as_of_the_latest_run(folder: Path) -> None:
    photos = folder.parents[2] / "photos"
    page = folder.parent / "index.html"
    assert "What was not compared" not in read_words(page.read_text("utf-8"))
    (photos / "notes.txt").write_text("no image")
    first = next(path for path in photos.iterdir() if path.suffix == ".jpg")
    (photos / "link.jpg").symlink_to(first)
    save_jpeg(photos / "black.jpg", Image.new("RGB", (64, 48)))
    again(folder)
    words = read_words(page.read_text("utf-8"))
    assert "Further names of the same files in links.csv; never a pair 1" in words
    assert "Images that show nothing flat, black or blank; only exact copies of them match 1" in words
    assert "Files and folders that were not read .txt 1" in words
    for name in ("notes.txt", "link.jpg", "black.jpg"):
        (photos / name).unlink()
    again(folder)
    assert ".txt" not in read_words(page.read_text("utf-8"))
