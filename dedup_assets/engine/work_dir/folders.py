"""Folders of a work_dir on a disk, held open while files in them are made, renamed or deleted.

A path is looked up again by each call of the system, and another program may have put a link in it meanwhile. A folder
is therefore opened part by part without following links, and what happens in it is said relative to the open folder.
Windows cannot do that: there the paths are used.
"""

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dedup_assets.engine.core.errors import WorkDirError

ATTEMPTS = 20  # to create what other processes delete meanwhile
_IS_RELATIVE = sys.platform != "win32"
_FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FILE = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Folder:
    """A folder that is open.

    Args:
        path: its path when it was opened.
        descriptor: of the open folder; None where names cannot be relative to it.
    """

    def __init__(self, path: str, descriptor: int | None) -> None:
        self.path = path
        self._at = descriptor

    def names(self) -> list[str]:
        """Sorted names of what is in it."""
        return sorted(os.listdir(self.path if self._at is None else self._at))  # noqa: PTH208 - names only

    def has_file(self, name: str) -> bool:
        """Whether it holds a regular file of this name."""
        try:
            return stat.S_ISREG(os.stat(self._name(name), dir_fd=self._at, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return False

    def facts(self, name: str) -> os.stat_result | None:
        """What the system says of a file, a link or a folder; None if there is none."""
        try:
            return os.stat(self._name(name), dir_fd=self._at, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open(self, name: str, flags: int) -> int:
        """Open a file, as `os.open` does, without following a link."""
        return os.open(self._name(name), flags | _FILE | _NO_LINK, 0o666, dir_fd=self._at)

    def remove(self, name: str) -> None:
        """Delete a file."""
        os.unlink(self._name(name), dir_fd=self._at)

    def remove_empty(self, name: str) -> None:
        """Delete a folder, if it is empty."""
        with suppress(OSError):
            os.rmdir(self._name(name), dir_fd=self._at)

    def remove_tree(self, name: str) -> None:
        """Delete a file, a link, or a folder with its content, as far as that is possible. No link is followed."""
        try:
            self.remove(name)
        except OSError:  # a folder
            shutil.rmtree(self._name(name), ignore_errors=True, dir_fd=self._at)

    def rename(self, name: str, to: "Folder", new_name: str) -> None:
        """Move a file or folder; a file of the new name is replaced."""
        source, target = self._name(name), to._name(new_name)
        os.replace(source, target, src_dir_fd=self._at, dst_dir_fd=to._at)

    def link(self, name: str, to: "Folder", new_name: str) -> None:
        """Give a file another name, which must be free."""
        source, target = self._name(name), to._name(new_name)
        os.link(source, target, src_dir_fd=self._at, dst_dir_fd=to._at, follow_symlinks=False)

    def sync(self) -> None:
        """Make what was renamed in it survive a loss of power, if the system can."""
        if self._at is not None:
            with suppress(OSError):
                os.fsync(self._at)

    def _name(self, name: str) -> str:
        return name if self._at is not None else f"{self.path}/{name}"


@contextmanager
def open_folder(trusted: str, path: str, *, create: bool = False) -> Iterator[Folder]:
    """Open a folder of a work_dir.

    Args:
        trusted: path of the work_dir, which may contain links.
        path: of the folder: `trusted`, or one below it.
        create: whether to create what is missing.

    Raises:
        WorkDirError: a part below the work_dir is a link.
        OSError: it does not exist, or cannot be opened.
    """
    if create:
        make_folder(Path(trusted if _IS_RELATIVE else path))
    if not _IS_RELATIVE:
        yield Folder(path, None)
        return
    if (found := _open_real(path) if trusted == "/" else None) is not None:
        try:
            yield Folder(path, found)
        finally:
            os.close(found)
        return
    descriptor, reached = os.open(trusted, os.O_RDONLY | _FOLDER), trusted
    try:
        for part in filter(None, path.removeprefix(trusted).split("/")):
            reached = f"{reached.rstrip('/')}/{part}"
            try:
                inner = _open_inner(descriptor, part, create=create)
            except OSError as error:
                if error.errno in {errno.ELOOP, errno.ENOTDIR} and Path(reached).is_symlink():
                    raise link_refused(trusted, reached) from None
                raise
            os.close(descriptor)
            descriptor = inner
        yield Folder(path, descriptor)
    finally:
        os.close(descriptor)


def _open_real(path: str) -> int | None:
    """Open a folder at once, if Linux then says that no link led to it; None where it does not, or cannot be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _FOLDER | _NO_LINK)
    except OSError:
        return None  # its parts say why, or are made
    with suppress(OSError):
        if os.readlink(f"/proc/self/fd/{descriptor}") == path:  # noqa: PTH115 - a Path takes five times as long
            return descriptor
    os.close(descriptor)
    return None


def _open_inner(descriptor: int, name: str, *, create: bool) -> int:
    for _ in range(ATTEMPTS):
        try:
            return os.open(name, os.O_RDONLY | _FOLDER | _NO_LINK, dir_fd=descriptor)
        except FileNotFoundError:
            if not create:
                raise
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=descriptor)
    raise OSError(errno.EBUSY, "another process deletes the folder again and again", name)


def link_refused(trusted: str, path: str) -> WorkDirError:
    """The error for a link in a work_dir."""
    return WorkDirError(
        f"work_dir={trusted!r}: {path!r} is a link, and nothing is read or written through it; remove it, or name "
        "another work_dir"
    )


def make_folder(folder: Path) -> None:
    """Create a folder with its parents; it may exist already, or be created by another process meanwhile.

    Raises:
        OSError: it cannot be created, or a file has its name.
    """
    refused: OSError | None = None
    for _ in range(ATTEMPTS):
        try:
            folder.mkdir()
        except FileExistsError:
            if (found := _kind(folder)) == stat.S_IFDIR:
                return
            if found is not None:
                raise
        except FileNotFoundError as error:  # also where a file system takes no folders, as /proc
            refused = error
            make_folder(folder.parent)
        else:
            return
    raise refused or OSError(errno.EBUSY, "another process deletes the folder again and again", str(folder))


def _kind(path: Path) -> int | None:
    """The kind of what a path leads to, asked once, as it comes and goes; a link to nothing is a link."""
    for follow_symlinks in (True, False):
        with suppress(FileNotFoundError):
            kind = stat.S_IFMT(path.stat(follow_symlinks=follow_symlinks).st_mode)
            if follow_symlinks or kind == stat.S_IFLNK:
                return kind
    return None
