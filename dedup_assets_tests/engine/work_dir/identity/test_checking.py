"""The content of a file decides whether it is still the recorded one."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.identity import (
    FileRecord,
    Result,
    checking,
    file_records,
    is_intact,
    open_checked,
    open_checked_local,
    read_config,
    record_results,
    sha256_of,
)

NAME = "similarity.csv"
CONTENT = b"from,to,distance\na,b,0.9\n"


@pytest.fixture(params=["small", "large"])
def limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test with files that every reading hashes, and with files that are hashed only after a change."""
    if request.param == "large":
        monkeypatch.setattr(checking, "ALWAYS_HASHED_BYTES", 8)


@pytest.fixture(params=["local", "store"])
def work_dir(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> WorkDir:
    made = WorkDir(str(tmp_path / "out") if request.param == "local" else f"{store}/out")
    write(made, "similarity", NAME, CONTENT)
    return made


def write(work_dir: WorkDir, result: str, name: str, content: bytes) -> None:
    with generation(work_dir, "a run") as view:
        with view.publish(name) as (file,):
            file.write(content)
        record_results(view, {result: Result(files=file_records(view.written))}, {}, {})


def put(work_dir: WorkDir, content: bytes) -> None:
    """Overwrite a file as another program does; on a disk it keeps its modification time."""
    if not work_dir.is_local:
        work_dir.filesystem.pipe_file(work_dir.inside(NAME), content)
        return
    path = Path(work_dir.inside(NAME))
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def read(work_dir: WorkDir) -> bytes:
    with open_checked(work_dir, NAME) as file:
        return file.read()


def read_local(work_dir: WorkDir) -> bytes:
    with open_checked_local(work_dir, NAME) as file:
        return file.read()


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("reader", [read, read_local])
def test_a_file_is_read_as_long_as_its_content_is_what_was_recorded(
    work_dir: WorkDir, reader: Callable[[WorkDir], bytes]
) -> None:
    assert reader(work_dir) == CONTENT
    put(work_dir, CONTENT)  # the same bytes, written again
    assert reader(work_dir) == CONTENT
    assert is_intact(work_dir, read_config(work_dir).result("similarity"))
    for other in (CONTENT.replace(b"9", b"8"), CONTENT[:-1], CONTENT + b"\n", b""):
        put(work_dir, other)
        with pytest.raises(WorkDirError, match=r"similarity\.csv' is not the file that this tool wrote"):
            reader(work_dir)
        assert not is_intact(work_dir, read_config(work_dir).result("similarity"))


@pytest.mark.usefixtures("limit")
def test_what_a_run_wrote_a_moment_ago_is_read_before_it_is_published(work_dir: WorkDir) -> None:
    with generation(work_dir, "a run") as view:
        with view.publish(NAME) as (file,):
            file.write(b"new")
        record_results(view, {"similarity": Result(files=file_records(view.written))}, {}, {})
        assert read(view) == b"new"
        assert read(work_dir) == CONTENT
    assert read(work_dir) == b"new"


@pytest.mark.usefixtures("limit")
def test_a_new_config_json_vouches_for_no_file_that_had_changed_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    work_dir = WorkDir(str(tmp_path))
    write(work_dir, "similarity", NAME, CONTENT)
    put(work_dir, CONTENT.replace(b"9", b"8"))
    write(work_dir, "outliers", "outliers.csv", b"x" * 20)
    if NAME in read_config(work_dir).result("similarity").files:
        with pytest.raises(WorkDirError, match="is not the file that this tool wrote"):
            read(work_dir)
    else:  # not every reading hashes it, so its record was removed
        assert "changed since it was written: make similarity again" in caplog.text


def test_a_large_file_that_nobody_touched_is_not_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "ALWAYS_HASHED_BYTES", 8)
    work_dir = WorkDir(str(tmp_path))
    write(work_dir, "similarity", NAME, CONTENT)
    hashed: list[str] = []
    hash_whole = checking._has_content
    monkeypatch.setattr(checking, "_has_content", lambda *given: hashed.append("") or hash_whole(*given))
    read(work_dir)
    assert hashed == []
    put(work_dir, CONTENT)
    read(work_dir)
    assert hashed == [""]


def test_an_old_large_file_is_hashed_once_though_nobody_touched_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "ALWAYS_HASHED_BYTES", 8)
    work_dir = WorkDir(str(tmp_path))
    write(work_dir, "similarity", NAME, CONTENT)
    with generation(work_dir, "a run") as view:  # as if a disk error had changed a byte: the inode shows nothing
        rotten = {name: file.model_copy(update={"sha256": "0" * 64}) for name, file in _recorded(work_dir).items()}
        record_results(view, {"similarity": Result(files=rotten)}, {}, {})
    assert read(work_dir) == CONTENT  # a young file is trusted
    monkeypatch.setattr(checking, "TRUSTED_SECONDS", -1.0)
    with pytest.raises(WorkDirError, match="is not the file that this tool wrote"):
        read(work_dir)
    write(work_dir, "similarity", NAME, CONTENT)
    assert read(work_dir) == CONTENT
    monkeypatch.setattr(checking.hashlib, "sha256", None)  # another hash would fail
    assert read(work_dir) == CONTENT


def _recorded(work_dir: WorkDir) -> dict[str, FileRecord]:
    return read_config(work_dir).result("similarity").files


def test_files_that_nothing_is_recorded_about_are_read(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    assert read(WorkDir(str(tmp_path))) == CONTENT
    assert sha256_of(WorkDir(str(tmp_path)), NAME) == hashlib.sha256(CONTENT).hexdigest()


def test_a_file_that_is_gone_is_not_intact(work_dir: WorkDir) -> None:
    work_dir.remove(NAME)
    assert not is_intact(work_dir, read_config(work_dir).result("similarity"))
    assert not is_intact(work_dir, Result())
