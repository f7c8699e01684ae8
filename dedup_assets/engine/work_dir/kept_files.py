"""What a run keeps of the files of a store: where they are, and copies of what it has read or written.

A run holds its work_dir, so that nobody else replaces a file there. Without this module, each step and check would ask
for the same files and fetch them again. A copy has no name on the disk, so that it ends with the process.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Any

from dedup_assets.engine.work_dir.place import Facts, Place
from dedup_assets.engine.work_dir.writing import Content

_BY_DESCRIPTOR = Path("/proc/self/fd")  # opens a file once more, with a position of its own; Linux alone has it
_MOST_GENERATIONS = 4  # of runs that ended without a word
_generations: dict[tuple[Any, str], "KeptFiles"] = {}  # by filesystem and generation
_guard = threading.Lock()


@dataclass
class _Copy:
    descriptor: int
    sha256: str


class KeptFiles:
    """Facts and copies of files of one work_dir, for one run.

    Args:
        place: the work_dir, on a store.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._folders: dict[str, dict[str, Facts]] = {}
        self._copies: dict[str, _Copy] = {}
        self._lock = threading.RLock()

    def find(self, path: str) -> Facts | None:
        """Facts of a file, from one listing of its folder; None if there is none."""
        folder = path.rpartition("/")[0]
        with self._lock:
            if folder not in self._folders:
                listed: list[Facts] = []
                with suppress(FileNotFoundError, NotADirectoryError):
                    listed = self._place.filesystem.ls(folder, detail=True)
                files = (facts for facts in listed if facts["type"] == "file")
                self._folders[folder] = {PurePosixPath(facts["name"]).name: facts for facts in files}
            return self._folders[folder].get(path.rpartition("/")[2])

    def forget_facts(self) -> None:
        """List folders again when a file is asked for."""
        with self._lock:
            self._folders.clear()

    def add(self, path: str, descriptor: int, content: Content) -> None:
        """Keep what this run has written: an open descriptor, which is closed with this object."""
        with self._lock:
            folder, _, name = path.rpartition("/")
            if folder in self._folders:
                self._folders[folder][name] = {"name": path, "type": "file", "size": content.size_bytes}
            self._keep(path, _Copy(descriptor, content.sha256))

    def open(self, path: str, fetch: Callable[[], FileIO]) -> FileIO:
        """Open the copy of a file, which is fetched at the first time.

        Args:
            path: of the file in the store.
            fetch: gives an open local copy.
        """
        with self._lock:
            copy = self._copies.get(path)
            again = _opened_again(copy.descriptor) if copy is not None else None
            if again is not None:
                return again
            file = fetch()
            again = _opened_again(file.fileno())
            if again is None:
                return file
            self._keep(path, _Copy(os.dup(file.fileno()), ""))
            file.close()
            return again

    def sha256(self, path: str) -> str:
        """SHA-256 of a kept copy, in hex, which is computed once; empty if there is no copy."""
        with self._lock:
            copy = self._copies.get(path)
            file = _opened_again(copy.descriptor) if copy is not None else None
            if copy is None or file is None:
                return ""
            with file:
                copy.sha256 = copy.sha256 or hashlib.file_digest(file, "sha256").hexdigest()
            return copy.sha256

    def close(self) -> None:
        """Let go of all copies; files that are open or mapped stay usable."""
        with self._lock:
            for copy in self._copies.values():
                os.close(copy.descriptor)
            self._copies.clear()
            self._folders.clear()

    def _keep(self, path: str, copy: _Copy) -> None:
        former = self._copies.pop(path, None)
        if former is not None:
            os.close(former.descriptor)
        self._copies[path] = copy


def kept_files(place: Place, generation: str) -> KeptFiles | None:
    """What this process keeps for a run; None for a folder on a disk, and for readers outside of a run."""
    if place.is_local or not generation:
        return None
    key = (place.filesystem, generation)
    with _guard:
        if key not in _generations:
            while len(_generations) >= _MOST_GENERATIONS:
                _generations.pop(next(iter(_generations))).close()
            _generations[key] = KeptFiles(place)
        return _generations[key]


def forget_kept_files(place: Place, generation: str) -> None:
    """Let go of what is kept for a run, which has ended."""
    with _guard:
        kept = _generations.pop((place.filesystem, generation), None)
    if kept is not None:
        kept.close()


def _opened_again(descriptor: int) -> FileIO | None:
    try:
        return FileIO(str(_BY_DESCRIPTOR / str(descriptor)))
    except OSError:
        return None
