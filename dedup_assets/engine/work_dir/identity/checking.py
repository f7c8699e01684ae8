"""Whether a file is still the one that was recorded. Its content decides, not its time, size or ETag.

Every reading of a result is checked. A file of up to `ALWAYS_HASHED_BYTES` is hashed each time. All files of a run on
25,000 images are below that limit, and hashing them takes a tenth of a second. A larger file is hashed only if it may
have changed since it was published: if its inode's change time (ctime) is later than that of config.json. A run moves
config.json into place last, so the ctime of an untouched file is never later. Writing to a file or replacing it sets
its ctime, and a program cannot set the ctime back, as it can the mtime. Before config.json is replaced, the files that
stay recorded in it are compared once more (`find_changed`), because its new ctime would vouch for them. Files on a
store are always hashed, because they are fetched anyway. Files on Windows are too, because Windows has no ctime.

A disk error below the file system does not change the ctime. A large file that was written more than `TRUSTED_SECONDS`
ago is therefore hashed, too, but only once by each process: 3 GB take a few seconds. In younger large files such an
error stays unseen. A copy or restored backup of a work_dir is hashed once by each process until a run writes its
config.json again.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO, TypeVar

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.own_files import CONFIG
from dedup_assets.engine.work_dir.identity.config import Config, FileRecord, Result, read_config
from dedup_assets.engine.work_dir.place import Place
from dedup_assets.engine.work_dir.view import View

ALWAYS_HASHED_BYTES = 64 << 20
TRUSTED_SECONDS = 30 * 24 * 3600.0
"""Age of a large file from which on it is hashed even if its inode is unchanged."""

_BLOCK_BYTES = 1 << 20
_ATTEMPTS = 5  # another run may publish between reading the record and opening the file
_HAS_CHANGE_TIME = sys.platform != "win32"
_found_intact: set[tuple[int, ...]] = set()  # large files that this process has hashed, by inode, size and change time
File = TypeVar("File", bound=BinaryIO)


class ChangedFileError(WorkDirError):
    """A file is not what was recorded when it was written."""


@contextmanager
def open_checked(work_dir: View, name: str) -> Iterator[BinaryIO]:
    """Open a file of a result, as `WorkDir.open` does, after comparing it with its record in config.json.

    A file without a record is opened without a check.

    Raises:
        ChangedFileError: its content differs from the record.
        WorkDirError: it cannot be read.
    """
    with _opened(work_dir, name, lambda: work_dir.open(name)) as file:
        yield file


@contextmanager
def open_checked_local(work_dir: View, name: str) -> Iterator[FileIO]:
    """As `open_checked`, for `WorkDir.open_local`."""
    with _opened(work_dir, name, lambda: work_dir.open_local(name)) as file:
        yield file


def is_intact(work_dir: View, result: Result) -> bool:
    """Whether a result has files, and each exists with the recorded content."""
    return bool(result.files) and all(_is_there(work_dir, name) for name in result.files)


def sha256_of(work_dir: View, name: str) -> str:
    """SHA-256 of a file's content, in hex: the recorded one, or a new one for a file without a record.

    The recorded one is returned without a look at the file; `open_checked` compares the two.

    Raises:
        WorkDirError: it cannot be read.
    """
    if recorded := recorded_file(read_config(work_dir), name):
        return recorded.sha256
    with work_dir.open_local(name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded_file(config: Config, name: str) -> FileRecord | None:
    """What is recorded about a file; None if nothing is."""
    return next((result.files[name] for result in config.results.values() if name in result.files), None)


def find_changed(place: Place, results: dict[str, Result]) -> list[str]:
    """Names of the results with a file that differs from its record.

    Only large local files are compared, because the ctime of a new config.json would vouch for them. All others are
    hashed whenever they are read.
    """
    if not place.is_local:
        return []
    large = {
        name: [(Path(place.inside(file)), known) for file, known in record.files.items() if _is_large(known)]
        for name, record in results.items()
    }
    return [name for name, files in large.items() if any(_has_changed(place, *file) for file in files)]


def _is_large(recorded: FileRecord) -> bool:
    return recorded.size_bytes > ALWAYS_HASHED_BYTES


def _has_changed(place: Place, path: Path, recorded: FileRecord) -> bool:
    try:
        with path.open("rb") as file:
            return not _is_vouched_for(place, file) and not _has_content_on_disk(file, recorded)
    except OSError:
        return False  # the file is gone, which reading reports


def _is_there(work_dir: View, name: str) -> bool:
    try:
        with open_checked_local(work_dir, name):
            return True
    except WorkDirError:
        return False


@contextmanager
def _opened(work_dir: View, name: str, open_file: Callable[[], AbstractContextManager[File]]) -> Iterator[File]:
    recorded = recorded_file(read_config(work_dir), name)
    for _ in range(_ATTEMPTS):
        with open_file() as file:
            if recorded is None or _is_as_recorded(work_dir, name, file, recorded):
                yield file
                return
        former, recorded = recorded, recorded_file(read_config(work_dir), name)
        if recorded == former:
            break
    raise ChangedFileError(
        f"{work_dir.path(name)!r} is not the file that this tool wrote: its SHA-256 differs from the one in {CONFIG}; "
        "make it again with run_mode=0; to use a file that you changed, copy it to another folder"
    )


def _is_as_recorded(work_dir: View, name: str, file: BinaryIO, recorded: FileRecord) -> bool:
    if _size(file) != recorded.size_bytes:
        return False
    if kept := work_dir.kept_sha256(name):
        return kept == recorded.sha256
    if not work_dir.is_local:
        return _has_content(file, recorded)
    is_vouched_for = _is_large(recorded) and (work_dir.wrote(name) or _is_vouched_for(work_dir, file))
    return is_vouched_for or _has_content_on_disk(file, recorded)


def _size(file: BinaryIO) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def _has_content(file: BinaryIO, recorded: FileRecord) -> bool:
    """Whether the content is the recorded one; the file is at its start before and afterwards."""
    sha = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        sha.update(block)
    file.seek(0)
    return sha.hexdigest() == recorded.sha256


def _has_content_on_disk(file: BinaryIO, recorded: FileRecord) -> bool:
    """As `_has_content`, for a file on a disk; a large one is remembered."""
    is_intact = _has_content(file, recorded)
    if is_intact and _is_large(recorded) and _HAS_CHANGE_TIME:
        _found_intact.add(inode_of(file))
    return is_intact


def _is_vouched_for(place: Place, file: BinaryIO) -> bool:
    """Whether a local file needs no hashing: this process has hashed it, or it is young and untouched."""
    if not _HAS_CHANGE_TIME:
        return False
    try:
        published = Path(place.inside(CONFIG)).stat()
    except OSError:
        return False
    changed_ns = os.fstat(file.fileno()).st_ctime_ns
    is_young = time.time() - changed_ns / 1e9 <= TRUSTED_SECONDS
    return (is_young and changed_ns <= published.st_ctime_ns) or inode_of(file) in _found_intact


def inode_of(file: BinaryIO) -> tuple[int, ...]:
    """What tells an open file from any other, and from itself after a change: device, inode, size and change time."""
    facts = os.fstat(file.fileno())
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_ctime_ns
