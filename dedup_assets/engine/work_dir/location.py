"""A work_dir as its readers and writers see it: files of one generation, whole or not at all."""

import errno
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.own_files import CONFIG, SEARCHED, SHARDS
from dedup_assets.engine.stores import describe_object, read_object, read_small_object
from dedup_assets.engine.work_dir.journal import read_journal, staged_name
from dedup_assets.engine.work_dir.kept_files import KeptFiles, kept_files
from dedup_assets.engine.work_dir.machine_cache import cache_folder, fetch_whole, open_cached
from dedup_assets.engine.work_dir.place import Facts, open_regular
from dedup_assets.engine.work_dir.publishing import making_generation, mark_staged
from dedup_assets.engine.work_dir.view import View
from dedup_assets.engine.work_dir.writing import Content

_USED_AT_ONCE = (f"{SHARDS}/", f"{SEARCHED}/")
_ATTEMPTS = 5  # to read a file that a run moves to its place meanwhile
Read = TypeVar("Read")


class WorkDir(View):
    """The folder (or fsspec URL) that holds the results of a run.

    Args:
        url: the folder; or the path of a stored feature file in it (docs/reference.md, "Run modes"), which is read
            instead of features.dat. Nothing is created until something is written.
        generation: name under which the run's files are staged; only this run sees them until it is published.
            Without a generation, files appear as soon as they are written (`generations`).

    Attributes:
        features_name: name of the stored feature file that the URL names; empty if it names the folder.
        generation: see above.
        written: size and hash of each file that was written through this object.
    """

    def __init__(self, url: str, generation: str = "") -> None:
        super().__init__(url)
        self.features_name = ""
        if self.root.endswith(".dat") and self.filesystem.isfile(self.root):
            path = PurePosixPath(self.root)
            self.root, self.features_name = str(path.parent), path.name
            self.url = self.root if self.is_local else self.filesystem.unstrip_protocol(self.root)
            self._trusted = self.root
        self.generation = generation
        self.written: dict[str, Content] = {}

    def in_generation(self, generation: str) -> "WorkDir":
        """The same work_dir, as the run that makes this generation sees it; for '', as everyone else sees it."""
        view = WorkDir(self.path(self.features_name) if self.features_name else self.url, generation)
        view.features_name, view._trusted = self.features_name, self._trusted
        return view

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        with self.answering(name):
            return self._find(name) is not None

    def find(self, *names: str) -> str | None:
        """The first of these names that exists, or None. Callers give our name first, then fastdup's."""
        return next((name for name in names if self.exists(name)), None)

    def require(self, *names: str, remedy: str) -> str:
        """The first of these names that exists.

        Raises:
            WorkDirError: none exists; the message ends with the remedy.
        """
        if (found := self.find(*names)) is None:
            missing = self.missing() or f" has no {' or '.join(names)}"
            raise WorkDirError(f"work_dir={self.url!r}{missing}; {remedy}")
        return found

    def within(self, folder: str) -> "WorkDir":
        """A sub-folder as a work_dir of its own; nothing is created."""
        view = WorkDir(self.path(folder), self.generation)
        view._trusted = self._trusted
        return view

    def stamp(self, *names: str) -> list[tuple[int, str]]:
        """Inode number and version of each file: a value that changes when a file is created or replaced."""
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
        if (kept := self._kept(name)) is not None:
            return kept.find(self.staged(name)) is not None
        return bool(self.generation) and self.filesystem.exists(self.staged(name))

    def kept_sha256(self, name: str) -> str:
        """SHA-256, in hex, of the copy of a store's file that this run keeps; empty if there is none."""
        if (kept := self._kept(name)) is None or (found := self._find(name)) is None:
            return ""
        return kept.sha256(found[0])

    def size(self, name: str) -> int:
        """Size of a file in bytes.

        Raises:
            FileNotFoundError: there is no such file.
        """
        with self.answering(name):
            return int(self._reach(name, lambda _, facts: facts)["size"])

    def size_if_any(self, name: str) -> int | None:
        """Size of a file in bytes; None if there is no such file."""
        with suppress(FileNotFoundError):
            return self.size(name)
        return None

    def read_if_any(self, name: str) -> bytes | None:
        """The content of a small file; None if there is no such file.

        Raises:
            WorkDirError: it cannot be read.
        """
        with self.answering(name):
            if self._kept(name) is not None:
                with suppress(FileNotFoundError), self._local_copy(name) as copy:
                    return copy.read()
                return None
            if not self.is_local:  # reads without asking first, which saves a request
                for path in self._places(name):
                    with suppress(FileNotFoundError):
                        return read_small_object(self.filesystem, path)
                return None
            with suppress(FileNotFoundError), self._reach(name, self._open) as file:
                return file.read()
        return None

    def version(self, name: str) -> str:
        """Size and ETag, or what the store has instead: a value that changes when the file is published again.

        It ends in a space if the store gives no version besides the size.

        Raises:
            WorkDirError: there is no such file, or its facts cannot be read.
        """
        try:
            with self.answering(name):
                size, tag = describe_object(self._reach(name, lambda _, facts: facts))
                return f"{size} {tag}"
        except OSError as error:
            raise WorkDirError(f"cannot read {self.path(name)!r}: {error.strerror or error}") from None

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Read a file.

        Raises:
            WorkDirError: it cannot be opened.
        """
        try:
            with self.answering(name):
                if self._kept(name) is not None:
                    file: BinaryIO = io.BufferedReader(self._local_copy(name))
                else:
                    file = self._reach(name, self._open)
        except OSError as error:
            raise WorkDirError(f"cannot read {self.path(name)!r}: {error.strerror or error}") from None
        with file:
            yield file

    def _reach(self, name: str, read: Callable[[str, Facts], Read]) -> Read:
        """Call `read` with the path and facts of a file; again if a run moved the file meanwhile."""
        for attempt in range(_ATTEMPTS):
            path, facts = self._find(name) or (None, {})
            if path is None:
                break
            try:
                return read(path, facts)
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise
                if (kept := self._kept(name)) is not None:
                    kept.forget_facts()
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.inside(name))

    def _find(self, name: str) -> tuple[str, Facts] | None:
        """Where a reader finds a file, and what the filesystem says about it."""
        kept = self._kept(name)
        for path in self._places(name):
            if kept is not None:
                if (facts := kept.find(path)) is not None:
                    return path, facts
                continue
            with suppress(FileNotFoundError, NotADirectoryError):
                return path, self.filesystem.info(path)
        return None

    def _kept(self, name: str) -> KeptFiles | None:
        """What this run keeps of the store. Shards and searched ranges may come from others at any time."""
        return None if name.startswith(_USED_AT_ONCE) else kept_files(self, self.generation)

    def _open(self, path: str, facts: Facts) -> BinaryIO:
        if self.is_local:
            return open(path, "rb", opener=open_regular)
        # The file is read whole, so that a parser does not mistake a failing store for a damaged file.
        return io.BytesIO(read_object(self.filesystem, path, size=int(facts["size"] or 0)))

    @contextmanager
    def open_local(self, name: str) -> Iterator[FileIO]:
        """Open a local file with the content of a file of the work_dir.

        On a local disk it is that file itself, which may be moved while it is open. For a store it is the copy in the
        machine's cache (`machine_cache`), or, without a cache, a temporary copy that is deleted already.

        Raises:
            WorkDirError: it cannot be read, or the copy cannot be kept.
        """
        with self.answering(name, "read"):
            if self.is_local:
                file = self._reach(name, lambda path, _: FileIO(path, opener=open_regular))
            else:
                file = self._local_copy(name)
        with file:
            yield file

    def _local_copy(self, name: str) -> FileIO:
        if (kept := self._kept(name)) is None:
            return self._fetched(name)
        return self._reach(name, lambda path, _: kept.open(path, lambda: self._fetched(name)))

    def _fetched(self, name: str) -> FileIO:
        if cache := cache_folder():
            version, fetch = partial(self.version, name), partial(self._fetch, name)
            if (copy := open_cached(cache, self.path(name), version, fetch)) is not None:
                return copy
        with tempfile.NamedTemporaryFile(prefix="dedup-assets-") as temporary:
            self._fetch(name, Path(temporary.name))
            return FileIO(temporary.name)

    def _fetch(self, name: str, to: Path) -> None:
        with self.answering(name, "read"):
            self._reach(name, lambda path, facts: fetch_whole(self.filesystem, path, facts["size"], to))

    @contextmanager
    def publish(self, *names: str) -> Iterator[tuple[BinaryIO, ...]]:
        """Write files that belong together: all appear at the end of the block, or none does.

        Each is written to a temporary file, so that an error, a crash or a full disk leaves the former files. Within a
        generation, only this run sees them; everyone sees them when the generation is published.

        Raises:
            WorkDirError: the work_dir cannot be written to.
        """
        if not self.generation and (len(names) > 1 or names == (CONFIG,)):
            with making_generation(self, f"writing {names[0]}", wait=True, will_write=names) as generation:
                view = self.in_generation(generation)
                with view.publish(*names) as files:
                    yield files
                self.written |= view.written
            return
        places = {name: self.staged(name) if self._is_staged(name) else self.inside(name) for name in names}
        with ExitStack() as undo:
            with self.writing(places) as outputs:
                yield outputs
                copies = {output: output.duplicate() for output in outputs if self._kept(output.label) is not None}
                for copy in copies.values():
                    undo.callback(os.close, copy)
            undo.pop_all()
        for output, copy in copies.items():
            if (kept := self._kept(output.label)) is not None:
                kept.add(places[output.label], copy, output.content)
        written = {output.label: output.content for output in outputs}
        self.written |= written
        if any(self._is_staged(name) for name in names):
            mark_staged(self, self.generation, written)

    def staged(self, name: str) -> str:
        """Where a file of this generation is until it is published."""
        return self.inside(staged_name(self.generation, name))

    def _is_staged(self, name: str) -> bool:
        """Whether a file is staged. Shards and searched ranges are not, because each is useful as soon as it exists."""
        return bool(self.generation) and not name.startswith(_USED_AT_ONCE)

    def _places(self, name: str) -> Iterator[str]:
        """Paths where a reader may find a file: staged by this run, being published by another, or in its place."""
        if not name.startswith(_USED_AT_ONCE):
            if self.generation:  # this run holds the work_dir, so no other run is publishing
                yield self.staged(name)
            elif (journal := read_journal(self)) is not None and name in journal.files:
                yield self.inside(staged_name(journal.generation, name))
        yield self.inside(name)
