"""A folder on a local disk or a store: its files by name, and errors that say which work_dir they are about.

`location` decides which file a reader sees while a run publishes.

Nothing outside of the folder is ever opened for writing, replaced or deleted: a name that leads out of it, or through a
link in it, is refused. The folder itself may be a link.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.stores import advise, near_path, read_small_object, reason_of
from dedup_assets.engine.work_dir.failures import cannot, open_place
from dedup_assets.engine.work_dir.folders import Folder, link_refused, open_folder
from dedup_assets.engine.work_dir.writing import Complete, Content, Output, stage_local, stage_remote

Facts = dict[str, Any]
"""What a filesystem says about a file (fsspec's `info`)."""


class Place:
    """A folder, or the prefix of a store. Nothing is created until something is written.

    Args:
        url: path or fsspec URL of the folder.

    Attributes:
        filesystem: the fsspec filesystem.
        root: path of the folder in the filesystem.
        url: the folder as a user would type it.
        is_local: whether the folder is on a local disk.

    Raises:
        WorkDirError: it cannot be opened.
    """

    def __init__(self, url: str) -> None:
        if not url:
            raise WorkDirError("work_dir='': name a folder or a URL")
        self.is_local = "://" not in url or url.startswith(("file://", "local://"))
        self.filesystem, self.root = open_place(url)
        self.url = self.root if self.is_local else self.filesystem.unstrip_protocol(self.root)
        self._trusted = self.root  # this path may contain links; the paths below it may not

    def missing(self) -> str:
        """Why a local place is no folder, to be said after its name; empty if it is one or not local."""
        if not self.is_local or Path(self.root).is_dir():
            return ""
        if Path(self.root).exists():
            return " is a file, and a folder with the results of a run is wanted"
        return f": no such folder{near_path(self.url)}"

    def path(self, name: str) -> str:
        """Full path or URL of a file, as a user would type it."""
        return f"{self.url.rstrip('/')}/{name}"

    def inside(self, name: str) -> str:
        """Path of a file in the filesystem; of the folder itself for ''.

        Raises:
            WorkDirError: the name leads out of the folder, or through a link.
        """
        if not name:
            return self.root
        if not set(name.split("/")).isdisjoint({"", ".", ".."}):
            raise WorkDirError(f"work_dir={self.url!r}: {name!r} is not the name of a file in it")
        path = f"{self.root.rstrip('/')}/{name}"
        if self.is_local:
            self._refuse_links(path.rpartition("/")[0])
        return path

    def inside_folder(self, name: str) -> str:
        """As `inside`, for a folder, which must not be a link itself."""
        path = self.inside(name)
        if self.is_local:
            self._refuse_links(path)
        return path

    def _refuse_links(self, folder: str) -> None:
        """Check that no part of a path below the trusted folder is a link."""
        path = self._trusted
        for part in folder.removeprefix(self._trusted).split("/"):
            path = f"{path.rstrip('/')}/{part}" if part else path
            if path != self._trusted and os.path.islink(path):  # noqa: PTH114 - a Path takes five times as long
                raise link_refused(self._trusted, path)

    def names(self, folder: str) -> list[str]:
        """Sorted names of the files directly in a sub-folder; none if it does not exist."""
        try:
            with self.answering(folder):
                listed: list[Facts] = self.filesystem.ls(self.inside_folder(folder), detail=True)
        except FileNotFoundError:
            return []
        return sorted(PurePosixPath(entry["name"]).name for entry in listed if entry["type"] == "file")

    def sizes(self, folder: str) -> dict[str, int]:
        """Sizes in bytes of all files below a sub-folder, by their path in it; none if it does not exist.

        Links are left out, and no link is followed.
        """
        inside = self.inside_folder(folder)
        if self.is_local:
            with self.answering(folder):
                return dict(_sizes_below(inside))
        with self.answering(folder):
            found: dict[str, Facts] = self.filesystem.find(inside, detail=True)
        prefix = f"{inside}/"
        return {
            path.removeprefix(prefix): int(facts["size"] or 0)
            for path, facts in found.items()
            if path.startswith(prefix) and facts["type"] == "file"
        }

    def folders(self, folder: str = "") -> list[str]:
        """Sorted names of the sub-folders, without links and hidden ones; none if this folder does not exist."""
        try:
            with self.answering(folder):
                listed: list[Facts] = self.filesystem.ls(self.inside_folder(folder), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = (entry for entry in listed if entry["type"] == "directory" and not entry.get("islink"))
        names = {PurePosixPath(entry["name"]).name for entry in found}
        return sorted(name for name in names if not name.startswith("."))

    def read_placed(self, name: str, *, follow: bool = True) -> bytes | None:
        """The content of a small published file; None if there is no such file.

        Args:
            name: the file.
            follow: whether it may be a link; otherwise a link is refused.

        Raises:
            WorkDirError: it cannot be read.
        """
        try:
            with self.answering(name):
                path = self.inside(name)
                if self.is_local:
                    if not follow:
                        self._refuse_links(path)
                    with open(path, "rb", opener=open_regular) as file:
                        return file.read()
                content = read_small_object(self.filesystem, path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return content

    @contextmanager
    def open_folder(self, name: str, *, create: bool = False) -> Iterator[Folder]:
        """Open a sub-folder on a disk; this folder itself for ''."""
        with open_folder(self._trusted, self.inside_folder(name), create=create) as folder:
            yield folder

    @contextmanager
    def beside(self, name: str, *, create: bool = False) -> Iterator[tuple[Folder, str]]:
        """Open the folder of a file on a disk; gives the name of the file in it, too."""
        parent, _, leaf = self.inside(name).rpartition("/")
        with open_folder(self._trusted, parent or "/", create=create) as folder:
            yield folder, leaf

    def remove(self, name: str) -> None:
        """Delete a file, if it exists."""
        with suppress(FileNotFoundError), self.answering(name):
            if not self.is_local:
                self.filesystem.rm_file(self.inside(name))
                return
            with self.beside(name) as (folder, leaf):
                folder.remove(leaf)

    def remove_all(self, names: Sequence[str]) -> None:
        """Delete those of the files that exist; on a store with one call."""
        if self.is_local:
            for name in names:
                self.remove(name)
        elif names:
            with suppress(FileNotFoundError), self.answering(names[0]):
                self.filesystem.rm([self.inside(name) for name in names])

    def remove_empty_folder(self, name: str) -> None:
        """Delete a sub-folder if it is empty. A store has no folders of its own."""
        if self.is_local:
            with suppress(OSError), self.beside(name) as (folder, leaf):
                folder.remove_empty(leaf)

    @contextmanager
    def writing(self, places: dict[str, str]) -> Iterator[tuple[Output, ...]]:
        """Write files that are complete before the first of them appears; none appears if the block fails.

        Args:
            places: final path of each file, by its name in messages.

        Raises:
            WorkDirError: one cannot be written.
        """
        outputs: list[Output] = []
        with ExitStack() as undo, self._naming_first_failure(outputs):
            completions = [self._stage(name, place, undo, outputs) for name, place in places.items()]
            yield tuple(outputs)
            ready = []
            for output, complete in zip(outputs, completions, strict=True):
                with self.answering(output.label, "write", output.content.size_bytes):
                    ready.append(complete())
            for name, appear in zip(places, ready, strict=True):
                with self.answering(name, "write"):
                    appear()

    def write_placed(self, name: str, content: bytes) -> Content:
        """Write a small file whole. Raises WorkDirError if that is not possible."""
        with self.writing({name: self.inside(name)}) as (file,):
            file.write(content)
        return file.content

    def _stage(self, name: str, place: str, undo: ExitStack, outputs: list[Output]) -> Complete:
        with self.answering(name, "write"):
            if self.is_local:
                parent, _, leaf = place.rpartition("/")
                folder = undo.enter_context(open_folder(self._trusted, parent or "/", create=True))
                file, complete = stage_local(folder, leaf, undo)
            else:
                file, complete = stage_remote(self.filesystem, place, undo)
        outputs.append(Output(file, name))
        return complete

    @contextmanager
    def _naming_first_failure(self, outputs: Iterable[Output]) -> Iterator[None]:
        """Raise the system's error for a file instead of the library error that wraps it."""
        try:
            yield
        except Exception:
            for output in outputs:
                if output.failure is not None:
                    raise self.cannot("write", output.label, output.failure, output.content.size_bytes) from None
            raise

    @contextmanager
    def answering(self, name: str, action: str = "", written: int = 0) -> Iterator[None]:
        """Turn the errors of a disk or a store into ours. Libraries of stores raise errors of many kinds.

        Args:
            name: the file in question.
            action: what was tried, for messages. Without it, the error for a missing file is passed on as it is.
            written: bytes written so far, for messages.
        """
        try:
            yield
        except OSError as error:
            if not action and isinstance(error, FileNotFoundError | NotADirectoryError):
                raise
            raise self.cannot(action or "use", name, error, written) from None
        except WorkDirError:
            raise
        except Exception as error:  # noqa: BLE001
            what = f"work_dir={self.url!r}" if advise(error) else repr(self.path(name))
            raise WorkDirError(f"cannot {action or 'use'} {what}: {reason_of(error)}") from None

    def cannot(self, action: str, name: str, error: OSError, written: int = 0) -> WorkDirError:
        """Our error for an error of the system, with what to do; arguments as of `failures.cannot`."""
        folder = Path(self.root) if self.is_local else None
        return cannot(self.url, folder, action, name, error, written)


def _sizes_below(folder: str) -> Iterator[tuple[str, int]]:
    top = folder.rstrip("/")
    for inner, _, names in os.walk(top):  # follows no links
        for name in names:
            path = f"{inner}/{name}"
            facts = os.lstat(path)
            if stat.S_ISREG(facts.st_mode):
                yield path[len(top) + 1 :], facts.st_size


def open_regular(path: str, flags: int) -> int:
    """Open a file as `os.open` does, if it is a regular file. A FIFO would wait for a writer for ever.

    Raises:
        OSError: it is not a regular file, or cannot be opened.
    """
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        what = "folder" if stat.S_ISDIR(kind) else "FIFO" if stat.S_ISFIFO(kind) else "device or socket"
        raise OSError(errno.EINVAL, f"it is a {what}, not a regular file", path)
    return descriptor
