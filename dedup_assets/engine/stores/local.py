"""Local files: opened without harm, read whole, and recognised when they change."""

import os
import stat
from itertools import islice
from pathlib import Path

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.core.spelling import nearest

_LOOKED_AT = 1000  # names of a folder


def read_file(name: bytes, most: int) -> bytes:
    """Read a local file whole.

    Raises:
        ImageError: it is no regular file, or has more than `most` bytes.
        OSError: it cannot be read.
    """
    descriptor = open_local(name)
    try:
        size = os.fstat(descriptor).st_size
        if size > most:
            raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"{size} bytes: more than {most}")
        content = os.read(descriptor, size)
        if len(content) < size:  # one call reads 2 GiB at most
            with os.fdopen(os.dup(descriptor), "rb") as file:
                return content + file.read()
        return content
    finally:
        os.close(descriptor)


def near_path(path: str) -> str:
    """The path that one of nothing was probably meant to be, as a question: a similar name beside it; else empty."""
    if os.path.lexists(path):
        return ""
    place = Path(path)
    while place != place.parent and not os.path.isdir(place.parent):  # noqa: PTH112 - wild names
        place = place.parent
    try:
        with os.scandir(place.parent) as entries:
            near = nearest(place.name, (entry.name for entry in islice(entries, _LOOKED_AT)))
    except (OSError, ValueError):
        return ""
    if not near:
        return ""
    below = Path(path).relative_to(place)
    return f" (did you mean {str(place.parent / near / below)!r}?)"


def open_local(name: bytes) -> int:
    """Open a regular file; returns its descriptor.

    Raises:
        ImageError: it is no regular file.
        OSError: it cannot be opened.
    """
    _refuse_irregular(os.stat(name).st_mode)  # noqa: PTH116 - a Path of bytes does not exist
    # The file may have been replaced since then. O_NONBLOCK, because opening a FIFO would wait for a writer.
    descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _refuse_irregular(os.fstat(descriptor).st_mode)
    except ImageError:
        os.close(descriptor)
        raise
    return descriptor


def local_version(facts: os.stat_result) -> str:
    """The version of a local file: its modification time and its change time, in ns.

    A file that is replaced by one of the same size and modification time still gets a new change time, which no program
    can set.
    """
    return f"{facts.st_mtime_ns}-{facts.st_ctime_ns}"


def _refuse_irregular(mode: int) -> None:
    """Refuse all but regular files, because opening can do harm: it wakes the writer of a FIFO and rewinds a tape."""
    if not stat.S_ISREG(mode):
        kinds = {
            stat.S_IFIFO: "a FIFO",
            stat.S_IFSOCK: "a socket",
            stat.S_IFCHR: "a device",
            stat.S_IFBLK: "a device",
            stat.S_IFDIR: "a folder",
        }
        found = kinds.get(stat.S_IFMT(mode), "something else")
        raise ImageError(ErrorCode.UNREADABLE, f"is not a regular file, but {found}")
