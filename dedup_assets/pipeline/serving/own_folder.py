"""The temporary folder of a UI, which holds the socket of its code server. Those of killed UIs are deleted.

A UI keeps a file in its folder locked, and the lock ends with the process. A folder is deleted only if this user owns
it, it is an hour old, nothing but the two files is in it, and nobody holds the lock or answers at the socket.
"""

import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.folders import Folder, open_folder
from dedup_assets.engine.work_dir.writing import claim, is_abandoned

SOCKET = "code"
_PREFIX = "dedup-assets-ui-"
_OWNER = ".owner"
_OLD_SECONDS = 3600.0  # a UI that starts has made its folder and nothing in it yet


@contextmanager
def own_folder() -> Iterator[Path]:
    """A new temporary folder, deleted after the block. Folders of killed UIs beside it are deleted, too."""
    top = tempfile.gettempdir()
    with suppress(OSError, WorkDirError):
        _tidy(top)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with (folder / _OWNER).open("xb") as file:
            claim(file)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tidy(top: str) -> None:
    """Delete the folders of killed UIs. Windows does not say who owns a folder: there they stay."""
    if not hasattr(os, "getuid"):
        return
    with open_folder(top, top) as above:
        for name in above.names():
            if name.startswith(_PREFIX) and _is_old(above.facts(name)):
                with suppress(OSError, WorkDirError), open_folder(top, f"{top}/{name}") as folder:
                    if _has_ended(folder):
                        for each in folder.names():
                            folder.remove(each)
                        above.remove_empty(name)


def _is_old(facts: os.stat_result | None) -> bool:
    """Whether this user has a folder, no link, that was last changed some time ago."""
    return (
        facts is not None
        and stat.S_ISDIR(facts.st_mode)
        and facts.st_uid == os.getuid()
        and time.time() - facts.st_mtime > _OLD_SECONDS
    )


def _has_ended(folder: Folder) -> bool:
    """Whether a folder holds nothing but what a UI puts there, and none uses it."""
    names = folder.names()
    if not {SOCKET, _OWNER}.issuperset(names) or (_OWNER in names and not is_abandoned(folder, _OWNER)):
        return False
    found = folder.facts(SOCKET)
    return found is None or (stat.S_ISSOCK(found.st_mode) and not _answers(f"{folder.path}/{SOCKET}"))


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
    return True
