"""Thumbnails and facts of images on disks and stores, in archives and in videos."""

import os
import signal
import sys
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from dedup_assets.engine.gallery.pages import ShownFile
from dedup_assets.engine.gallery.thumbnails import Effort, describe_files, find_container, make_pictures
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets_tests.support.deadly import ended_seconds, killer_of_decoders
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

EFFORT = Effort(DecodingLimits(), threads=2, seconds=60.0)


def make_picture(name: bytes) -> ShownFile:
    ((made_of, picture),) = make_pictures([name], EFFORT)
    assert made_of == name
    return picture


def test_a_thumbnail_keeps_the_shape_and_the_facts_are_those_of_the_original(tmp_path: Path) -> None:
    path = save_jpeg(tmp_path / "wide.jpg", photo_like(1, 2000, 500))
    os.utime(path, (1_700_000_000.5, 1_700_000_000.5))
    picture = make_picture(os.fsencode(path))
    assert picture.thumbnail is not None
    assert Image.open(BytesIO(picture.thumbnail)).size == (320, 80)
    assert (picture.width, picture.height, picture.size_bytes) == (2000, 500, path.stat().st_size)
    assert picture.modified is not None
    assert picture.modified.isoformat() == "2023-11-14T22:13:20+00:00"


def test_describing_gives_the_same_facts_without_decoding(tmp_path: Path) -> None:
    names = [os.fsencode(save_jpeg(tmp_path / f"{n}.jpg", photo_like(n, 100 + n, 90))) for n in range(3)]
    described = list(describe_files(names, EFFORT))
    made = [picture for _, picture in make_pictures(names, EFFORT)]
    facts = [(one.name, one.width, one.height, one.size_bytes, one.modified) for one in described]
    assert facts == [(one.name, one.width, one.height, one.size_bytes, one.modified) for one in made]
    assert all(one.thumbnail is None for one in described)


def test_a_header_behind_the_first_bytes_is_found(tmp_path: Path) -> None:
    path = tmp_path / "late.tif"
    photo_like(1, 400, 300).save(path)  # Pillow writes the directory of a TIFF at its end
    (picture,) = describe_files([os.fsencode(path)], EFFORT)
    assert (picture.width, picture.height) == (400, 300)


def test_what_is_no_image_or_gone_has_no_dimensions(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    text, gone = describe_files([os.fsencode(tmp_path / "text.jpg"), os.fsencode(tmp_path / "gone.jpg")], EFFORT)
    assert (text.width, text.size_bytes) == (None, 8)
    assert (gone.width, gone.size_bytes, gone.modified) == (None, None, None)
    assert gone.problem is not None


def test_a_member_has_the_date_of_its_archive(tmp_path: Path) -> None:
    inside = save_jpeg(tmp_path / "a.jpg", photo_like(1))
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(inside, "in/a.jpg")
    os.utime(archive, (1_700_000_000, 1_700_000_000))
    picture = make_picture(os.fsencode(archive) + b"/in/a.jpg")
    assert (picture.container, picture.container_kind) == (os.fsencode(archive), "archive")
    assert picture.thumbnail is not None
    assert picture.modified is not None
    assert picture.modified.timestamp() == 1_700_000_000


def test_a_folder_called_like_an_archive_is_none(tmp_path: Path) -> None:
    path = save_jpeg(tmp_path / "all.zip" / "a.jpg", photo_like(1))
    assert find_container(os.fsencode(path)) is None
    assert find_container(b"s3://bucket/all.zip/a.jpg") == b"s3://bucket/all.zip"
    assert find_container(b"/v/clip.mp4#t=00:00:01.000") == b"/v/clip.mp4"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    ("how", "said"),
    [
        (signal.SIGSEGV, "the decoder crashed, twice: the process ended by SIGSEGV"),
        (signal.SIGKILL, "the decoding process was killed, twice, maybe for lack of memory: it ended by SIGKILL"),
    ],
)
def test_a_file_that_ends_its_decoder_costs_its_own_thumbnail(
    tmp_path: Path, slow_picture: Path, how: signal.Signals, said: str
) -> None:
    names = [os.fsencode(save_jpeg(tmp_path / f"{n}.jpg", photo_like(n))) for n in range(10)]
    deadly = os.fsencode(slow_picture)
    alone = dict(make_pictures(names, EFFORT))
    with killer_of_decoders(how, times=2) as killed:
        made = dict(make_pictures([*names, deadly], EFFORT))
    assert len(killed) == 2
    assert made.pop(deadly).problem == said
    assert made == alone
    assert all(picture.thumbnail for picture in made.values())


def test_a_file_that_takes_too_long_costs_its_own_thumbnail(tmp_path: Path, slow_picture: Path) -> None:
    names = [os.fsencode(save_jpeg(tmp_path / f"{n}.jpg", photo_like(n))) for n in range(3)]
    before = ended_seconds()
    made = dict(make_pictures([*names, os.fsencode(slow_picture)], replace(EFFORT, seconds=1.0)))
    assert ended_seconds() - before < 5  # the picture takes ten seconds
    assert made[os.fsencode(slow_picture)].problem == "decoding took more than 1 seconds and was ended"
    assert all(made[name].thumbnail for name in names)


def test_a_member_of_an_archive_and_a_frame_are_shown_beside_files(tmp_path: Path) -> None:
    inside = save_jpeg(tmp_path / "a.jpg", photo_like(1))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as file:
        file.write(inside, "in/a.jpg")
    (tmp_path / "text.jpg").write_text("no image")
    member = os.fsencode(tmp_path / "all.zip") + b"/in/a.jpg"
    named = [member, os.fsencode(inside), os.fsencode(tmp_path / "gone.jpg"), os.fsencode(tmp_path / "text.jpg")]
    made = dict(make_pictures(named, EFFORT))
    assert made[member].thumbnail == made[named[1]].thumbnail
    assert made[named[2]].problem == "no such file"
    assert made[named[3]].problem == "not an image that can be read: looks like text"
    assert len(list(make_pictures([], EFFORT))) == 0
