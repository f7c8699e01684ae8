"""Nothing is sent and nothing is written beside the results: not by a run, not by Dagster's own commands here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.places import ROOT

HELD = """
import time; begun = time.monotonic()
import dedup_assets
code = dedup_assets.run("photos", "out", num_threads=1)
time.sleep(max(0, 31 - (time.monotonic() - begun)))  # onnxruntime's first attempt comes after about 8 seconds
raise SystemExit(code)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photographs, and empty folders for the home and for temporary files."""
    for number in range(3):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number))
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    """A new user's, on a machine that is no CI."""
    return {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }


def test_a_run_of_half_a_minute_connects_nowhere_and_writes_its_results_alone(folder: Path) -> None:
    strace = shutil.which("strace")
    trace = [strace, "-f", "-qq", "-e", "trace=connect", "-o", str(folder / "trace")] if strace else []
    command = [*trace, sys.executable, "-c", HELD]
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list((folder / "home").rglob("*")) == []
    assert list((folder / "tmp").iterdir()) == []
    assert {path.name for path in folder.iterdir()} <= {"photos", "home", "tmp", "out", "trace"}
    if strace:
        lines = (folder / "trace").read_text().splitlines()
        assert [line for line in lines if "AF_INET" in line] == []


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
