"""A work_dir takes one run at a time; the lock of a dead run blocks no other; readers do not exclude one another."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from dedup_assets.engine.core.errors import LostLockError, WorkDirError
from dedup_assets.engine.work_dir import WorkDir, folders, leases, locks
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.holding import hold, hold_beneath
from dedup_assets.engine.work_dir.place import Place
from dedup_assets_tests.engine.work_dir.test_location import put

SOON_SECONDS = 60  # enough for a thread on a busy machine
HOLD = (
    "import sys, time\n"
    "from dedup_assets.engine.work_dir import WorkDir\n"
    "from dedup_assets.engine.work_dir.holding import hold\n"
    "with hold(WorkDir(sys.argv[1]), 'a long run'):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


@pytest.fixture(params=["local", "store"])
def url(request: pytest.FixtureRequest, tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(leases, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(leases, "_BEAT_SECONDS", 0.05)  # _STALE_SECONDS stays: a beat may be late
    return str(tmp_path / "out") if request.param == "local" else f"{store}/out"


@pytest.fixture
def remote(store: str, monkeypatch: pytest.MonkeyPatch) -> WorkDir:
    """A work_dir on a store, where every run takes the holder of the lock for dead."""
    monkeypatch.setattr(leases, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(leases, "_STALE_SECONDS", 0.0)
    monkeypatch.setattr(leases, "_BEAT_SECONDS", 3600.0)
    return WorkDir(f"{store}/out")


def test_a_second_run_is_refused_with_the_name_of_the_first(url: str) -> None:
    refused = pytest.raises(WorkDirError, match=rf"in use by another run \(the first, process {os.getpid()} on ")
    with hold(WorkDir(url), "the first"), refused, hold(WorkDir(url), "the second"):
        pass
    with hold(WorkDir(url), "the third"):
        pass


def test_a_second_run_that_waits_begins_when_the_first_ends(url: str) -> None:
    order: SimpleQueue[str] = SimpleQueue()

    def second() -> None:
        with hold(WorkDir(url), "the second", wait=True):
            order.put("second")

    with hold(WorkDir(url), "the first"):
        waiting = threading.Thread(target=second)
        waiting.start()
        order.put("first")
    waiting.join(SOON_SECONDS)
    assert [order.get(timeout=1), order.get(timeout=1)] == ["first", "second"]


def test_readers_keep_writers_out_and_not_one_another(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    refused = pytest.raises(WorkDirError, match="in use by another run")
    one, other = hold(work_dir, "scoring", shared=True), hold(work_dir, "scoring", shared=True)
    with one, other, refused, hold(work_dir, "a run"):
        pass
    refused = pytest.raises(WorkDirError, match=r"in use by another run \(a run, process")
    with hold(work_dir, "a run"), refused, hold(work_dir, "scoring", shared=True):
        pass
    assert (tmp_path / ".lock").read_bytes() == b""


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WorkDirError, match=f"a long run, process {holder.pid}"), hold(WorkDir(str(tmp_path)), "x"):
            pass
        holder.send_signal(signal.SIGKILL)
    with hold(WorkDir(str(tmp_path)), "the next"):
        pass


def _come_together(url: str, threads: int, times: int) -> None:
    """Threads hold a lock again and again, and never two at once."""
    inside, together, errors = threading.Semaphore(1), SimpleQueue[str](), SimpleQueue[Exception]()
    start = threading.Barrier(threads)

    def come() -> None:
        try:
            start.wait(SOON_SECONDS)
            for _ in range(times):
                with hold(WorkDir(url), "one of many", wait=True):
                    if not inside.acquire(blocking=False):
                        together.put("two at once")
                    else:
                        inside.release()
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            errors.put(error)

    coming = [threading.Thread(target=come) for _ in range(threads)]
    for thread in coming:
        thread.start()
    for thread in coming:
        thread.join(SOON_SECONDS)
    assert (together.empty(), errors.empty() or errors.get()) == (True, True)


def test_only_one_of_many_that_come_at_once_gets_the_lock_at_a_time(url: str) -> None:
    _come_together(url, threads=8, times=1)
    with hold(WorkDir(url), "the last"):
        pass


def test_a_folder_that_was_made_for_a_lock_goes_with_it_whoever_waits(tmp_path: Path) -> None:
    _come_together(str(tmp_path / "new" / "out"), threads=4, times=20)
    with hold(WorkDir(str(tmp_path / "newer" / "out")), "the last"):
        assert [path.name for path in (tmp_path / "newer" / "out").iterdir()] == [".lock"]
    assert not (tmp_path / "newer").exists()


def test_the_lock_file_stays_so_that_nobody_waits_for_one_that_is_gone(tmp_path: Path) -> None:
    with hold(WorkDir(str(tmp_path)), "a run"):
        held = (tmp_path / ".lock").stat().st_ino
    assert (tmp_path / ".lock").stat().st_ino == held


def test_a_lock_file_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("pid 77")
    with (
        pytest.raises(WorkDirError, match=r"\.lock was not written by this package"),
        hold(WorkDir(str(tmp_path)), "a run"),
    ):
        pass
    assert (tmp_path / ".lock").read_text() == "pid 77"


@pytest.mark.skipif(sys.platform == "win32", reason="no list of open files")
def test_ctrl_c_while_waiting_for_the_lock_leaves_no_file_open(tmp_path: Path) -> None:
    work_dir, lock = WorkDir(str(tmp_path)), tmp_path / ".lock"
    with hold(work_dir, "a step", run="1", has_steps=True):
        pass

    def interrupt(run: str) -> bool:
        raise KeyboardInterrupt(run)

    with pytest.raises(KeyboardInterrupt), hold(work_dir, "another run", wait=True, is_over=interrupt):
        pass
    links = [Path("/dev/fd", name) for name in os.listdir("/dev/fd")]  # noqa: PTH208 - names only
    assert not [link for link in links if link.exists() and link.samefile(lock)]


# Runs whose steps are processes of their own


def test_steps_of_one_run_hold_the_lock_together(url: str) -> None:
    work_dir = WorkDir(url)
    step = {"run": "1", "has_steps": True}
    with hold(work_dir, "a step", **step), hold(work_dir, "another step", **step):  # type: ignore[arg-type]
        pass


def test_steps_that_begin_and_end_at_the_same_moment_refuse_one_another_never(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_POLL_SECONDS", 0.001)
    errors = SimpleQueue[Exception]()

    def step(start: threading.Barrier) -> None:
        try:
            start.wait(SOON_SECONDS)
            with hold(WorkDir(url), "a step", run="1", has_steps=True) as lock:
                lock.is_over = True
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            errors.put(error)

    for _ in range(60):
        start = threading.Barrier(2)
        steps = [threading.Thread(target=step, args=(start,)) for _ in range(2)]
        for thread in steps:
            thread.start()
        for thread in steps:
            thread.join(SOON_SECONDS)
    assert errors.empty(), errors.get()


def test_no_step_joins_before_the_first_has_prepared_the_work_dir(tmp_path: Path) -> None:
    order: list[str] = []

    def prepare(name: str) -> None:
        other.start()
        other.join(0.3)  # it cannot end before this returns
        order.append(f"prepared by the {name}")

    def join() -> None:
        with step(prepare=lambda lock: prepare("second")):
            order.append("joined")

    step = partial(hold, WorkDir(str(tmp_path)), "a step", run="1", has_steps=True)
    other = threading.Thread(target=join)
    with step(prepare=lambda lock: prepare("first")):
        other.join(SOON_SECONDS)
    assert order == ["prepared by the first", "joined"]


def test_between_its_steps_a_run_keeps_others_out_until_it_has_ended(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    with hold(work_dir, "a step", run="1", has_steps=True):
        pass
    for shared in (False, True):
        refused = pytest.raises(WorkDirError, match="free 120 s after the last step")
        with refused, hold(work_dir, "another run", shared=shared):
            pass
    with hold(work_dir, "the last step", run="1", has_steps=True) as lock:
        lock.is_over = True
    with hold(work_dir, "another run"):
        pass


@pytest.mark.parametrize("is_over", [True, False, None])
def test_whoever_knows_that_the_other_run_has_ended_need_not_wait(tmp_path: Path, is_over: bool | None) -> None:
    work_dir, asked = WorkDir(str(tmp_path)), []
    with hold(work_dir, "a step", run="1", has_steps=True):
        pass

    def ask(run: str) -> bool | None:
        asked.append(run)
        return is_over

    came = []
    try:
        with hold(work_dir, "another run", is_over=ask):
            came.append(True)
    except WorkDirError:
        came.append(False)
    assert (came, asked) == ([is_over is True], ["1"])


def test_a_run_that_died_between_its_steps_holds_nobody_up_for_ever(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    for moment in (time.time() - locks.BETWEEN_STEPS_SECONDS - 1, time.time() + 86_400):
        with hold(work_dir, "a step", run="1", has_steps=True):
            pass
        os.utime(tmp_path / ".lock", (moment, moment))
        with hold(work_dir, "another run"):
            pass


def test_a_run_is_refused_while_a_step_of_another_run_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_STEPS_MEET_SECONDS", 0.0)
    work_dir = WorkDir(str(tmp_path))
    refused = pytest.raises(WorkDirError, match="in use by another run")
    with hold(work_dir, "a step", run="1", has_steps=True), refused, hold(work_dir, "b", is_over=lambda run: True):
        pass
    refused = pytest.raises(WorkDirError, match="in use by another run")
    read = WorkDir(str(tmp_path / "read"))
    with hold(read, "scoring", shared=True), refused, hold(read, "a step", run="2", has_steps=True):
        pass


# On a store, where a lock does not end with its process


def test_a_lock_that_nobody_renews_is_taken_over_whatever_its_clock_says(
    remote: WorkDir, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"doing": "a dead run", "host": "h", "pid": 1, "since": "2099-01-01", "run": "1", "process": "1"}'
    remote.filesystem.pipe_file(remote.inside(".lock/000000000007"), body)
    with hold(remote, "the next") as lock:
        assert lock.epoch == 8
    assert "a dead run, process 1 on h" in caplog.text


def test_a_run_whose_lock_was_taken_over_notices_it_when_it_looks(remote: WorkDir) -> None:
    with hold(remote, "a run that slept") as slept:
        slept.check()
        with hold(remote, "another") as other:
            with pytest.raises(LostLockError, match="another run has taken over"):
                slept.check()
            other.check()


def test_of_two_that_take_over_at_once_one_gets_the_lock(remote: WorkDir, monkeypatch: pytest.MonkeyPatch) -> None:
    remote.filesystem.pipe_file(remote.inside(".lock/000000000001"), b"of a dead run")
    one = leases.Lease(remote.filesystem, remote.inside(".lock"), "w", locks.Holder.here("one", "1"))
    other = leases.Lease(remote.filesystem, remote.inside(".lock"), "w", locks.Holder.here("other", "2"))
    create = one._create

    def late(epoch: int) -> bool:  # `one` has seen that the lock is stale; `other` takes it first
        monkeypatch.setattr(one, "_create", create)
        other.acquire(wait=True)
        return create(epoch)

    monkeypatch.setattr(one, "_create", late)
    monkeypatch.setattr(leases, "_STALE_SECONDS", 0.05)
    one.acquire(wait=True)  # waits again, then takes `other` for dead
    assert (other.epoch, one.epoch) == (2, 3)
    with pytest.raises(LostLockError):
        other.check()
    one.check()


@pytest.mark.parametrize(("name", "said"), [("out", "work_dir='"), ("in/.dedup-trash", "the trash '")])
def test_waiting_for_a_lock_of_a_store_is_said_at_once_with_its_limit(
    store: str, name: str, said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leases, "_POLL_SECONDS", 0.0)
    place = Place(f"{store}/{name}")
    killed = leases.Lease(place.filesystem, place.inside(".lock"), place.url, locks.Holder.here("an apply", "1"))
    killed.acquire(wait=False)
    assert caplog.messages == []
    monkeypatch.setattr(leases, "_STALE_SECONDS", 0.05)
    with hold(place, "an apply"):
        pass
    waiting, over = caplog.messages
    assert re.match(
        rf"the lock of {said}.* is held by another run \(an apply, process .*\): waiting at most 0 s", waiting
    )
    assert re.match(rf"the lock of {said}.* is taken over from a run that has died", over)


def test_a_holder_that_lives_is_not_taken_over(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(leases, "_BEAT_SECONDS", 0.01)
    work_dir = WorkDir(f"{store}/out")
    with hold(work_dir, "the first") as first:
        for _ in range(3):
            with pytest.raises(WorkDirError, match="in use"), hold(work_dir, "the second"):
                pass
        first.check()


def test_ctrl_c_when_the_lock_was_just_taken_gives_it_back(remote: WorkDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt), hold(remote, "a run"):
            pass
    monkeypatch.setattr(leases, "_STALE_SECONDS", 3600.0)  # a run that is not over would be waited for
    with hold(remote, "the next") as lock:
        assert lock.epoch == 2


def test_a_store_that_hides_what_was_written_is_an_error_and_not_an_endless_wait(remote: WorkDir) -> None:
    class Hiding(type(remote.filesystem)):  # type: ignore[misc]  # fsspec is untyped
        cachable = False

        def ls(self, path: str, detail: bool = True, **_: object) -> list[object]:
            raise FileNotFoundError(path)

    remote.filesystem = Hiding()
    with pytest.raises(WorkDirError, match="cannot be locked: the store does not show"), hold(remote, "a run"):
        pass


@pytest.mark.parametrize("is_published", [False, True])
def test_a_reader_on_a_store_notices_that_a_run_has_published(remote: WorkDir, is_published: bool) -> None:
    with generation(remote, "a run") as view:
        put(view, a=b"1")
    with hold(remote, "scoring", shared=True) as reading:
        reading.check()
    noticed = pytest.raises(LostLockError, match="has replaced the files") if is_published else nullcontext()
    with noticed, hold(remote, "scoring", shared=True), generation(remote, "another run") as view:
        if is_published:
            put(view, a=b"2")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc takes no folders")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/proc/w4/x", "cannot be created: No such file or directory"),
        ("{}/file", "is a file, and a folder is wanted"),
        ("{}/file/x", "cannot be created: Not a directory"),
    ],
)
def test_a_work_dir_that_cannot_be_a_folder_is_said_to_be_so(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "file").touch()
    refused = pytest.raises(WorkDirError, match=f"^work_dir='{name.format(tmp_path)}' {said}; name another$")
    with refused, hold(WorkDir(name.format(tmp_path)), "a run"):
        pass


def test_a_lock_beneath_is_not_opened_through_a_link_that_comes_at_the_last_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link comes when the check of the path is over."""
    victim, work_dir = tmp_path / "victim", WorkDir(str(tmp_path / "out"))
    victim.mkdir()
    (tmp_path / "out").mkdir()
    make = folders.make_folder

    def late(folder: Path) -> None:
        make(folder)
        if not (tmp_path / "out" / "turns").is_symlink():
            (tmp_path / "out" / "turns").symlink_to(victim)

    monkeypatch.setattr(folders, "make_folder", late)
    with pytest.raises(WorkDirError, match="is a link"), hold_beneath(work_dir, "turns", "a step"):
        pass
    assert not list(victim.iterdir())
