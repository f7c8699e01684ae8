"""Folders that are made while others make and delete them."""

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from dedup_assets.engine.work_dir.folders import make_folder

CALLS = ("mkdir", "stat", "lstat")
"""What the system is asked of a folder that is to be made."""


def _others_make_and_delete(folder: Path, exists: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes make and delete a folder: it exists, or not, just before each call of the system."""

    def after(call: Callable[..., Any]) -> Callable[..., Any]:
        def first_another_process(*given: Any, **named: Any) -> Any:
            if exists:
                with suppress(FileExistsError, FileNotFoundError):
                    (real_mkdir if exists.pop(0) else os.rmdir)(folder)
            return call(*given, **named)

        return first_another_process

    real_mkdir = os.mkdir
    for name in CALLS:
        monkeypatch.setattr(os, name, after(getattr(os, name)))


def test_a_folder_is_made_whenever_others_make_and_delete_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, exists in enumerate(product((True, False), repeat=6)):
        folder = tmp_path / str(number)
        with monkeypatch.context() as patched:
            _others_make_and_delete(folder, list(exists), patched)
            make_folder(folder)
        assert folder.is_dir(), exists


def test_a_file_or_a_link_to_nothing_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for name in ("file", "link"):
        with pytest.raises(FileExistsError):
            make_folder(tmp_path / name)


def test_a_link_to_a_folder_is_that_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    make_folder(tmp_path / "link")
    make_folder(tmp_path / "link" / "inner" / "innermost")
    assert (tmp_path / "folder" / "inner" / "innermost").is_dir()
