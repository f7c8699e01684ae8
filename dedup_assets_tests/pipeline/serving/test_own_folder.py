"""Folders of killed UIs are deleted, and nothing else of their name."""

import os
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from dedup_assets.engine.work_dir.writing import claim
from dedup_assets.pipeline.serving.own_folder import own_folder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sockets with names, and owners of folders")


def make(top: Path, name: str, *files: str, is_old: bool = True) -> Path:
    folder = top / f"dedup-assets-ui-{name}"
    folder.mkdir()
    for each in files:
        (folder / each).touch()
    if is_old:
        os.utime(folder, (time.time() - 7200,) * 2)
    return folder


def listen(folder: Path, held: ExitStack) -> socket.socket:
    code = held.enter_context(socket.socket(socket.AF_UNIX))
    code.bind(str(folder / "code"))
    code.listen()
    os.utime(folder, (time.time() - 7200,) * 2)
    return code


def test_only_folders_of_uis_that_are_gone_are_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as short, ExitStack() as held:  # the path of a socket has 107 bytes at most
        top = Path(short)
        monkeypatch.setattr(tempfile, "tempdir", short)
        make(top, "killed", ".owner")
        make(top, "empty")
        listen(make(top, "dead socket", ".owner"), held).close()
        listen(make(top, "dead socket of an earlier version"), held).close()
        listen(make(top, "of an earlier version"), held)
        claim(held.enter_context((make(top, "alive", ".owner") / ".owner").open("wb")))
        make(top, "new", is_old=False)
        make(top, "of others", "notes.txt")
        make(top, "a file in place of the socket", "code")
        (top / "elsewhere").mkdir()
        os.utime(top / "elsewhere", (time.time() - 7200,) * 2)
        (top / "dedup-assets-ui-link").symlink_to(top / "elsewhere")
        with own_folder() as folder:
            there = {path.name.removeprefix("dedup-assets-ui-") for path in top.iterdir() if path != folder}
            assert list(folder.iterdir()) == [folder / ".owner"]
        assert there == {
            *(
                "of an earlier version",
                "alive",
                "new",
                "of others",
                "a file in place of the socket",
                "elsewhere",
                "link",
            )
        }
        assert not folder.exists()
