"""The files below local folders: the same walk lists the images of a run and finds whether anything has changed.

Entries come in the order of their names, folder by folder. A link to a folder is followed, and each folder is read
once, so that loops of links end.
"""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from dedup_assets.engine.core.errors import InputError
from dedup_assets.engine.inputs.kinds import HEAD_BYTES, Kind, kind_by_head, kind_of, needs_head
from dedup_assets.engine.inputs.own_results import OwnResults
from dedup_assets.engine.inputs.selection import OWN_RESULTS, Selection
from dedup_assets.engine.stores import local_version, read_at

MISSING = -1
"""The size of a file that is not there."""

_Identity = tuple[int, int]  # device and inode


class Way(IntEnum):
    """How a name leads to its file."""

    DIRECT = 0
    LINK = 1
    LINKED_FOLDER = 2


class Found(NamedTuple):
    """A file of an input.

    Attributes:
        name: absolute path, or URL.
        size_bytes: -1 where it is unknown or the file is not there.
        version: changes with the content; empty where it is unknown.
        kind: what it is.
        device: with `inode` the identity of a local file; both None where it has none.
        inode: as above.
        way: how the name leads to the file.
    """

    name: bytes
    size_bytes: int
    version: str
    kind: Kind = Kind.IMAGE
    device: int | None = None
    inode: int | None = None
    way: Way = Way.DIRECT


class FolderAlias(NamedTuple):
    """A second name of a folder; it is not read again under this name.

    Attributes:
        name: absolute path.
        same_as: the name under which it was read.
    """

    name: bytes
    same_as: bytes


@dataclass(frozen=True)
class _Folder:
    """A folder that is being read.

    Attributes:
        entries: those that are left.
        own: which of them this package wrote.
        path: relative to the top; empty for the top.
        way: to everything in it.
        around: identities of the folders that lead to it, and its own.
    """

    entries: Iterator[os.DirEntry[bytes]]
    own: OwnResults
    path: bytes
    way: Way
    around: frozenset[_Identity]


def way_to(path: bytes) -> Way:
    """How a path leads to its file; see `Way`."""
    if os.path.islink(path):  # noqa: PTH114 - a Path of bytes does not exist
        return Way.LINK
    return Way.DIRECT if os.path.realpath(path) == path else Way.LINKED_FOLDER


def found_at(path: bytes, facts: os.stat_result, kind: Kind, way: Way) -> Found:
    """A local file.

    Args:
        path: absolute.
        facts: of the file itself, not of a link to it.
        kind: what it is.
        way: how the path leads to it.
    """
    return Found(path, facts.st_size, local_version(facts), kind, facts.st_dev, facts.st_ino, way)


def kind_of_local(path: bytes) -> Kind:
    """What a local file is: by its name where that tells it, else by its first bytes."""
    if not needs_head(path):
        return kind_of(path)
    try:
        return kind_by_head(path, read_at(path, 0, HEAD_BYTES))
    except Exception:  # noqa: BLE001 - unreadable or no regular file, and no name that promises an image
        return Kind.OTHER


