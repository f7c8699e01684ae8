"""A machine keeps one copy of a file of a store."""

import itertools
from pathlib import Path

import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.machine_cache import open_cached


def copy(cache: Path, version: str) -> bytes:
    def fetch(to: Path) -> None:
        to.write_bytes(version.encode())

    cached = open_cached(cache, "s3://bucket/features.dat", lambda: version, fetch)
    assert cached is not None
    with cached as file:
        return file.read()


def test_a_copy_that_is_open_can_be_read_when_a_newer_one_takes_its_place(tmp_path: Path) -> None:
    cached = open_cached(tmp_path, "s3://bucket/features.dat", lambda: "1", lambda to: to.write_bytes(b"1"))
    assert cached is not None
    with cached as file:
        assert copy(tmp_path, "2") == b"2"
        assert file.read() == b"1"


def test_one_version_of_a_file_is_cached_and_files_of_others_stay(tmp_path: Path) -> None:
    copy(tmp_path, "1")
    (folder,) = tmp_path.iterdir()
    (folder / "mine.txt").write_text("mine")
    (folder / f".{'0' * 32}.tmp").write_text("left by a process that was killed")
    copy(tmp_path, "2")
    names = {path.name.partition("-")[2] or path.name for path in folder.iterdir()}
    assert names == {"features.dat", "mine.txt", ".lock"}


def test_a_file_without_a_version_is_not_cached(tmp_path: Path) -> None:
    size_alone = "4 "
    assert open_cached(tmp_path, "memory://bucket/features.dat", lambda: size_alone, lambda to: None) is None


def test_a_file_that_is_published_again_and_again_is_an_error_and_no_endless_wait(tmp_path: Path) -> None:
    versions = itertools.count()
    with pytest.raises(WorkDirError, match="was published again at each of"):
        open_cached(tmp_path, "s3://bucket/a", lambda: f"1 {next(versions)}", lambda to: to.write_bytes(b"1"))
