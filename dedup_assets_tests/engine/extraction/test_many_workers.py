"""Workers share a work_dir on a real S3 server without knowing of one another, at the same time or late."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from uuid import uuid4

import numpy as np
import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import Manifest, OffsetRange, RowRange
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.extraction.offset_ranges import RangeExtractor
from dedup_assets.engine.inputs.listing import list_images
from dedup_assets.engine.neighbors import build_index
from dedup_assets.engine.neighbors.row_ranges import RowRangeSearcher, full_ranges
from dedup_assets.engine.work_dir import WorkDir, files, index_file
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

RANGE = OffsetRange(0, 3)


def no_progress(done: int, bad: int) -> None:
    """Report nothing."""


@pytest.fixture
def settings(s3_bucket: str, tmp_path: Path) -> Settings:
    """Three photographs and a broken file, in two ranges, with a work_dir of their own on S3."""
    for number in range(3):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number, 64, 48))
    (tmp_path / "photos" / "3.jpg").write_bytes(b"\xff\xd8 no picture")
    return Settings.parse(
        input_dir=str(tmp_path / "photos"), work_dir=f"{s3_bucket}/{uuid4().hex}", shard_size=3, num_threads=1
    )


def join(settings: Settings, manifest: Manifest) -> dict[str, bytes]:
    """Publish features.dat from the stored ranges, and read all results back."""
    work_dir = WorkDir(settings.work_dir)
    files.write_features(work_dir, RangeExtractor(settings).stream(manifest))
    return contents(work_dir, "features.dat", "features.dat.csv", "image_ledger.parquet")


def contents(work_dir: WorkDir, *names: str) -> dict[str, bytes]:
    found = {}
    for name in names:
        with work_dir.open(name) as file:
            found[name] = file.read()
    return found


def complete_all(settings: Settings, manifest: Manifest) -> int:
    """Complete every range; return how many images were computed."""
    extractor = RangeExtractor(settings)
    return sum(extractor.complete(manifest, offsets, no_progress).computed for offsets in extractor.cut(manifest))


def waiting_for(release: Event, reached: Event) -> Callable[[int, int], None]:
    """A worker that pauses after its range is computed and before it is stored."""

    def progress(done: int, bad: int) -> None:
        if done:
            reached.set()
            assert release.wait(60)

    return progress


def test_two_workers_on_the_same_range_leave_one_shard_with_the_same_bytes(settings: Settings) -> None:
    manifest = list_images(settings.input_dir)
    together = Barrier(2, timeout=60)

    def work(_: int) -> int:
        extractor = RangeExtractor(settings)
        return extractor.complete(manifest, RANGE, lambda done, bad: together.wait() if done else None).computed

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, range(2))) == [3, 3]  # neither waited for the other
    shared = WorkDir(settings.work_dir)
    (name,) = shared.names("shards")
    alone = settings.model_copy(update={"work_dir": f"{settings.work_dir}-alone"})
    RangeExtractor(alone).complete(manifest, RANGE, no_progress)
    assert contents(shared, f"shards/{name}") == contents(WorkDir(alone.work_dir), f"shards/{name}")


def test_a_worker_that_was_taken_for_dead_and_publishes_late_changes_nothing(settings: Settings) -> None:
    manifest = list_images(settings.input_dir)
    release, reached = Event(), Event()
    with ThreadPoolExecutor(1) as pool:
        extractor = RangeExtractor(settings)
        late = pool.submit(extractor.complete, manifest, RANGE, waiting_for(release, reached))
        try:
            assert reached.wait(60)
            assert complete_all(settings, manifest) == 4  # another worker takes its place
            before = join(settings, manifest)
        finally:
            release.set()
        assert late.result(60).computed == 3
    assert complete_all(settings, manifest) == 0
    assert join(settings, manifest) == before


def test_a_late_shard_of_a_listing_that_is_no_more_is_not_taken_for_the_new_one(settings: Settings) -> None:
    old = list_images(settings.input_dir)
    release, reached = Event(), Event()
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(RangeExtractor(settings).complete, old, RANGE, waiting_for(release, reached))
        try:
            assert reached.wait(60)
            save_jpeg(Path(settings.input_dir) / "1.jpg", photo_like(50, 80, 60))
            new = list_images(settings.input_dir)
            complete_all(settings, new)
            before = join(settings, new)
        finally:
            release.set()
        late.result(60)
    assert join(settings, new) == before


def test_joining_while_a_range_is_missing_names_it_and_publishes_nothing(settings: Settings) -> None:
    manifest = list_images(settings.input_dir)
    RangeExtractor(settings).complete(manifest, RANGE, no_progress)
    with pytest.raises(WorkDirError, match=r"has no shards/000000000003-000000000006.*; materialize features again"):
        join(settings, manifest)
    work_dir = WorkDir(settings.work_dir)
    assert not work_dir.exists("features.dat")
    assert len(work_dir.names("shards")) == 1  # nothing is lost
    assert complete_all(settings, manifest) == 1
    join(settings, manifest)


@pytest.fixture
def searched(s3_bucket: str) -> Settings:
    """Features and index of 100 vectors on S3, searched in ranges of 40."""
    vectors = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    settings = Settings.parse(work_dir=f"{s3_bucket}/{uuid4().hex}", search_range_size=40, num_threads=1)
    work_dir = WorkDir(settings.work_dir)
    files.save_features(work_dir, [b"%d.jpg" % row for row in range(100)], vectors)
    index_file.write_index(work_dir, build_index(vectors, settings.search, 1))
    return settings


def test_merging_while_a_range_is_not_searched_names_it_and_keeps_the_others(searched: Settings) -> None:
    for offsets in full_ranges(100, 40)[:2]:
        assert RowRangeSearcher(searched).complete_from(offsets).searched == 40
    with pytest.raises(WorkDirError, match=r"000000000080-000000000100.*search this range first"):
        RowRangeSearcher(searched).merge()
    assert RowRangeSearcher(searched).complete_from(RowRange(80, 120)).searched == 20
    assert RowRangeSearcher(searched).merge().images == 100


def test_a_partition_of_an_earlier_width_searches_what_begins_in_it(searched: Settings) -> None:
    searcher = RowRangeSearcher(searched)
    assert searcher.complete_from(RowRange(0, 100)).searched == 100
    assert searcher.complete_from(RowRange(100, 200)).rows == 0


def test_a_machine_fetches_index_and_features_once_per_publication(
    searched: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEDUP_CACHE_DIR", str(tmp_path / "cache"))

    def kept() -> dict[Path, int]:
        return {path: path.stat().st_ino for path in (tmp_path / "cache").rglob("*-f*")}

    RowRangeSearcher(searched)
    first = kept()
    assert {path.name.partition("-")[2] for path in first} == {"features.dat", "faiss.index"}
    RowRangeSearcher(searched)
    assert kept() == first
    vectors = np.random.default_rng(1).normal(size=(90, 8)).astype(np.float32)
    files.save_features(WorkDir(searched.work_dir), [b"%d.jpg" % row for row in range(90)], vectors)
    assert len(files.read_features(WorkDir(searched.work_dir))) == 90
    assert len(kept()) == 2
    assert kept() != first


def test_a_copy_that_a_killed_process_left_half_fetched_is_replaced(
    searched: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEDUP_CACHE_DIR", str(tmp_path))
    RowRangeSearcher(searched)
    (complete,) = tmp_path.rglob("*-faiss.index")
    half = complete.with_name(".0123.tmp")
    half.write_bytes(complete.read_bytes()[:100])
    complete.unlink()
    assert RowRangeSearcher(searched).cut()
    assert complete.exists()
    assert not half.exists()


def test_a_cache_folder_that_cannot_be_written_is_named(searched: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEDUP_CACHE_DIR", "/dev/null/cache")
    with pytest.raises(WorkDirError, match=r"in DEDUP_CACHE_DIR='/dev/null/cache'"):
        RowRangeSearcher(searched)
