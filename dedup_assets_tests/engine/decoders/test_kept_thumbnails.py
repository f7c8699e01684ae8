"""Thumbnails that were made with the vectors are those that the gallery would make."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dedup_assets.engine.core.records import Source
from dedup_assets.engine.decoders.asking import decode_all, make_previews
from dedup_assets.engine.decoders.kept_thumbnails import kept_by
from dedup_assets.engine.decoders.tasks import DecodingTask, PreviewTask
from dedup_assets.engine.inputs.containers import DECODER
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.stores import local_version
from dedup_assets.engine.workers import WorkerPool
from dedup_assets_tests.support.pictures import photo_like

SIDES = (320, 200)
TASK = DecodingTask((160, 160), None, DecodingLimits(), 60.0, SIDES)
FORMATS = {"screen.png": (1400, 800), "phone.jpg": (3000, 2200), "tall.jpg": (2200, 3000), "strip.jpg": (12000, 500)}
_SIDEWAYS = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(DECODER, 1)
    yield pool
    pool.close()


def source(path: Path) -> Source:
    facts = path.stat()
    return Source(os.fsencode(path), facts.st_size, local_version(facts))


def save(path: Path, size: tuple[int, int], exif: bytes = b"") -> Source:
    photo_like(1, *size).save(path, exif=exif)
    return source(path)


def decode_one(image: Source, pool: WorkerPool, task: DecodingTask = TASK) -> None:
    with pool.lend() as lent:
        assert decode_all([image], task, lent).problems == [None]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("exif", [b"", _SIDEWAYS])
def test_kept_thumbnails_are_those_of_decoding_again(name: str, exif: bytes, tmp_path: Path, pool: WorkerPool) -> None:
    image = save(tmp_path / name, FORMATS[name], exif)
    tasks = [PreviewTask(side, DecodingLimits(), 60.0) for side in SIDES]
    with pool.lend() as lent:
        made = [make_previews([image], task, lent)[0] for task in tasks]
    decode_one(image, pool)
    kept = [kept_by(pool).find(Source(image.name, -1, ""), task) for task in tasks]
    assert kept == (made if name != "strip.jpg" else [None, None])
    with pool.lend() as lent:
        assert [make_previews([image], task, lent)[0] for task in tasks] == made


def test_nothing_is_kept_of_small_pictures_and_of_files_without_a_version(tmp_path: Path, pool: WorkerPool) -> None:
    small, unknown = save(tmp_path / "small.png", (640, 480)), save(tmp_path / "new.png", (1400, 800))
    for image in (small, unknown._replace(version="")):
        decode_one(image, pool)
        assert kept_by(pool).find(image, PreviewTask(320, DecodingLimits(), 60.0)) is None


def test_a_file_that_has_changed_or_gone_since_has_no_kept_thumbnail(tmp_path: Path, pool: WorkerPool) -> None:
    image, task = save(tmp_path / "a.png", (1400, 800)), PreviewTask(320, DecodingLimits(), 60.0)
    decode_one(image, pool)
    photo_like(2, 1500, 900).save(tmp_path / "a.png")
    with pool.lend() as lent:
        (again,) = make_previews([Source(image.name, -1, "")], task, lent)
        (tmp_path / "a.png").unlink()
        (gone,) = make_previews([Source(image.name, -1, "")], task, lent)
    assert (again.width, again.height) == (1500, 900)
    assert gone.problem is not None
