"""Tests in a browser are skipped where there is none, unless CI says that there must be one."""

from pathlib import Path

import pytest
from _pytest.outcomes import OutcomeException

from dedup_assets_tests.support.browsers import REQUIRED, open_browser


def outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, required: str) -> OutcomeException:
    """How a test ends that opens a browser where none is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(REQUIRED, required)
    with pytest.raises(OutcomeException, match="no browser on PATH") as caught, open_browser():
        pass
    return caught.value


def test_without_a_browser_its_tests_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(outcome(tmp_path, monkeypatch, ""), pytest.skip.Exception)


def test_without_a_browser_that_must_be_there_its_tests_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(outcome(tmp_path, monkeypatch, "1"), pytest.fail.Exception)
