"""Thumbnails and facts of images, wherever they lie."""

import os
import zipfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from dedup_assets.engine.decoding import DecodingLimits
from dedup_assets.engine.thumbnails import describe_files, find_container, make_picture, make_pictures
from dedup_assets_tests.conftest import photo_like, save_jpeg

LIMITS = DecodingLimits()


def test_a_thumbnail_keeps_the_shape_and_the_facts_are_those_of_the_original(tmp_path: Path) -> None:
    path = save_jpeg(tmp_path / "wide.jpg", photo_like(1, 2000, 500))
    os.utime(path, (1_700_000_000.5, 1_700_000_000.5))
    picture = make_picture(os.fsencode(path), LIMITS)
    assert picture.thumbnail is not None
    assert Image.open(BytesIO(picture.thumbnail)).size == (320, 80)
    assert (picture.width, picture.height, picture.size_bytes) == (2000, 500, path.stat().st_size)
    assert picture.modified is not None
    assert picture.modified.isoformat() == "2023-11-14T22:13:20+00:00"


def test_describing_gives_the_same_facts_without_decoding(tmp_path: Path) -> None:
    names = [os.fsencode(save_jpeg(tmp_path / f"{n}.jpg", photo_like(n, 100 + n, 90))) for n in range(3)]
    described = list(describe_files(names, threads=2))
    made = [picture for _, picture in make_pictures(names, limits=LIMITS, threads=2)]
    facts = [(one.name, one.width, one.height, one.size_bytes, one.modified) for one in described]
    assert facts == [(one.name, one.width, one.height, one.size_bytes, one.modified) for one in made]
    assert all(one.thumbnail is None for one in described)


def test_a_header_behind_the_first_bytes_is_found(tmp_path: Path) -> None:
    path = tmp_path / "late.tif"
    photo_like(1, 400, 300).save(path)  # Pillow writes the directory of a TIFF at its end
    (picture,) = describe_files([os.fsencode(path)], threads=1)
    assert (picture.width, picture.height) == (400, 300)


def test_what_is_no_image_or_gone_has_no_dimensions(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    text, gone = describe_files([os.fsencode(tmp_path / "text.jpg"), os.fsencode(tmp_path / "gone.jpg")], threads=1)
    assert (text.width, text.size_bytes) == (None, 8)
    assert (gone.width, gone.size_bytes, gone.modified) == (None, None, None)
    assert gone.problem is not None


def test_a_member_has_the_date_of_its_archive(tmp_path: Path) -> None:
    inside = save_jpeg(tmp_path / "a.jpg", photo_like(1))
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(inside, "in/a.jpg")
    os.utime(archive, (1_700_000_000, 1_700_000_000))
    picture = make_picture(os.fsencode(archive) + b"/in/a.jpg", LIMITS)
    assert (picture.container, picture.container_kind) == (str(archive), "archive")
    assert picture.thumbnail is not None
    assert picture.modified is not None
    assert picture.modified.timestamp() == 1_700_000_000


def test_a_folder_called_like_an_archive_is_none(tmp_path: Path) -> None:
    path = save_jpeg(tmp_path / "all.zip" / "a.jpg", photo_like(1))
    assert find_container(os.fsencode(path)) is None
    assert find_container(b"s3://bucket/all.zip/a.jpg") == b"s3://bucket/all.zip"
    assert find_container(b"/v/clip.mp4#t=00:00:01.000") == b"/v/clip.mp4"
