"""Folders on a mount that is read-only: the input may be one, and for a work_dir one line says so."""

import shutil
import subprocess
from pathlib import Path

import pytest

from dedup_assets_tests.support.killing import Outcome, Runner
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

CLONE_NEWNS = 0x00020000  # of linux/sched.h
MOUNT = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


def may_mount() -> bool:
    """Whether this user may mount folders in a namespace of their own."""
    if not shutil.which("unshare"):
        return False
    test = ["unshare", "-m", "bash", "-c", MOUNT, "bash", "/usr", "true"]
    return subprocess.run(test, capture_output=True, check=False).returncode == 0


def run_with_read_only(runner: Runner, folder: Path, *arguments: str, cwd: Path) -> Outcome:
    """Run with a folder that is read-only, in a namespace of its own, as `unshare -m` makes one."""
    script = f"""
import ctypes, subprocess, sys
assert ctypes.CDLL(None).unshare({CLONE_NEWNS}) == 0
for line in (["--make-rprivate", "/"], ["--bind", {str(folder)!r}, {str(folder)!r}],
             ["-o", "remount,bind,ro", {str(folder)!r}]):
    subprocess.run(["mount", *line], check=True)
sys.argv[1:] = ["run", *{arguments!r}]
from dedup_assets.__main__ import main
main()
"""
    return runner.script(script, cwd)


@pytest.mark.skipif(not may_mount(), reason="only root may mount")
def test_a_read_only_mount_is_an_input_and_as_work_dir_refused_in_one_line(
    command_line: Runner, tmp_path: Path
) -> None:
    for number in range(3):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number))
    done = run_with_read_only(command_line, tmp_path / "photos", "photos", "out", "--run-mode", "1", cwd=tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    for work_dir in ("out", "out/new"):
        done = run_with_read_only(command_line, tmp_path / "out", "photos", work_dir, cwd=tmp_path)
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
        assert "out" in done.stderr
        assert "Read-only file system" in done.stderr
    assert (tmp_path / "out" / "features.dat").exists()
