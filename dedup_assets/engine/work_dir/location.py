"""A work_dir wherever it lies: files that appear whole or not at all, on local disks and object stores."""

import errno
import io
import os
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeVar

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.stores import describe_object, read_object
from dedup_assets.engine.work_dir import generations
from dedup_assets.engine.work_dir.failures import cannot, open_place
from dedup_assets.engine.work_dir.generations import STAGED
from dedup_assets.engine.work_dir.kept_copies import cache_folder, fetch_whole, keep_copy
from dedup_assets.engine.work_dir.writing import Complete, Content, Output, stage_local, stage_remote

FEATURES = "features.dat"
SHARDS = "shards"
SEARCHED = "neighbors"
_USED_AT_ONCE = (f"{SHARDS}/", f"{SEARCHED}/")
_ATTEMPTS = 5  # to read a file that a run moves to its place meanwhile
Read = TypeVar("Read")
Facts = dict[str, Any]
"""What a filesystem says of a file (fsspec's `info`)."""


class WorkDir:
    """The folder (or fsspec URL) that holds the results of a run.

    Args:
        url: the folder; or the path of a stored feature file in it (RUN.md, run_mode 2), which then stands in for
            features.dat. Nothing is created until something is written.
        generation: what this run writes is staged under this name, for its own eyes, until it is published; without
            one each file or set of files appears as soon as it is written (`generations`).

    Attributes:
        filesystem: of fsspec.
        root: the folder in it.
        written: size and hash of each file that was published through this object.
    """

    def __init__(self, url: str, generation: str = "") -> None:
        if not url:
            raise WorkDirError("work_dir='': name a folder or a URL")
        self.is_local = "://" not in url or url.startswith(("file://", "local://"))
        self.filesystem, path = open_place(url)
        self.features_name = ""
        if path.endswith(".dat") and self.filesystem.isfile(path):
            path, self.features_name = str(PurePosixPath(path).parent), PurePosixPath(path).name
        self.root = path
        self.url = path if self.is_local else self.filesystem.unstrip_protocol(path)
        self.generation = generation
        self.written: dict[str, Content] = {}

    def in_generation(self, generation: str) -> "WorkDir":
        """The same place as the run sees it that makes this generation; with '' as everyone else does."""
        view = WorkDir(self.path(self.features_name) if self.features_name else self.url, generation)
        view.features_name = self.features_name
        return view

    def path(self, name: str) -> str:
        """Full path or URL of a file, as a user would type it."""
        return f"{self.url.rstrip('/')}/{name}"

    def exists(self, name: str) -> bool:
        """Whether a file stands here."""
        with self.answering(name):
            return self._find(name) is not None

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
            with self.answering(folder):
                listed: list[dict[str, Any]] = self.filesystem.ls(self.inside(folder), detail=True)
        except FileNotFoundError:
            return []
        return sorted(PurePosixPath(entry["name"]).name for entry in listed if entry["type"] == "file")

    def folders(self) -> list[str]:
        """Sorted names of the sub-folders, hidden ones left out; none where this folder does not exist."""
        try:
            with self.answering(""):
                listed: list[dict[str, Any]] = self.filesystem.ls(self.root, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        names = {PurePosixPath(entry["name"]).name for entry in listed if entry["type"] == "directory"}
        return sorted(name for name in names if not name.startswith("."))

    def within(self, folder: str) -> "WorkDir":
        """A sub-folder as a work_dir of its own; nothing is created."""
        return WorkDir(self.path(folder), self.generation)

    def stamp(self, *names: str) -> list[tuple[int, str]]:
        """What changes when one of these files is replaced, or begins to be."""
        found = []
        for name in names:
            try:
                with self.answering(name):
                    facts = self._reach(name, lambda _, facts: facts)
                found.append((int(facts.get("ino", 0)), describe_object(facts)[1]))
            except FileNotFoundError:
                found.append((0, ""))
        return found

    def wrote(self, name: str) -> bool:
        """Whether this run has written a file that is not published yet."""
        return bool(self.generation) and self.filesystem.exists(self.staged(name))

    def size(self, name: str) -> int:
        """Size of a file in bytes.

        Raises:
            FileNotFoundError: it does not stand here.
        """
        with self.answering(name):
            return int(self._reach(name, lambda _, facts: facts)["size"])

    def size_if_any(self, name: str) -> int | None:
        """Size of a file in bytes; None where it does not stand here."""
        with suppress(FileNotFoundError):
            return self.size(name)
        return None

    def read_if_any(self, name: str) -> bytes | None:
        """The content of a small file; None where it does not stand here.

        Raises:
            WorkDirError: it cannot be read.
        """
        with suppress(FileNotFoundError), self.answering(name), self._reach(name, self._open) as file:
            return file.read()
        return None

    def version(self, name: str) -> str:
        """Size, and modification time or what a store has for it: another one where the file was published anew.

        Raises:
            WorkDirError: there is no such file, or it cannot be asked about.
        """
        try:
            with self.answering(name):
                if self.is_local:
                    facts = self._reach(name, lambda path, _: Path(path).stat())
                    return f"{facts.st_size} {facts.st_mtime_ns}"
                size, tag = describe_object(self._reach(name, lambda _, facts: facts))
                return f"{size} {tag}"
        except OSError as error:
            raise WorkDirError(f"cannot read {self.path(name)!r}: {error.strerror or error}") from None

    def remove_folder(self, name: str) -> None:
        """Delete a sub-folder with what is in it; nothing happens where there is none."""
        with suppress(FileNotFoundError), self.answering(name):
            self.filesystem.rm(self.inside(name), recursive=True)

    def remove(self, name: str) -> None:
        """Delete a file; nothing happens where there is none."""
        with suppress(FileNotFoundError), self.answering(name):
            self.filesystem.rm_file(self.inside(name))

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Read a file.

        Raises:
            WorkDirError: it cannot be opened.
        """
        try:
            with self.answering(name):
                file = self._reach(name, self._open)
        except OSError as error:
            raise WorkDirError(f"cannot read {self.path(name)!r}: {error.strerror or error}") from None
        with file:
            yield file

    def _reach(self, name: str, read: Callable[[str, Facts], Read]) -> Read:
        """Read a file by its path and what is said of it; once more where it was moved to its place just now."""
        for attempt in range(_ATTEMPTS):
            path, facts = self._find(name) or (None, {})
            if path is None:
                break
            try:
                return read(path, facts)
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.inside(name))

    def _find(self, name: str) -> tuple[str, Facts] | None:
        """Where a file is for whoever reads, and what the filesystem says of it: one question to a store, mostly."""
        for path in self._places(name):
            with suppress(FileNotFoundError, NotADirectoryError):
                return path, self.filesystem.info(path)
        return None

    def _open(self, path: str, facts: Facts) -> BinaryIO:
        if self.is_local:
            return Path(path).open("rb")
        # Whole, so that a store that fails in the middle is not taken for a damaged file by whoever parses it.
        return io.BytesIO(read_object(self.filesystem, path, size=int(facts["size"] or 0)))

    @contextmanager
    def open_local(self, name: str) -> Iterator[FileIO]:
        """Open a local file with the content of one here.

        It is that file itself, which may be moved while it is open; or a copy that this machine keeps
        (`kept_copies`); or, where it keeps none, a copy that lives as long as this object.

        Raises:
            WorkDirError: it cannot be read, or the copy cannot be kept.
        """
        with self.answering(name, "read"):
            file = self._reach(name, lambda path, _: FileIO(path)) if self.is_local else FileIO(self._local_copy(name))
        with file:
            yield file

    def _local_copy(self, name: str) -> Path:
        if cache := cache_folder():
            return keep_copy(cache, self.path(name), lambda: self.version(name), lambda path: self._fetch(name, path))
        copy = self._copies / f"{uuid.uuid4().hex}-{PurePosixPath(name).name}"
        self._fetch(name, copy)
        return copy

    def _fetch(self, name: str, to: Path) -> None:
        with self.answering(name, "read"):
            self._reach(name, lambda path, facts: fetch_whole(self.filesystem, path, facts["size"], to))

    @contextmanager
    def publish(self, *names: str) -> Iterator[tuple[BinaryIO, ...]]:
        """Write files that belong together: all appear at the end of the block, or none does.

        Each is written aside, so that an error, a crash or a full disk leaves what stood here before. Within a
        generation they appear to this run alone; everyone sees them when the generation is published.

        Raises:
            WorkDirError: the work_dir cannot be written to.
        """
        if len(names) > 1 and not self.generation:
            with generations.generation(self, f"writing {names[0]}", wait=True) as view:
                with view.publish(*names) as files:
                    yield files
                self.written |= view.written
            return
        outputs: list[Output] = []
        with ExitStack() as undo, self._telling(outputs):
            staged = [self._stage(name, undo, outputs) for name in names]
            yield tuple(outputs)
            ready = []
            for output, complete in zip(outputs, staged, strict=True):
                with self.answering(output.label, "write", output.content.size_bytes):
                    ready.append(complete())
            for name, appear in zip(names, ready, strict=True):
                with self.answering(name, "write"):
                    appear()
        self.written |= {output.label: output.content for output in outputs}

    def _stage(self, name: str, undo: ExitStack, outputs: list[Output]) -> Complete:
        path = self.staged(name) if self._is_staged(name) else self.inside(name)
        with self.answering(name, "write"):
            if self.is_local:
                file, complete = stage_local(Path(path), undo)
            else:
                file, complete = stage_remote(self.filesystem, path, undo)
        outputs.append(Output(file, name))
        return complete

    @contextmanager
    def _telling(self, outputs: Iterable[Output]) -> Iterator[None]:
        """Libraries wrap the error of a file they write to in their own: the first one is told."""
        try:
            yield
        except Exception:
            for output in outputs:
                if output.failure is not None:
                    raise self._cannot("write", output.label, output.failure, output.content.size_bytes) from None
            raise

    @contextmanager
    def answering(self, name: str, action: str = "", written: int = 0) -> Iterator[None]:
        """Stores have errors of their own for a server that is away, refuses, or is not the one expected.

        Args:
            name: the file in question.
            action: what was tried, for messages; without it a file that is not there is not turned into ours.
            written: how many bytes were to be kept, for messages.
        """
        try:
            yield
        except OSError as error:
            if not action and isinstance(error, FileNotFoundError | NotADirectoryError):
                raise
            raise self._cannot(action or "use", name, error, written) from None
        except WorkDirError:
            raise
        except Exception as error:  # noqa: BLE001
            raise WorkDirError(f"no use of {self.path(name)!r}: {type(error).__name__}: {error}") from None

    def _cannot(self, action: str, name: str, error: OSError, written: int = 0) -> WorkDirError:
        return cannot(self.url, Path(self.root) if self.is_local else None, action, name, error, written)

    def inside(self, name: str) -> str:
        """The path of a file in the filesystem."""
        return f"{self.root.rstrip('/')}/{name}"

    def staged(self, name: str) -> str:
        """Where a file of this generation is until it is published."""
        return self.inside(f"{STAGED}/{self.generation}/{name}")

    def _is_staged(self, name: str) -> bool:
        """Shards are no results: each is of use as soon as it stands."""
        return bool(self.generation) and not name.startswith(_USED_AT_ONCE)

    def _places(self, name: str) -> Iterator[str]:
        """Where a file may be for whoever reads: staged by this run, on its way to its place, or there."""
        if not name.startswith(_USED_AT_ONCE):
            if self.generation:
                yield self.staged(name)
            journal = generations.read_journal(self)
            if journal is not None and name in journal.files:
                yield self.inside(f"{STAGED}/{journal.generation}/{name}")
        yield self.inside(name)

    @cached_property
    def _copies(self) -> Path:
        folder = tempfile.mkdtemp(prefix="dedup-assets-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)
