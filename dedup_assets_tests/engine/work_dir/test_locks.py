"""One run at a time on a work_dir; the lock of a dead one holds nobody up; readers do not exclude one another."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir import WorkDir, leases
from dedup_assets.engine.work_dir.holding import hold

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
    monkeypatch.setattr(leases, "_BEAT_SECONDS", 0.05)  # a lock is stale no sooner than usual: a beat may be late
    return str(tmp_path / "out") if request.param == "local" else f"{store}/out"


def test_a_second_run_is_refused_with_the_name_of_the_first(url: str) -> None:
    refused = pytest.raises(WorkDirError, match=rf"in use by another run \(the first, process {os.getpid()} on ")
    with hold(WorkDir(url), "the first"), refused, hold(WorkDir(url), "the second"):
        pass
    with hold(WorkDir(url), "the third"):
        pass


def test_a_second_run_that_waits_begins_when_the_first_ends(url: str) -> None:
    order = []

    def second() -> None:
        with hold(WorkDir(url), "the second", wait=True):
            order.append("second")

    with hold(WorkDir(url), "the first"):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.3)
        order.append("first")
    waiting.join(60)
    assert order == ["first", "second"]


def test_processes_of_one_run_do_not_exclude_one_another(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    with hold(work_dir, "a step", run="1"), hold(work_dir, "another step", run="1"):
        pass


def test_readers_keep_writers_out_and_not_one_another(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    refused = pytest.raises(WorkDirError, match="in use by another run")
    one, other = hold(work_dir, "scoring", shared=True), hold(work_dir, "scoring", shared=True)
    with one, other, refused, hold(work_dir, "a run"):
        pass
    refused = pytest.raises(WorkDirError, match=r"in use by another run \(a run, process")
    with hold(work_dir, "a run"), refused, hold(work_dir, "scoring", shared=True):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


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
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_only_one_of_many_that_come_at_once_gets_the_lock_at_a_time(url: str) -> None:
    inside, most, errors = [0], [0], []

    def come() -> None:
        try:
            with hold(WorkDir(url), "one of many", wait=True):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.002)
                inside[0] -= 1
        except Exception as error:  # noqa: BLE001 - told by the assertion
            errors.append(error)

    threads = [threading.Thread(target=come) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most, errors) == ([1], [])


# On a store, where nothing ends with the process


def test_a_lock_that_nobody_renews_is_taken_over_whatever_its_clock_says(
    url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_STALE_SECONDS", 0.5)
    work_dir = WorkDir(url)
    if work_dir.is_local:
        pytest.skip("locks of local disks end with their process")
    body = b'{"doing": "a dead run", "host": "h", "pid": 1, "since": "2099-01-01", "run": "1", "token": "1"}'
    work_dir.filesystem.pipe_file(work_dir.inside(".lock"), body)
    begun = time.monotonic()
    with hold(work_dir, "the next"):
        assert time.monotonic() - begun > 0.4
    assert "a dead run, process 1 on h" in caplog.text


def test_a_run_whose_lock_was_taken_over_is_told_before_it_publishes(url: str) -> None:
    work_dir = WorkDir(url)
    if work_dir.is_local:
        pytest.skip("locks of local disks cannot be taken over")
    with hold(work_dir, "a run that slept") as lock:
        lock.check()
        work_dir.filesystem.pipe_file(work_dir.inside(".lock"), b'{"token": "of another"}')
        end = time.monotonic() + 60
        with pytest.raises(WorkDirError, match="another one has taken over"):  # noqa: PT012 - once it has looked
            while time.monotonic() < end:
                lock.check()
                time.sleep(0.01)
    assert work_dir.exists(".lock")
