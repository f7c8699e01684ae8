"""The command line in separate processes, and in new interpreters if the start is part of the claim."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

import dedup_assets
from dedup_assets.engine.core.settings import Settings
from dedup_assets_tests.support.deadly import busy_seconds, decoders_of, is_decoder
from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.programs import finished


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DAGSTER_HOME": ""}
    line = [sys.executable, "-m", "dedup_assets", *arguments]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(5):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number))
    save_jpeg(tmp_path / "photos" / "copy of 4.jpg", photo_like(4), quality=75)
    (tmp_path / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path / "photos"


def test_run_prints_a_summary_and_ends_with_0(photos: Path, tmp_path: Path) -> None:
    done = command("run", "photos", "out", "--threshold", "0.8", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    words = " ".join(done.stdout.split())
    assert "images good 6 images bad 1 similar pairs" in words
    assert "gallery:" in words
    assert (tmp_path / "out" / "gallery" / "index.html").exists()


def test_wrong_values_are_one_line_and_end_with_1(command_line: Runner, photos: Path, tmp_path: Path) -> None:
    done = command_line.run("run", "photos", "out", "--threshold", "2", "--distance", "hamming", cwd=tmp_path)
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "threshold=2.0: must be from 0 to 1" in done.stderr
    assert "squared_euclidean" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="streams of a POSIX shell")
@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", ">/dev/full", "| true"])
def test_a_run_whose_streams_take_nothing_succeeds(streams: str, photos: Path, tmp_path: Path) -> None:
    line = f'"$0" -m dedup_assets run photos out --run-mode 1 {streams}'
    environment = {**os.environ, "DAGSTER_HOME": ""}
    shell = ["bash", "-o", "pipefail", "-c", line, sys.executable]
    done = subprocess.run(shell, cwd=tmp_path, env=environment, capture_output=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "out" / "features.dat").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("line", ["--help", "run --help", "--version"])
def test_help_that_a_full_disk_refuses_is_one_line_with_1(line: str, tmp_path: Path) -> None:
    shell = ["bash", "-c", f'"$0" -m dedup_assets {line} >/dev/full', sys.executable]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "stdout takes no more" in done.stderr


def test_names_that_stdout_cannot_encode_are_printed_as_escapes(
    command_line: Runner, photos: Path, tmp_path: Path
) -> None:
    script = """
import sys
from dedup_assets.cli import main
sys.stdout.reconfigure(encoding="ascii", errors="strict")
main(["run", "photos", "wü", "--run-mode", "1"])
"""
    done = command_line.script(script, tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.endswith("results: w\\xfc\n")


def test_every_setting_is_an_option_that_says_what_it_does(command_line: Runner) -> None:
    shown = command_line.run("run", "--help").stdout
    for name in Settings.model_fields.keys() - {"input_dir", "work_dir", "version"}:
        assert f"--{name.replace('_', '-')}" in shown


def test_patterns_links_and_files_left_out_are_said_in_the_summary(
    command_line: Runner, photos: Path, tmp_path: Path
) -> None:
    (photos / "z.jpg").symlink_to(photos / "0.jpg")
    (photos / "notes.txt").write_text("words")
    patterns = ["--exclude", "*.png", "--exclude", "1.*", "--include", "*.jpg"]
    done = command_line.run("run", "photos", "out", "--run-mode", "1", *patterns, cwd=tmp_path)
    words = " ".join(done.stdout.split())
    assert "images good 5 images bad 0 images computed 5 other names of the same files 1" in words
    assert "left out: 2 excluded by pattern, 1 .txt" in words
    assert (tmp_path / "out" / "links.csv").read_text() == (
        f"filename,same_as,kind\n{photos}/z.jpg,{photos}/0.jpg,symlink\n"
    )


def test_without_a_terminal_no_progress_bar_is_written(command_line: Runner, photos: Path, tmp_path: Path) -> None:
    done = command_line.run("run", "photos", "out", "--run-mode", "1", cwd=tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")


def test_several_inputs_are_one_run(command_line: Runner, photos: Path, tmp_path: Path) -> None:
    save_jpeg(tmp_path / "more" / "6.jpg", photo_like(6))
    done = command_line.run("run", "photos", "more", "photos/0.jpg", "out", cwd=tmp_path)
    assert "images good 7" in " ".join(done.stdout.split()), done.stderr


def test_a_run_is_kept_in_the_history_of_dagster_home(command_line: Runner, photos: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = command_line.run("run", "photos", "out", "--run-mode", "1", cwd=tmp_path, dagster_home=str(home))
    assert done.exit_code == 0, done.said
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]


def test_a_dagster_home_that_is_no_folder_is_one_line(command_line: Runner, photos: Path, tmp_path: Path) -> None:
    done = command_line.run("run", "photos", "out", cwd=tmp_path, dagster_home="no-such-folder")
    assert done.exit_code == 1
    assert "DAGSTER_HOME='no-such-folder'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ctrl_c_ends_in_one_line_and_leaves_the_last_result_and_no_process(
    command_line: Runner, photos: Path, tmp_path: Path, slow_picture: Path
) -> None:
    assert command_line.run("run", "photos", "out", cwd=tmp_path).exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    slow = photos / "slow.png"
    slow.symlink_to(slow_picture)
    line = [sys.executable, "-m", "dedup_assets", "run", "photos", "out"]
    with subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        while not any(busy_seconds(pid) > 0.5 for pid in decoders_of(process.pid)):
            assert process.poll() is None
            time.sleep(0.1)
        decoders = decoders_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.startswith("dedup-assets: interrupted; ")
    assert said.count("\n") == 1
    assert not any(map(is_decoder, decoders))
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
    slow.unlink()
    assert command_line.run("run", "photos", "out", cwd=tmp_path).exit_code == 0


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("dedup_assets.cli", "interrupted before anything was done"),
        ("pydantic", "interrupted before anything was done"),
        ("dagster", "interrupted; the last good result is unchanged; run the same command again to go on"),
        ("an extension", "interrupted; the last good result is unchanged; run the same command again to go on"),
        ("the end", "interrupted while it ended"),
    ],
)
def test_a_signal_that_comes_during_an_import_or_at_the_end_is_one_line(
    photos: Path, tmp_path: Path, module: str, said: str, number: signal.Signals
) -> None:
    script = f"""
