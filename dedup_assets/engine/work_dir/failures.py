"""Messages for a work_dir that cannot be opened, read or written, with what the user can do about it."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import fsspec

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.plan_records import TRASH
from dedup_assets.engine.stores import advise, open_store, reason_of

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says of a full disk."""
_NO_ROOM = FULL | {errno.EFBIG}
MAKE_ROOM = "make room, then run the same command again: what is finished is kept"


def remedy(error: OSError, otherwise: str) -> str:
    """What to do about an error of the system: about a full disk, else as given."""
    return MAKE_ROOM if error.errno in _NO_ROOM else otherwise


def cannot(url: str, folder: Path | None, action: str, name: str, error: OSError, written: int = 0) -> WorkDirError:
    """Our error for an error of the system.

    Args:
        url: URL of the work_dir.
        folder: its folder on a local disk; None for a store.
        action: what was tried: read, write, use...
        name: the file in question.
        error: the system's error.
        written: bytes that were written before the error.
    """
    to = "write to" if action == "write" else action
    if advice := advise(error):
        return WorkDirError(f"cannot {to} work_dir={url!r}: {advice}")
    said = f"cannot {to} work_dir={url!r}: {name}: {error.strerror or error}"
    if error.errno in _NO_ROOM:
        free = shutil.disk_usage(folder).free if folder is not None and folder.is_dir() else 0
        said += f" after {written} bytes ({free} are free); {MAKE_ROOM}"
    elif error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        said += "; name a work_dir that this user may write to"
    elif error.errno in {errno.EMFILE, errno.ENFILE}:
        said += "; raise the limit on open files (ulimit -n), or use fewer threads (num_threads)"
    return WorkDirError(said, error)


def open_place(url: str) -> tuple[Any, str]:
    """The filesystem of a work_dir, and the path in it. A name without a protocol is a path, even if it has '::'.

    Raises:
        WorkDirError: the protocol is unknown, or a package or credentials are missing.
    """
    if "://" not in url:
        return fsspec.filesystem("file"), os.path.abspath(url)  # noqa: PTH100 - Path.absolute keeps '..'
    try:
        filesystem, path = open_store(url)
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        raise WorkDirError(f"work_dir={url!r} cannot be opened: {reason_of(error)}") from None
    return filesystem, path


def named_place(url: str) -> str:
    """A folder that is locked, as messages have it: a trash is no work_dir."""
    return f"the trash {url!r}" if url.rstrip("/").endswith(f"/{TRASH}") else f"work_dir={url!r}"
