"""Images that are decoded while Dagster is imported are those that decoding gives later."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dedup_assets.engine.core.records import Source
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.decoders.asking import decode_all
from dedup_assets.engine.decoders.tasks import Decoded, DecodingTask
from dedup_assets.engine.extraction import offset_ranges as ranges
from dedup_assets.engine.extraction.decoding_ahead import DecodingAhead, decode_ahead, take_ahead
from dedup_assets.engine.extraction.offset_ranges import head_start
from dedup_assets.engine.inputs.containers import DECODER
from dedup_assets.engine.inputs.listing import ListingOptions, first_files, list_images
from dedup_assets.engine.pictures.decoding import DecodingLimits
from dedup_assets.engine.workers import WorkerPool, keep_workers
from dedup_assets_tests.support.pictures import SavePhoto

TASK = DecodingTask((16, 12), None, DecodingLimits(), 60.0)


@pytest.fixture(autouse=True)
def workers() -> Iterator[None]:
    with keep_workers(DECODER, 2, early=True):
        yield


@pytest.fixture
def photos(tmp_path: Path, save_photo: SavePhoto) -> list[Source]:
    """Twenty files. The fourth is no image; the sixth is black."""
    for number in range(20):
        save_photo(tmp_path / "in" / f"{number:02d}.jpg", number)
    Image.new("RGB", (24, 24)).save(tmp_path / "in" / "05.jpg")
    (tmp_path / "in" / "03.jpg").write_bytes(b"nonsense")
    return first_files(str(tmp_path / "in"), ListingOptions(), 20)


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(DECODER, 1)
    yield pool
    pool.close()


def expect_same(decoded: Decoded | None, sources: list[Source], pool: WorkerPool) -> None:
    assert decoded is not None
    with pool.lend() as lent:
        expected = decode_all(sources, TASK, lent)
        assert np.array_equal(decoded.pictures, expected.pictures)
    assert list(map(str, decoded.problems)) == list(map(str, expected.problems))
    assert decoded.low_information == expected.low_information


def test_pictures_and_problems_are_those_of_decoding_when_asked(photos: list[Source], pool: WorkerPool) -> None:
    with decode_ahead(photos, TASK):
        later = take_ahead(photos[8:16], TASK)  # threads take images in any order
        first = take_ahead(photos[:8], TASK)
        rest = take_ahead(photos[16:], TASK)
    assert [problem is None for problem in first.problems] == [True] * 3 + [False] + [True] * 4 if first else False
    assert [mark is None for mark in first.low_information] == [True] * 5 + [False] + [True] * 2 if first else False
    for decoded, sources in ((first, photos[:8]), (later, photos[8:16]), (rest, photos[16:])):
        expect_same(decoded, sources, pool)


def test_nothing_is_given_twice_or_for_another_task_or_for_a_file_that_changed(photos: list[Source]) -> None:
    changed = photos[4]._replace(size_bytes=photos[4].size_bytes + 1)
    with decode_ahead(photos, TASK):
        assert take_ahead(photos[:2], DecodingTask((16, 16), None, DecodingLimits(), 60.0)) is None
        assert take_ahead([changed], TASK) is None
        assert take_ahead([photos[0], b"bytes of a store"], TASK) is None
        assert take_ahead(photos[:2], TASK)
        assert take_ahead(photos[:2], TASK) is None
    assert take_ahead(photos[4:6], TASK) is None


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_its_memory_goes_back_once_all_is_taken(photos: list[Source]) -> None:
    task = DecodingTask((480, 640), None, DecodingLimits(), 60.0)
    ahead = DecodingAhead(photos, task)
    memory = Path(f"/proc/self/fd/{ahead._lent.worker.memory.address}")
    assert ahead.take(photos[:19], task)
    assert memory.stat().st_blocks * 512 > 15e6
    assert ahead.take(photos[19:], task)
    assert memory.stat().st_blocks == 0
    ahead.close()


def test_others_have_as_many_processes_as_without_it(photos: list[Source]) -> None:
    ahead = DecodingAhead(photos, TASK)
    with keep_workers(DECODER, 2):
        from dedup_assets.engine.decoders.asking import open_decoders

        with open_decoders(2) as decoders, decoders.lend() as one, decoders.lend() as other:
            assert one.ready() is not other.ready()
    ahead.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_process_that_was_ended_did_not_say_is_not_known(photos: list[Source], when: str) -> None:
    ahead = DecodingAhead(photos, TASK)
    if when == "after":
        assert ahead.take(photos[:8], TASK)
    os.kill(ahead._lent.worker.pid, signal.SIGKILL)
    said = [ahead.take(photos[start : start + 4], TASK) for start in range(8, 20, 4)]  # what it had answered by then
    assert [decoded is None for decoded in said] == sorted(decoded is None for decoded in said)
    ahead.close()


def test_files_are_those_that_the_listing_starts_with(tmp_path: Path, save_photo: SavePhoto) -> None:
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg", "c/d/1.jpg"):
        save_photo(tmp_path / "in" / name)
    (tmp_path / "in" / "a" / "0.zip").write_bytes(b"")
    (tmp_path / "in" / "a" / "0.jpg").write_bytes(b"")
    (tmp_path / "in" / "notes.txt").write_bytes(b"")
    found = first_files(str(tmp_path / "in"), ListingOptions(), 3)
    assert [os.fsdecode(file.name).split("/in/")[1] for file in found] == ["a/1.jpg", "a/2.jpg", "b/1.jpg"]
    listed = list_images(str(tmp_path / "in" / "b")).images.select("filename", "size_bytes", "version").row(0)
    assert Source(*listed) == found[2]
    for other in ("missing", "in/notes.txt", "in/a/1.jpg"):
        assert first_files(str(tmp_path / other), ListingOptions(), 3) == []
    assert first_files("s3://bucket/prefix", ListingOptions(), 3) == []


def test_a_new_run_has_a_head_start_and_one_with_results_or_one_thread_has_none(
    tmp_path: Path, photos: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    original = ranges.decode_ahead
    monkeypatch.setattr(ranges, "decode_ahead", lambda *given: begun.append(len(given[0])) or original(*given))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "features.dat").touch()
    common = {"input_dir": str(tmp_path / "in"), "work_dir": str(tmp_path / "new"), "num_threads": 2}
    for more in (
        {"work_dir": str(tmp_path / "results")},
        {"num_threads": 1},
        {"run_mode": 2},
        {"run_mode": 3},
        {"min_offset": 3},
        {"input_dir": str(tmp_path / "missing")},
        {"model_path": str(tmp_path / "missing.onnx")},
        {"work_dir": "s3://bucket/new"},
    ):
        with head_start(Settings.parse(**common | more)):
            assert begun == []
    for more, listed in (({}, 20), ({"num_images": 5}, 5), ({"max_offset": 4}, 4)):
        with head_start(Settings.parse(**common | more)):
            assert begun.pop() == len({source.size_bytes for source in photos[:listed]})  # others may be copies
    assert len(photos) == 20
