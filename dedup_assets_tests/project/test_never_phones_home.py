"""Nothing is sent and nothing is written beside the results: not by a run, not by Dagster's own commands here."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.places import ROOT

_SECONDS = 20
"""onnxruntime's first attempt comes after about 8 seconds."""
HELD = f"""
import time; begun = time.monotonic()
import dedup_assets
code = dedup_assets.run("photos", "out", num_threads=1)
time.sleep(max(0, {_SECONDS} - (time.monotonic() - begun)))
raise SystemExit(code)
"""


def fill(folder: Path) -> Path:
    """Put three photographs, and empty folders for the home and for temporary files, into a folder."""
    for number in range(3):
        save_jpeg(folder / "photos" / f"{number}.jpg", photo_like(number))
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path)


@dataclass
class LongRun:
    """A run whose process stays for a while.

    Attributes:
        folder: where it runs.
        process: the run, or the tracer that started it.
        is_traced: whether `trace` in the folder has its connections.
    """

    folder: Path
    process: subprocess.Popen[str]
    is_traced: bool


@pytest.fixture(scope="module", autouse=True)
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LongRun]:
    """It goes on while the other tests of this module run."""
    folder = fill(tmp_path_factory.mktemp("long"))
    strace = shutil.which("strace")
    trace = [strace, "-f", "-qq", "-e", "trace=connect", "-o", str(folder / "trace")] if strace else []
    process = subprocess.Popen(
        [*trace, sys.executable, "-c", HELD], cwd=folder, env=environment(folder), stderr=subprocess.PIPE, text=True
    )
    with process:
        yield LongRun(folder, process, bool(strace))
        process.kill()


def environment(folder: Path) -> dict[str, str]:
    """A new user's, on a machine that is no CI."""
    return {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }


@pytest.mark.parametrize("named", [False, True], ids=["without DAGSTER_HOME", "with DAGSTER_HOME"])
def test_a_run_leaves_no_usage_data_of_dagster(named: bool, folder: Path) -> None:
    (folder / "dagster").mkdir()
    home = {"DAGSTER_HOME": str(folder / "dagster")} if named else {}
    command = [sys.executable, "-m", "dedup_assets", "run", "photos", "out", "--run-mode", "1"]
    subprocess.run(command, cwd=folder, env=environment(folder) | home, capture_output=True, timeout=100, check=True)
    assert list((folder / "home").rglob("*")) == []
    assert not (folder / "dagster" / "logs" / "event.log").exists()


def test_dagsters_own_commands_in_a_checkout_leave_no_usage_data(folder: Path) -> None:
    for name in ("dagster.yaml", ".env"):
        shutil.copy(ROOT / name, folder / name)
    run_config = '{"resources": {"settings": {"config": {"input_dir": "photos", "work_dir": "out"}}}}'
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "-m", "dedup_assets.definitions"]
    command += ["--select", "image_manifest", "--config-json", run_config]
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list((folder / "home").rglob("*")) == []


def test_a_run_connects_nowhere_for_20_seconds_and_writes_its_results_alone(long_run: LongRun) -> None:
    _, said = long_run.process.communicate(timeout=100)
    folder = long_run.folder
    assert long_run.process.returncode == 0, said
    assert list((folder / "home").rglob("*")) == []
    assert list((folder / "tmp").iterdir()) == []
    assert {path.name for path in folder.iterdir()} <= {"photos", "home", "tmp", "out", "trace"}
    if long_run.is_traced:
        lines = (folder / "trace").read_text().splitlines()
        assert [line for line in lines if "AF_INET" in line] == []
