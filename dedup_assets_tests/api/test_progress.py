"""What a person sees of a run while it works: stages that tick off in a terminal, lines elsewhere."""

import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import dedup_assets
from dedup_assets.api import progress
from dedup_assets.api.progress import ConsoleProgress
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

pty = pytest.importorskip("pty")

Terminal = Callable[[int, str], object]
_SEQUENCE = re.compile(r"\x1b\[[?\d;]*[A-Za-z]")


@contextmanager
def terminal(patch: pytest.MonkeyPatch, columns: int = 100, term: str = "xterm") -> Iterator[list[str]]:
    """Let stderr be a terminal; after the block the list has what was written to it."""
    ours, theirs = pty.openpty()
    patch.setenv("TERM", term)
    patch.setenv("COLUMNS", str(columns))
    read: list[bytes] = []

    def keep_reading() -> None:
        while chunk := os.read(ours, 65536):
            read.append(chunk)
            if chunk.endswith(b"\0"):
                return

    reader = threading.Thread(target=keep_reading)
    reader.start()
    written: list[str] = []
    with os.fdopen(theirs, "w", encoding="utf-8") as stream, patch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        yield written
        stream.write("\0")
    reader.join()
    os.close(ours)
    written.append(b"".join(read).decode().rstrip("\0"))


def lines_left(written: str) -> list[str]:
    """The lines that stay, without those that were taken back."""
    plain = _SEQUENCE.sub("", written.replace("\x1b[2K", "\r"))
    return [line.rpartition("\r")[2] for line in plain.replace("\r\n", "\n").split("\n") if line.strip()]


def test_each_stage_of_a_run_ends_ticked_with_its_count_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number // 2), quality=95 - number)
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    with terminal(monkeypatch) as written:
        assert dedup_assets.run(tmp_path / "photos", tmp_path / "out") == 0
    *lines, last = [line for line in lines_left(written[0]) if line[0] in "✓✗"]
    stages = {re.split(r"  +", line[2:])[0]: re.split(r"  +", line)[1:] for line in lines}
    assert {name: found[0] for name, found in stages.items()} == {
        "listing images": "4 images",
        "reading images": "4 images",
        "noting bad images": "1 bad image",
        "building the index": "3 vectors",
        "searching neighbours": "3 similar pairs",
        "joining components": "1 component",
        "comparing pairs": stages["comparing pairs"][0],
        "forming groups": "1 group",
        "writing the gallery": "7 pages",
    }
    assert all(re.fullmatch(r"\d+\.\d s", found[1]) for found in stages.values())
    assert "1 bad" in stages["reading images"]
    assert re.fullmatch(r"✓ checking the results  +\d\d checks  \d+\.\d s", last)
    assert all("✗" not in line for line in lines)


@pytest.mark.parametrize("columns", [20, 38, 60, 200])
def test_no_line_is_longer_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, columns) as written, ConsoleProgress() as shown:
        shown.stage_begins("nearest_neighbors")
        shown.stage_ends("nearest_neighbors", {"similarity.pairs": 1_234_567})
        with shown.counting(10, "pairs"):
            shown.advance(4, 2)
        shown.stage_ends("evidence", {"evidence.compared_pairs": 4})
    found = lines_left(written[0])
    assert [line[:7] for line in found] == ["✓ searc", "✓ compa"]
    assert max(map(len, found)) <= columns
    assert columns == 20 or "1,234,567" in found[0]


def test_a_stage_that_an_error_ends_is_crossed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        with ConsoleProgress() as shown, shown.counting(10):
            shown.advance(3, 0)
            raise ZeroDivisionError

    with terminal(monkeypatch) as written, pytest.raises(ZeroDivisionError):
        fail()
    assert re.fullmatch(r"✗ reading images  +stopped  3 of 10 images  \d\.\d s", *lines_left(written[0]))


@pytest.mark.parametrize("name", ["NO_COLOR", "TERM"])
def test_a_terminal_without_colours_or_movement_gets_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1" if name == "NO_COLOR" else "")
    term = "dumb" if name == "TERM" else "xterm"
    with terminal(monkeypatch, term=term) as written, ConsoleProgress() as shown, shown.counting(2, "files"):
        shown.advance(2, 0)
    assert "\x1b[3" not in written[0]
    assert ("\x1b" in written[0]) == (name == "NO_COLOR")
    assert lines_left(written[0])[0].startswith("✓ verifying and moving files  2 files  ")


def test_without_a_terminal_a_line_says_how_far_a_run_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    with ConsoleProgress() as shown, shown.counting(4):
        shown.advance(3, 1)
    assert "dedup-assets: 3 of 4 images, 1 bad" in capsys.readouterr().err
