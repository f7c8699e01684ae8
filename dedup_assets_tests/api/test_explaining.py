"""Limits of a process and modules that hide others are explained in a sentence, never as "internal error"."""

import errno
import os
import sys
import tempfile
from pathlib import Path

import pytest

import dedup_assets
from dedup_assets.api.explaining import explain
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.programs import finished

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits of POSIX processes")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("limits") / "photos"
    for number in range(4):
        save_jpeg(folder / f"{number}.jpg", photo_like(number))
    return folder


def run_in_shell(before: str, photos: Path, folder: Path) -> str:
    """Run the command line after shell commands such as `ulimit`; return its one line on stderr."""
    line = f'{before}; exec "$0" -m dedup_assets run "$1" out'
    done = finished(["bash", "-c", line, sys.executable, str(photos)], folder)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    said = done.stderr
    assert "internal error" not in said
    return said


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("ulimit -f 20", "ulimit -f"),
        ("ulimit -n 20", "ulimit -n"),
    ],
)
def test_a_limit_of_the_process_is_named_with_what_to_do(before: str, said: str, photos: Path, tmp_path: Path) -> None:
    assert said in run_in_shell(before, photos, tmp_path)


@pytest.mark.parametrize("content", ["wrong = 1", "raise AttributeError('wrong')"])
def test_a_module_that_hides_a_library_is_named(content: str, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "polars.py").write_text(content)
    assert f"{str(tmp_path / 'polars.py')!r} hides the module 'polars'" in run_in_shell("true", photos, tmp_path)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "full", "/full/x"), "'/full/x': no space is left"),
        (OSError("Too many open files (os error 24)"), "ulimit -n"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (OSError(errno.ENOENT, "gone", "/x"), ""),
        (ValueError("a defect"), ""),
        (AttributeError("a defect"), ""),
    ],
)
def test_what_is_no_condition_of_the_surroundings_stays_unexplained(error: Exception, said: str) -> None:
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = error
    for each in (error, wrapped):
        assert explain(each) == "" if not said else said in explain(each)


def test_a_working_folder_that_is_gone_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert dedup_assets.run("photos", "out") == 1
    assert "the working folder of this process no longer exists" in capsys.readouterr().err


def test_without_a_temporary_folder_the_message_says_what_to_set(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "no such folder")])
    assert dedup_assets.run(photos, tmp_path / "out") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no temporary folder can be written" in line
    assert "set TMPDIR" in line
