"""`run()` leaves its calling process as it was, and works or is refused with a reason wherever it is called."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import dagster as dg
import pytest

import dedup_assets
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.programs import finished

HOST = """
import gc, logging, os, random, signal, sys, threading, warnings
import faiss, dagster, polars, threadpoolctl  # the last one sets a variable when it is imported
import dedup_assets

def own_handler(number, frame): print("own handler")

def state():
    return {
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "filters": [kind for _, _, kind, *_ in warnings.filters if issubclass(kind, dagster.BetaWarning)],
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "random numbers": random.getstate(),
        "threads of faiss": faiss.omp_get_max_threads(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "handlers": logging.getLogger().handlers[:],
    }

signal.signal(signal.SIGTERM, own_handler)
faiss.omp_set_num_threads(3)
logging.basicConfig(filename="host.log", filemode="w", level=logging.WARNING)
logging.warning("before")
before = state()
assert dedup_assets.run("photos", "out") == 0
changed = {name for name, value in state().items() if value != before[name]}
logging.warning("after")
os.kill(os.getpid(), signal.SIGTERM)
print("changed:", changed)
"""
ENDS = """
import sys
import dedup_assets

class Log:
    def __init__(self):
        self.itself, self.file = self, open("own.txt", "w")

log = Log()
log.file.write("a line of the host")
if sys.argv[1] == "run":
    assert dedup_assets.run("photos", "out", run_mode=1) == 0
else:
    assert dedup_assets.analyze("photos", "out") is not None
"""
FORKS = """
import os, sys
import polars as pl
import dedup_assets, dedup_assets.api.host as host
host._PATIENCE_SECONDS = 2
pl.concat([pl.DataFrame({"a": range(1000)})] * 8).lazy().group_by("a").len().collect()
if sys.argv[1] == "after a run":
    assert dedup_assets.run("photos", "out", run_mode=1) == 0
child = os.fork()
if child == 0:
    os._exit(dedup_assets.run("photos", "out of child", run_mode=1))
print("code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four photographs in `photos`."""
    top = tmp_path_factory.mktemp("host")
    for number in range(4):
        save_jpeg(top / "photos" / f"{number}.jpg", photo_like(number))
    return top


def python(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return finished([sys.executable, "-W", "ignore", "-c", code, *arguments], folder)


def test_signals_logging_warnings_collector_and_threads_are_as_before(folder: Path) -> None:
    done = python(HOST, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["own handler", "changed: set()"]
    assert (folder / "host.log").read_text() == "WARNING:root:before\nWARNING:root:after\n"


@pytest.mark.parametrize("used", ["run", "analyze"])
def test_what_a_host_leaves_to_the_collector_is_written_out_at_its_end(used: str, folder: Path) -> None:
    done = python(ENDS, folder, used)
    assert done.returncode == 0, done.stderr
    assert (folder / "own.txt").read_text() == "a line of the host"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.parametrize("forked", ["after a run", "after the host used polars"])
def test_a_fork_whose_libraries_cannot_work_is_refused_in_one_line(forked: str, folder: Path) -> None:
    done = python(FORKS, folder, forked)
    assert done.stdout.splitlines()[-1] == "code 1", done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("dedup-assets: run() cannot work in this process: it is a fork of one")
    assert "'spawn'" in line


def test_runs_in_two_threads_take_their_turns(folder: Path, tmp_path: Path) -> None:
    codes: dict[str, int] = {}

    def run(name: str) -> None:
        codes[name] = dedup_assets.run(folder / "photos", tmp_path / name, run_mode=1, num_threads=1)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {"one": 0, "two": 0}


def test_a_run_works_inside_a_running_event_loop_without_a_warning(folder: Path, tmp_path: Path) -> None:
    async def main() -> int:
        code = dedup_assets.run(folder / "photos", tmp_path / "out", run_mode=1)
        await asyncio.sleep(0)  # the loop still runs
        return code

    assert asyncio.run(main()) == 0


def test_a_run_works_inside_a_dagster_op(folder: Path, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    @dg.op
    def deduplicate() -> int:
        return dedup_assets.run(folder / "photos", tmp_path / "out", run_mode=1)

    @dg.job
    def host() -> None:
        deduplicate()

    config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    done = host.execute_in_process(instance=instance, run_config=config)
    assert done.output_for_node("deduplicate") == 0
