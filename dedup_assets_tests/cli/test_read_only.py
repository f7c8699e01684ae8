"""Folders on a mount that is read-only: the input may be one, and for a work_dir one line says so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dedup_assets_tests.support.pictures import photo_like, save_jpeg

MOUNT = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


def may_mount() -> bool:
    """Whether this user may mount folders in a namespace of their own."""
    if not shutil.which("unshare"):
        return False
    test = ["unshare", "-m", "bash", "-c", MOUNT, "bash", "/usr", "true"]
    return subprocess.run(test, capture_output=True, check=False).returncode == 0


def run_with_read_only(folder: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dedup_assets", "run", *arguments]
    line = ["unshare", "-m", "bash", "-c", MOUNT, "bash", str(folder), *command]
    environment = {**os.environ, "DAGSTER_HOME": "", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.skipif(not may_mount(), reason="only root may mount")
def test_a_read_only_mount_is_an_input_and_as_work_dir_refused_in_one_line(tmp_path: Path) -> None:
    for number in range(3):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number))
    done = run_with_read_only(tmp_path / "photos", "photos", "out", "--run-mode", "1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for work_dir in ("out", "out/new"):
        done = run_with_read_only(tmp_path / "out", "photos", work_dir, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "out" in done.stderr
        assert "Read-only file system" in done.stderr
    assert (tmp_path / "out" / "features.dat").exists()