import atexit, os, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "dagster" and {module!r} == "an extension":
            os.kill(os.getpid(), {int(number)})
            raise ImportError("initialization failed")
        if name == {module!r}:
            os.kill(os.getpid(), {int(number)})
        if name == "dedup_assets.cli" and {module!r} == "the end":
            atexit.register(os.kill, os.getpid(), {int(number)})

sys.meta_path.insert(0, Interrupting())
from dedup_assets.__main__ import main
main()
"""
    line = [sys.executable, "-c", script, "run", "photos", "out", "--run-mode", "1"]
    environment = {**os.environ, "DAGSTER_HOME": ""}
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (130, f"dedup-assets: {said}\n")


def test_an_interrupt_after_the_results_were_published_says_so(
    command_line: Runner, photos: Path, tmp_path: Path
) -> None:
    script = """
import os, signal, sys

from dedup_assets.__main__ import main
from dedup_assets.api import console
console.print_summary = lambda *_: os.kill(os.getpid(), signal.SIGINT)
sys.argv[1:] = ["run", "photos", "out", "--run-mode", "1"]
main()
"""
    done = command_line.script(script, tmp_path)
    assert done.exit_code == 130
    assert done.stderr.startswith("dedup-assets: interrupted while the new result was published; it is complete")
    assert (tmp_path / "out" / "features.dat").exists()


@pytest.mark.skipif(os.name != "posix", reason="links to packages")
def test_a_checkout_that_is_not_installed_runs_and_explains_errors(photos: Path, tmp_path: Path) -> None:
    """Its libraries are those of this interpreter, without the record that names this package."""
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for name in {Path(place).resolve() for place in sys.path if place.endswith("-packages")}:
        for path in name.iterdir():
            if "dedup_assets" not in path.name and not (libraries / path.name).exists():
                (libraries / path.name).symlink_to(path)
    checkout = Path(dedup_assets.__path__[0]).parent
    line = [sys.executable, "-S", "-m", "dedup_assets"]
    for arguments in (["run", "photos", "out"], ["--version"], ["query", "photos/1.jpg", "out"]):
        done = finished([*line, *arguments], tmp_path, [checkout, libraries])
        assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "onnxruntime.py").write_text("")
    done = finished([*line, "run", "photos", "other"], tmp_path, [checkout, libraries])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "PackageNotFoundError" not in done.stderr
