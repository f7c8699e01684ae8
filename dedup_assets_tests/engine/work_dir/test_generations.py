"""All files of a run appear together, readers see one generation however a run ends, and only leftovers are deleted."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dedup_assets.engine.core.errors import LostLockError, WorkDirError
from dedup_assets.engine.work_dir import WorkDir, files, leases
from dedup_assets.engine.work_dir.file_names import RECORD, STAGED
from dedup_assets.engine.work_dir.folders import Folder
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.journal import JOURNAL, JOURNALS, Journal, write_journal
from dedup_assets.engine.work_dir.ownership import Ownership, find
from dedup_assets.engine.work_dir.publishing import put_in_place, staged_files
from dedup_assets_tests.engine.work_dir.test_location import content, put

A, B = {"a": b"1", "sub/b": b"1", "config.json": b"{}"}, {"a": b"2", "sub/b": b"2", "config.json": b"[]"}


@pytest.fixture(params=["local", "store"])
def work_dir(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> WorkDir:
    return WorkDir(str(tmp_path / "out") if request.param == "local" else f"{store}/out")


def stand(work_dir: WorkDir) -> dict[str, bytes]:
    return {name: content(work_dir, name) for name in A}


def everything(work_dir: WorkDir) -> set[str]:
    """Names of all files except the lock, the record, and journals on a store that are idle."""
    top = work_dir.root.strip("/") + "/"
    names = {path.strip("/").removeprefix(top) for path in work_dir.filesystem.find(work_dir.root)}
    return {name for name in names if not name.startswith((".lock", RECORD)) and not name.endswith(".idle")}


def test_files_appear_when_the_run_ends_and_its_own_steps_see_them_before(work_dir: WorkDir) -> None:
    put(work_dir, **A)
    with generation(work_dir, "a run") as view:
        put(view, a=B["a"])
        put(view, **{"sub/b": B["sub/b"], "config.json": B["config.json"]})
        assert stand(view) == B
        assert stand(WorkDir(work_dir.url)) == A
    assert stand(work_dir) == B
    assert everything(work_dir) == set(A)


def test_a_run_that_fails_leaves_what_stood_there(work_dir: WorkDir) -> None:
    put(work_dir, **A)
    with pytest.raises(ZeroDivisionError), generation(work_dir, "a run") as view:  # noqa: PT012 - the block is the subject
        put(view, **B)
        raise ZeroDivisionError
    assert stand(work_dir) == A
    assert everything(work_dir) == set(A)


def test_shards_stay_whatever_becomes_of_the_run(work_dir: WorkDir) -> None:
    with pytest.raises(ZeroDivisionError), generation(work_dir, "a run") as view:  # noqa: PT012 - the block is the subject
        put(view, **{"shards/x": b"done"})
        raise ZeroDivisionError
    assert everything(work_dir) == {"shards/x"}


@pytest.mark.parametrize("moved", range(4))
def test_a_run_killed_while_publishing_is_read_as_a_whole_and_finished_by_the_next(
    work_dir: WorkDir, moved: int
) -> None:
    put(work_dir, **A)
    view = work_dir.in_generation("0" * 32)
    put(view, **B)
    journal = Journal("0" * 32, staged_files(work_dir, "0" * 32), epoch=0 if work_dir.is_local else 1)
    write_journal(work_dir, journal)
    for name in sorted(B)[:moved]:
        put_in_place(work_dir, journal, name, Ownership(work_dir), is_staged=True, placed=find(work_dir, name))
    assert stand(WorkDir(work_dir.url)) == B
    assert [WorkDir(work_dir.url).size(name) for name in B] == [len(value) for value in B.values()]
    with generation(work_dir, "the next"):
        assert {name: work_dir.filesystem.cat_file(work_dir.inside(name)) for name in B} == B
    assert everything(work_dir) == set(B)


def test_what_a_killed_run_staged_is_deleted_by_the_next_and_never_published(work_dir: WorkDir) -> None:
    put(work_dir, **A)
    put(work_dir.in_generation("1" * 32), **B)
    with generation(work_dir, "the next"):
        pass
    assert stand(work_dir) == A
    assert everything(work_dir) == set(A)


KILLED_WHILE_TIDYING = """
import os, sys
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import generation

removed = []

def end(event, details):
    if event in ("os.remove", "os.rmdir"):
        removed.append(details[0])
        if len(removed) == int(sys.argv[2]):
            os._exit(9)

sys.addaudithook(end)
with generation(WorkDir(sys.argv[1]), "the next"):
    pass
