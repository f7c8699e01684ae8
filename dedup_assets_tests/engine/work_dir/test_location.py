"""Files appear whole or not at all, on disks and on stores."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir import WorkDir


@pytest.fixture(params=["local", "store", "file url"])
def url(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> str:
    """A work_dir that does not exist yet, in each kind of place."""
    return {"local": f"{tmp_path}/new/out", "store": f"{store}/new/out", "file url": f"file://{tmp_path}/new/out"}[
        request.param
    ]


def put(work_dir: WorkDir, **files: bytes) -> None:
    with work_dir.publish(*files) as opened:
        for file, content in zip(opened, files.values(), strict=True):
            file.write(content)


def content(work_dir: WorkDir, name: str) -> bytes:
    with work_dir.open(name) as file:
        return file.read()


def test_nothing_is_created_until_something_is_written(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path / "new"))
    assert not work_dir.exists("a")
    assert work_dir.names("shards") == []
    assert not (tmp_path / "new").exists()


def test_published_files_are_read_back_and_replaced_whole(url: str) -> None:
    work_dir = WorkDir(url)
    put(work_dir, **{"a": b"first", "sub/b": b"", "sub/c": b"x" * 100_000})
    put(work_dir, a=b"2")
    assert content(WorkDir(url), "a") == b"2"
    assert content(work_dir, "sub/b") == b""
    assert work_dir.size("sub/c") == 100_000
    assert work_dir.names("sub") == ["b", "c"]
    with work_dir.open_local("a") as file:
        assert file.read() == b"2"


def test_an_error_in_the_block_leaves_what_stood_there_and_nothing_else(url: str) -> None:
    work_dir = WorkDir(url)
    put(work_dir, a=b"old", c=b"old")
    with pytest.raises(ZeroDivisionError), work_dir.publish("a", "b") as (a, b):  # noqa: PT012 - the block is the subject
        a.write(b"new")
        b.write(b"new")
        raise ZeroDivisionError
    assert content(work_dir, "a") == b"old"
    assert [name for name in work_dir.names("") if not name.startswith(".")] == ["a", "c"]


def test_a_disk_full_at_the_second_file_leaves_both_as_they_were(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    put(work_dir, a=b"old a", b=b"old b")
    # A separate process may write at most 1000 bytes per file; the buffer holds more than that.
    code = (
        "import resource, sys\n"
        "from dedup_assets.engine.core.errors import WorkDirError\n"
        "from dedup_assets.engine.work_dir import WorkDir\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    with WorkDir(sys.argv[1]).publish('a', 'b') as (a, b):\n"
        "        a.write(b'new')\n"
        "        b.write(b'x' * 2000)\n"
        "except WorkDirError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "cannot write to work_dir" in said.stdout
    assert (content(work_dir, "a"), content(work_dir, "b")) == (b"old a", b"old b")
    assert sorted(os.listdir(tmp_path)) == [".lock", ".published.json", "a", "b"]  # noqa: PTH208 - names only


def test_a_place_that_cannot_be_written_to_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    work_dir = WorkDir(str(tmp_path / "file" / "out"))
    with pytest.raises(WorkDirError, match="cannot write to work_dir"), work_dir.publish("a"):
        pass


@pytest.mark.parametrize("url", ["", "foo://bucket/out"])
def test_a_work_dir_that_is_no_place_is_named(url: str) -> None:
    with pytest.raises(WorkDirError, match=f"work_dir='{url}'"):
        WorkDir(url)


@pytest.mark.parametrize("name", ["with space", "a::b", "per%20cent", "n\udcff", "new\nline", "*?[a]", "~", "#x"])
def test_a_folder_of_any_name_may_be_the_work_dir(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    work_dir = WorkDir(str(tmp_path / name))
    put(work_dir, a=b"content")
    assert (tmp_path / name / "a").read_bytes() == b"content"
    assert (work_dir.names(""), content(work_dir, "a")) == (["a"], b"content")


def test_a_relative_work_dir_stays_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    work_dir = WorkDir("out")
    monkeypatch.chdir("/")
    put(work_dir, a=b"content")
    assert (tmp_path / "out" / "a").read_bytes() == b"content"


def test_the_path_of_a_feature_file_is_the_work_dir_around_it(url: str) -> None:
    put(WorkDir(url), **{"features.dat": b"", "atrain_features.dat": b""})
    for name in ("features.dat", "atrain_features.dat"):
        work_dir = WorkDir(f"{url}/{name}")
        assert work_dir.features_name == name
        assert work_dir.exists("features.dat")
        assert work_dir.path("x") == WorkDir(url).path("x")


def test_a_place_that_is_no_folder_is_said_before_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkDirError, match=r"nosuch': no such folder; make one"):
        WorkDir(str(tmp_path / "nosuch")).require("a", remedy="make one")
    with pytest.raises(
        WorkDirError, match=r"file' is a file, and a folder with the results of a run is wanted; make one"
    ):
        WorkDir(str(tmp_path / "file")).require("a", remedy="make one")


def test_a_missing_file_is_said_with_all_its_names_and_the_remedy(url: str) -> None:
    put(WorkDir(url), c=b"")
    with pytest.raises(WorkDirError, match=r"has no a or b; make one"):
        WorkDir(url).require("a", "b", remedy="make one")
    with pytest.raises(WorkDirError, match="cannot read"):
        content(WorkDir(url), "a")


def test_removing_what_is_not_there_is_no_error(url: str) -> None:
    work_dir = WorkDir(url)
    work_dir.remove("a")
    put(work_dir, a=b"")
    work_dir.remove("a")
    assert not work_dir.exists("a")
