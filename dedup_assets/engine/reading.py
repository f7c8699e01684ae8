"""Names to bytes: one file or object read whole, wherever it lies."""

import os
import stat

import fsspec

from dedup_assets.engine.errors import ImageError
from dedup_assets.engine.records import ErrorCode

MAX_FILE_BYTES = 1 << 30  # an image file is held in memory whole


def read(name: bytes) -> bytes:
    """Read one listed image.

    Args:
        name: the path's bytes, or a URL.

    Raises:
        ImageError: it is missing, no regular file, empty, too large to hold, or cannot be read.
    """
    try:
        content = _read_url(os.fsdecode(name)) if b"://" in name else _read_local(name)
    except FileNotFoundError:
        raise ImageError(ErrorCode.MISSING_FILE, "no such file") from None
    except ImageError:
        raise
    except Exception as error:  # noqa: BLE001 - every store has errors of its own
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        text = reason.encode("utf-8", "backslashreplace").decode()  # it may quote a name that is not UTF-8
        raise ImageError(ErrorCode.UNREADABLE, f"cannot be read: {text}") from None
    if not content:
        raise ImageError(ErrorCode.ZERO_SIZE_FILE, "the file is empty")
    return content


def _read_local(name: bytes) -> bytes:
    # O_NONBLOCK: opening a FIFO would wait for a writer for ever.
    descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:  # closed here: os.fdopen leaves a folder open
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise ImageError(ErrorCode.UNREADABLE, "is not a regular file")
        if facts.st_size > MAX_FILE_BYTES:
            raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"{facts.st_size} bytes: more than {MAX_FILE_BYTES}")
        with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _read_url(url: str) -> bytes:
    filesystem, path = fsspec.core.url_to_fs(url)
    size = filesystem.size(path)
    if size is not None and size > MAX_FILE_BYTES:
        raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"{size} bytes: more than {MAX_FILE_BYTES}")
    content: bytes = filesystem.cat_file(path)
    return content