"""


@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_a_run_killed_while_it_deletes_what_another_staged_leaves_it_to_the_next(tmp_path: Path, moment: int) -> None:
    work_dir = WorkDir(str(tmp_path))
    put(work_dir.in_generation("0" * 32), **{"a": b"1", "b": b"1", "sub/c": b"1"})
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_TIDYING, str(tmp_path), str(moment)], check=False)
    assert killed.returncode == 9
    with generation(work_dir, "the one after"):
        pass
    assert not (tmp_path / STAGED).exists()


def test_a_damaged_journal_is_named(work_dir: WorkDir) -> None:
    put(work_dir, **{JOURNAL if work_dir.is_local else f"{JOURNALS}/000000000001.json": b"not json"})
    with pytest.raises(WorkDirError, match=r"\.publishing.*\.json' is damaged, or is of another program; move"):
        work_dir.exists("a")


def test_two_sets_published_at_once_do_not_mix(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from dedup_assets.engine.work_dir import WorkDir\n"
        "for round in range(20):\n"
        "    with WorkDir(sys.argv[1]).publish('a', 'sub/b', 'config.json') as files:\n"
        "        for file in files:\n"
        "            file.write(sys.argv[2].encode())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen([*command, "1"]) as one, subprocess.Popen([*command, "2"]) as other:
        assert [one.wait(), other.wait()] == [0, 0]
    assert len(set(stand(WorkDir(str(tmp_path))).values())) == 1
    assert everything(WorkDir(str(tmp_path))) == set(A)


def test_features_are_read_with_their_own_names_while_others_take_their_place(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from dedup_assets.engine.work_dir import WorkDir, files\n"
        "for mark in range(40):\n"
        "    sys.stdin.readline()\n"
        "    rows = 3 + mark % 2\n"
        "    names = [b'%d' % mark] * rows\n"
        "    files.save_features(WorkDir(sys.argv[1]), names, np.full((rows, 12 // rows), mark, np.float32))\n"
        "    print(mark, flush=True)\n"
    )
    files.save_features(WorkDir(str(tmp_path)), [b"0"] * 3, np.zeros((3, 4), np.float32))
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for mark in range(40):
            writer.stdin.write("\n")  # one publication while this process reads
            for _ in range(3):
                found = files.read_features(WorkDir(str(tmp_path)))
                assert {int(name) for name in found.names} == {int(value) for value in found.vectors.ravel()}
            assert writer.stdout.readline() == f"{mark}\n"
    assert writer.returncode == 0


# Temporary files


def test_temporary_files_of_dead_writers_are_deleted_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    code = (
        "import os, sys\n"
        "from dedup_assets.engine.work_dir import WorkDir\n"
        "with WorkDir(sys.argv[1]).publish('shards/x.parquet') as (file,):\n"
        "    file.write(b'half')\n"
        "    file.flush()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    dead = set(os.listdir(tmp_path / "shards"))  # noqa: PTH208 - names only
    assert len(dead) == 1
    (tmp_path / "shards" / ".mine.tmp").write_bytes(b"of another program")
    with work_dir.publish("shards/y.parquet") as (file,):
        file.write(b"whole")
        living = set(os.listdir(tmp_path / "shards")) - dead  # noqa: PTH208 - names only
        with generation(WorkDir(str(tmp_path)), "a run"):
            pass
        assert set(os.listdir(tmp_path / "shards")) == living  # noqa: PTH208 - names only
    assert set(os.listdir(tmp_path / "shards")) == {"y.parquet", ".mine.tmp"}  # noqa: PTH208 - names only


# Disks that are full or may not be written to

FULL = (
    "import resource, sys\n"
    "from dedup_assets.engine.core.errors import WorkDirError\n"
    "from dedup_assets.engine.work_dir import WorkDir\n"
    "from dedup_assets.engine.work_dir.generations import generation\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    "try:\n"
    "    with generation(WorkDir(sys.argv[1]), 'a run') as view:\n"
    "        with view.publish('a') as (file,):\n"
    "            file.write(b'new')\n"
    "        with view.publish('sub/b') as (file,):\n"
    "            file.write(b'x' * 2000)\n"
    "except WorkDirError as error:\n"
    "    print(error)\n"
)


def test_a_full_disk_leaves_the_last_result_and_names_file_and_need(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    put(work_dir, **A)
    said = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    assert f"cannot write to work_dir='{tmp_path}': sub/b: File too large after 2000 bytes" in said
    assert "make room, then run the same command again" in said
    assert stand(work_dir) == A
    assert everything(work_dir) == set(A)


def test_a_disk_that_is_full_at_the_end_of_a_run_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Folder) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def run() -> None:
        with generation(WorkDir(str(tmp_path)), "a run") as view:
            put(view, a=b"new")
            monkeypatch.setattr(Folder, "sync", refuse)

    said = rf"cannot write to .*: {JOURNAL}: No space left .* make room, then run the same command again"
    with pytest.raises(WorkDirError, match=said):
        run()


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="nothing is forbidden to this user")
def test_a_work_dir_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    put(WorkDir(str(tmp_path)), **A)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WorkDirError, match="cannot write to work_dir"), generation(WorkDir(str(tmp_path)), "a run"):
            pass
        assert stand(WorkDir(str(tmp_path))) == A
    finally:
        tmp_path.chmod(0o700)


def test_hidden_folders_of_runs_are_no_parts(tmp_path: Path) -> None:
    put(WorkDir(str(tmp_path)).in_generation("2" * 32), a=b"")
    assert (tmp_path / STAGED).is_dir()
    assert WorkDir(str(tmp_path)).folders() == []


# Runs on a store that continue after others took them for dead


def test_a_run_that_slept_while_another_published_fails_and_changes_nothing(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(leases, "_STALE_SECONDS", 0.0)
    monkeypatch.setattr(leases, "_BEAT_SECONDS", 3600.0)
    work_dir = WorkDir(f"{store}/out")
    lost = pytest.raises(LostLockError, match="another run has taken over")
    with lost, generation(work_dir, "a run that slept") as slept:
        put(slept, a=A["a"])
        with generation(work_dir, "another") as other:
            put(other, **B)
        put(slept, **{"sub/b": A["sub/b"], "config.json": A["config.json"]})
    assert stand(WorkDir(work_dir.url)) == B
    with generation(work_dir, "the next"):
        pass
    assert everything(work_dir) == set(B)
