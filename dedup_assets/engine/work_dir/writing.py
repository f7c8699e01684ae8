"""Writing one file: under a temporary name until it is complete, and recognised as abandoned if its writer dies."""

import errno
import hashlib
import io
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from dedup_assets.engine.work_dir.folders import ATTEMPTS, Folder

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be deleted, which serves as well
    fcntl = None  # type: ignore[assignment]

_COPY_BYTES = 16 << 20
_ONE_REQUEST_BYTES = 5 << 20
_MARK = "dedup-assets.tmp"
TEMPORARY = re.compile(rf"\..+\.[0-9a-f]{{32}}\.{re.escape(_MARK)}")
"""Names of files and folders that this package has begun to write."""

Complete = Callable[[], Callable[[], object]]
"""Finishes a staged file, so that publishing it needs no more disk space; returns a function that makes it appear."""


@dataclass(frozen=True)
class Content:
    """Size of a written file, and SHA-256 of its content, in hex."""

    size_bytes: int
    sha256: str


class Output(io.BufferedIOBase, BinaryIO):
    """A file being written. It counts and hashes its bytes, and keeps the first error, which libraries would wrap.

    Args:
        file: open for writing.
        label: name of the file in its work_dir.
    """

    def __init__(self, file: BinaryIO, label: str) -> None:
        self.label = label
        self.failure: OSError | None = None
        self._file = file
        self._size = 0
        self._sha256 = hashlib.sha256()

    @property
    def content(self) -> Content:
        """Size and hash of what was written so far."""
        return Content(self._size, self._sha256.hexdigest())

    def duplicate(self) -> int:
        """A descriptor of the same open file, which stays open when this one is closed."""
        return os.dup(self._file.fileno())

    def writable(self) -> bool:
        """Always true."""
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        """Append bytes."""
        try:
            written = self._file.write(data)
        except OSError as error:
            self.failure = self.failure or error
            raise
        self._sha256.update(data)
        self._size += written
        return written

    def flush(self) -> None:
        """Pass buffered bytes to the system."""
        if not self._file.closed:
            try:
                self._file.flush()
            except OSError as error:
                self.failure = self.failure or error
                raise

    def close(self) -> None:
        """Leave the file open: libraries close what they are given, and its owner still needs it."""


def stage_local(folder: Folder, name: str, undo: ExitStack) -> tuple[BinaryIO, Complete]:
    """Open a temporary file beside its place.

    It is locked while its writer lives, so that others can recognise the file of a killed process (`is_abandoned`).

    Args:
        folder: the folder of both; it stays open until the file is complete.
        name: of the complete file.
        undo: closes and deletes the temporary file.
    """
    temporary, file = _open_claimed(folder, name)
    undo.callback(_remove_quietly, folder, temporary)
    undo.callback(_close_quietly, file)

    def complete() -> Callable[[], object]:
        file.flush()
        os.fsync(file.fileno())
        if fcntl is None:
            file.close()
        return lambda: folder.rename(temporary, folder, name)

    return file, complete


def temporary_name(name: str) -> str:
    """A name for the unfinished file or folder that gets `name`; it shows that this package has begun it."""
    return f".{name[:100]}.{uuid.uuid4().hex}.{_MARK}"


def _open_claimed(folder: Folder, name: str) -> tuple[str, BinaryIO]:
    for _ in range(ATTEMPTS):
        temporary = temporary_name(name)
        file = os.fdopen(folder.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb")
        claim(file)
        if os.fstat(file.fileno()).st_nlink or fcntl is None:  # else another process deleted it before the lock
            return temporary, file
        file.close()
    raise OSError(errno.EBUSY, "another process deletes files while they are written", f"{folder.path}/{name}")


def _remove_quietly(folder: Folder, name: str) -> None:
    with suppress(FileNotFoundError):
        folder.remove(name)


def _close_quietly(file: BinaryIO) -> None:
    with suppress(OSError):  # a full disk was reported by the write already
        file.close()


def stage_remote(filesystem: Any, path: str, undo: ExitStack) -> tuple[BinaryIO, Complete]:  # noqa: ANN401 - fsspec
    """Open a local file without a name; its content is then uploaded, and appears on the store when the upload ends.

    A small file is uploaded with one request, because each request takes long; others are uploaded in parts.
    """
    file: BinaryIO = undo.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by undo

    def complete() -> Callable[[], object]:
        from fsspec.asyn import AsyncFileSystem

        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size <= _ONE_REQUEST_BYTES and isinstance(filesystem, AsyncFileSystem):  # others may write piece by piece
            return partial(filesystem.pipe_file, path, file.read())
        remote = filesystem.open(path, "wb", autocommit=False)
        try:
            shutil.copyfileobj(file, remote, _COPY_BYTES)
            remote.close()
        except BaseException:
            remote.discard()
            raise
        return remote.commit  # type: ignore[no-any-return]  # fsspec is untyped

    return file, complete


def claim(file: BinaryIO) -> None:
    """Mark a file as in use while it is open and this process lives."""
    if fcntl is not None:
        with suppress(OSError):  # a filesystem without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_abandoned(folder: Folder, name: str) -> bool:
    """Whether no living process has claimed a file; False if that cannot be known."""
    try:
        with os.fdopen(folder.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        return False


def remove_abandoned(folder: Folder) -> int:
    """Delete the temporary files of dead writers in one folder; returns their number."""
    stale = [name for name in folder.names() if TEMPORARY.fullmatch(name) and is_abandoned(folder, name)]
    for name in stale:
        with suppress(OSError):
            folder.remove(name)
    return len(stale)


def move(source: Folder, name: str, target: Folder, new_name: str) -> None:
    """Put a complete file in its place, whole at every moment. The place may be on another disk (a mounted folder)."""
    try:
        source.rename(name, target, new_name)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with ExitStack() as undo, os.fdopen(source.open(name, os.O_RDONLY), "rb") as content:
            file, complete = stage_local(target, new_name, undo)
            shutil.copyfileobj(content, file, _COPY_BYTES)
            complete()()
        source.remove(name)