class Walk:
    """A walk over folders that reads each of them once.

    Args:
        selection: which files count.
        work_dir: where the run writes to; left out unless it is where a walk begins.
        most_folders: how many folders are read, at most.
        in_place: links to folders are followed where they are met, so that a walk can go on after any name. Links back
            into the folder that the walk began with are not followed. Otherwise `linked_files` follows links last, so
            that a folder keeps a name without a link if it has one.

    Attributes:
        aliases: other names of folders that were read.
    """

    def __init__(
        self, selection: Selection, work_dir: str = "", *, most_folders: int | None = None, in_place: bool = False
    ) -> None:
        self.aliases: list[FolderAlias] = []
        self._selection, self._ours, self._in_place = selection, _identity_of(work_dir), in_place
        self._folders_left = most_folders
        self._names: dict[_Identity, bytes] = {}  # of folders that were read
        self._links: deque[tuple[bytes, bytes]] = deque()  # followed last: name, and path from the top
        self._top = self._after = b""

    def files(self, top: bytes, after: bytes = b"") -> Iterator[Found]:
        """All files below a folder that count, in the order of their names within each folder.

        Args:
            top: absolute path.
            after: the name of a file that an earlier walk came to; those up to it are left out.

        Yields:
            The files. A folder that cannot be read is a missing file.

        Raises:
            InputError: `top` cannot be read.
        """
        self._top, self._after = os.path.realpath(top), after
        try:
            first = self._open(top, b"", Way.DIRECT if way_to(top) is Way.DIRECT else Way.LINKED_FOLDER, frozenset())
        except OSError as error:
            raise InputError(f"cannot list {os.fsdecode(top)!r}: {error.strerror or error}") from None
        yield from self._below(first)

    def linked_files(self) -> Iterator[Found]:
        """The files in folders that only links lead to; call it after walking all folders that the run names."""
        while self._links:
            name, path = self._links.popleft()
            try:
                inner = self._open(name, path, Way.LINKED_FOLDER, frozenset())
            except OSError:
                yield Found(name, MISSING, "")
            else:
                yield from self._below(inner)

    def _below(self, first: _Folder | None) -> Iterator[Found]:
        """What lies below an open folder, with a stack, because folders may be nested deeper than calls."""
        stack = [first] if first else []
        while stack:
            folder = stack[-1]
            for entry in folder.entries:
                if not _is_folder(entry):
                    if found := self._file(entry, folder):
                        yield found
                elif self._enters(entry, folder):
                    path = _joined(folder.path, entry.name)
                    way = Way.LINKED_FOLDER if entry.is_symlink() else folder.way
                    try:
                        inner = self._open(entry.path, path, way, folder.around)
                    except OSError:
                        yield Found(entry.path, MISSING, "")
                    else:
                        if inner:
                            stack.append(inner)
                            break
            else:
                stack.pop()

    def _enters(self, entry: os.DirEntry[bytes], folder: _Folder) -> bool:
        if folder.own.has(entry.name):
            self._selection.left_out[OWN_RESULTS] += 1
            return False
        path = _joined(folder.path, entry.name)
        if not self._selection.enters(entry.name, path):
            return False
        if not entry.is_symlink():
            return True
        if self._in_place:
            return not _is_within(os.path.realpath(entry.path), self._top)
        self._links.append((entry.path, path))
        return False

    def _file(self, entry: os.DirEntry[bytes], folder: _Folder) -> Found | None:
        """A file, if it counts."""
        name = entry.name
        if self._after and entry.path == self._after:
            return None
        kind = kind_of(name)
        if not self._selection.admits_plainly(name, kind):
            if kind is not Kind.IMAGE and needs_head(name):  # no name of an image does
                kind = kind_of_local(entry.path)
            if not self._selection.admits(name, _joined(folder.path, name), kind):
                return None
        way = Way.LINK if entry.is_symlink() else folder.way
        try:
            return found_at(entry.path, entry.stat(), kind, way)
        except OSError:  # a link to nothing, or gone since the folder was read
            return Found(entry.path, MISSING, "", kind)

    def _open(self, name: bytes, path: bytes, way: Way, around: frozenset[_Identity]) -> _Folder | None:
        """Begin to read a folder; None if it was read before, or holds nothing but results.

        Raises:
            OSError: it cannot be read.
        """
        facts = os.stat(name)  # noqa: PTH116 - a Path of bytes does not exist
        identity = (facts.st_dev, facts.st_ino)
        if identity in around or self._folders_left == 0:
            return None
        if identity in self._names and not self._in_place:
            if not _is_within(name, self._names[identity]):  # else the same folder again, or a loop
                self.aliases.append(FolderAlias(name, self._names[identity]))
            return None
        with os.scandir(name) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        own = OwnResults(name, {entry.name for entry in entries})
        if path and (own.is_all or identity == self._ours):
            self._selection.left_out[OWN_RESULTS] += 1
            return None
        self._names[identity] = name
        if self._folders_left is not None:
            self._folders_left -= 1
        done = _entry_of(name, self._after)
        return _Folder(iter([each for each in entries if each.name >= done]), own, path, way, around | {identity})


def _identity_of(work_dir: str) -> _Identity | None:
    try:
        facts = os.stat(os.fsencode(work_dir))  # noqa: PTH116 - wild names
    except (OSError, ValueError):  # on a store, or not there yet
        return None
    return facts.st_dev, facts.st_ino


def _is_within(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(os.path.join(folder, b""))  # noqa: PTH118 - a Path of bytes does not exist


def _joined(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def _entry_of(folder: bytes, after: bytes) -> bytes:
    """The entry of a folder that a walk has come to; empty where it has not been in this folder."""
    prefix = os.path.join(folder, b"")  # noqa: PTH118 - a Path of bytes does not exist
    return after.removeprefix(prefix).split(b"/")[0] if after.startswith(prefix) else b""


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder that may not be entered
        return False
