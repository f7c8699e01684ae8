"""A work_dir wherever it lies: files that appear whole or not at all, on local disks and object stores."""

import os
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import fsspec

from dedup_assets.engine.errors import WorkDirError
from dedup_assets.engine.stores import open_store

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FEATURES = "features.dat"
_COPY_BYTES = 16 << 20

_Complete = Callable[[], Callable[[], object]]
"""Finishes a staged file, so that nothing more can fail for want of space; returns what makes it appear."""


class WorkDir:
    """The folder (or fsspec URL) that holds the results of a run.

    Args:
        url: the folder; or the path of a stored feature file in it (RUN.md, run_mode 2), which then stands in for
            features.dat. Nothing is created until something is written.
    """

    def __init__(self, url: str) -> None:
        if not url:
            raise WorkDirError("work_dir='': name a folder or a URL")
        self.is_local = "://" not in url or url.startswith(("file://", "local://"))
        self._fs, path = _open_store(url)
        self.features_name = ""
        if path.endswith(".dat") and self._fs.isfile(path):
            path, self.features_name = str(PurePosixPath(path).parent), PurePosixPath(path).name
        self._root = path
        self.url = path if self.is_local else self._fs.unstrip_protocol(path)

    def path(self, name: str) -> str:
        """Full path or URL of a file, as a user would type it."""
        return f"{self.url.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        """Whether a file stands here."""
        with self._answering(name):
            return bool(self._fs.exists(self._inside(name)))

    def find(self, *names: str) -> str | None:
        """The first of these names that stands here: documented name first, then what fastdup calls it."""
        return next((name for name in names if self.exists(name)), None)

    def require(self, *names: str, remedy: str) -> str:
        """The first of these names that stands here.

        Raises:
            WorkDirError: none does; the message ends with the remedy.
        """
        if (found := self.find(*names)) is None:
            raise WorkDirError(f"work_dir={self.url!r} has no {' or '.join(names)}; {remedy}")
        return found

    def names(self, folder: str) -> list[str]:
        """Sorted names of the files directly in a sub-folder; none where it does not exist."""
        try:
            with self._answering(folder):
                listed: list[dict[str, Any]] = self._fs.ls(self._inside(folder), detail=True)
        except FileNotFoundError:
            return []
        return sorted(PurePosixPath(entry["name"]).name for entry in listed if entry["type"] == "file")

    def folders(self) -> list[str]:
        """Sorted names of the sub-folders, hidden ones left out; none where this folder does not exist."""
        try:
            listed: list[dict[str, Any]] = self._fs.ls(self._root, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        names = {PurePosixPath(entry["name"]).name for entry in listed if entry["type"] == "directory"}
        return sorted(name for name in names if not name.startswith("."))

    def within(self, folder: str) -> "WorkDir":
        """A sub-folder as a work_dir of its own; nothing is created."""
        return WorkDir(self.path(folder))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes of ours that ask for this out meanwhile; on a local disk only (stores have no locks)."""
        if not self.is_local or fcntl is None:
            yield
            return
        Path(self._root).mkdir(parents=True, exist_ok=True)
        with Path(self._inside(".lock")).open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def size(self, name: str) -> int:
        """Size of a file in bytes."""
        with self._answering(name):
            return int(self._fs.size(self._inside(name)))

    def remove(self, name: str) -> None:
        """Delete a file; nothing happens where there is none."""
        with suppress(FileNotFoundError), self._answering(name):
            self._fs.rm_file(self._inside(name))

    def remove_folder(self, name: str) -> None:
        """Delete a folder with all that is in it; nothing happens where there is none."""
        with suppress(FileNotFoundError), self._answering(name):
            self._fs.rm(self._inside(name), recursive=True)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Read a file.

        Raises:
            WorkDirError: it cannot be opened.
        """
        try:
            with self._answering(name):
                file = self._fs.open(self._inside(name), "rb")
        except OSError as error:
            raise WorkDirError(f"cannot read {self.path(name)!r}: {error.strerror or error}") from None
        with file:
            yield file

    def local(self, name: str) -> Path:
        """A local path with the content of a file: itself, or a copy that lives as long as this object."""
        if self.is_local:
            return Path(self._inside(name))
        copy = self._copies / f"{uuid.uuid4().hex}-{PurePosixPath(name).name}"
        with self._answering(name):
            self._fs.get_file(self._inside(name), str(copy))
        return copy

    @contextmanager
    def publish(self, *names: str) -> Iterator[tuple[BinaryIO, ...]]:
        """Write files that belong together: all appear at the end of the block, in this order, or none does.

        Each is written under a temporary name beside its place (on a store: as an upload that is not completed), so
        that an error, a crash or a full disk leaves what stood here before: all are complete before the first appears.
        Readers take the last name as the sign that all are there.

        Raises:
            WorkDirError: the work_dir cannot be written to.
        """
        try:
            with ExitStack() as undo:
                staged = [self._stage(name, undo) for name in names]
                yield tuple(file for file, _ in staged)
                appearances = [complete() for _, complete in staged]
                for appear in appearances:
                    appear()
        except OSError as error:
            raise WorkDirError(f"cannot write to work_dir={self.url!r}: {error.strerror or error}") from error

    def _stage(self, name: str, undo: ExitStack) -> tuple[BinaryIO, _Complete]:
        return self._stage_local(name, undo) if self.is_local else self._stage_remote(name, undo)

    def _stage_local(self, name: str, undo: ExitStack) -> tuple[BinaryIO, _Complete]:
        target = Path(self._inside(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        undo.callback(temporary.unlink, missing_ok=True)
        file = undo.enter_context(temporary.open("wb"))

        def complete() -> Callable[[], object]:
            file.flush()
            os.fsync(file.fileno())
            file.close()
            return lambda: temporary.replace(target)

        return file, complete

    def _stage_remote(self, name: str, undo: ExitStack) -> tuple[BinaryIO, _Complete]:
        # Completed only after every file of the set is written in full: staged in a local file until then.
        file = undo.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by undo

        def complete() -> Callable[[], object]:
            file.seek(0)
            with self._answering(name):
                remote = self._fs.open(self._inside(name), "wb", autocommit=False)
                try:
                    shutil.copyfileobj(file, remote, _COPY_BYTES)
                    remote.close()
                except BaseException:
                    remote.discard()
                    raise

            def appear() -> None:
                with self._answering(name):
                    remote.commit()

            return appear

        return file, complete

    @contextmanager
    def _answering(self, name: str) -> Iterator[None]:
        """Stores have errors of their own for a server that is away, refuses, or is not the one expected."""
        try:
            yield
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001
            raise WorkDirError(f"no use of {self.path(name)!r}: {type(error).__name__}: {error}") from None

    def _inside(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @cached_property
    def _copies(self) -> Path:
        folder = tempfile.mkdtemp(prefix="dedup-assets-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)


def _open_store(url: str) -> tuple[Any, str]:
    """The filesystem of a work_dir, and the path in it. A path without a protocol is one whatever it holds ('::')."""
    if "://" not in url:
        return fsspec.filesystem("file"), os.path.abspath(url)  # noqa: PTH100 - Path.absolute keeps '..'
    try:
        filesystem, path = open_store(url)
    except Exception as error:  # noqa: BLE001 - an unknown protocol, a package or credentials that are not there
        raise WorkDirError(f"work_dir={url!r} cannot be opened: {type(error).__name__}: {error}") from None
    return filesystem, path
