"""Files wherever they lie: local paths as bytes, and URLs of S3 and whatever else fsspec opens.

Listing, reading, containers and the work_dir share it.
"""

import os
import stat
from collections.abc import Callable
from typing import Any, BinaryIO

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode

_BLOCK_BYTES = 4 << 20  # of a store, asked for at once where a file is read from one place on
# A server that fails is asked again, by the store's package, a few times and each time later; one that stalls has so
# long for an object, all attempts together.
_RETRIES = {"mode": "standard", "max_attempts": 3}
_DEADLINE_SECONDS = 90.0
_SLOWEST_BYTES_A_SECOND = 100_000


_remote_opener: Callable[[bytes], BinaryIO] | None = None


def is_url(name: bytes) -> bool:
    """Whether a name is a URL; otherwise it is the path of a local file."""
    return b"://" in name


def open_store(url: str) -> tuple[Any, str]:
    """The filesystem of a URL, and the path in it. Endpoint and credentials come from the usual environment variables.

    Raises:
        Exception: whatever the store's package raises where the protocol, a package or credentials are missing.
    """
    import fsspec

    # Kept listings would hide from this process what others have written since.
    options: dict[str, Any] = {"use_listings_cache": False}
    if url.startswith(("s3://", "s3a://")):
        options["config_kwargs"] = {"retries": _RETRIES} | fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
    filesystem, path = fsspec.core.url_to_fs(url, **options)
    return filesystem, str(path)


def read_object(
    filesystem: Any,  # noqa: ANN401 - fsspec is untyped
    path: str,
    start: int | None = None,
    end: int | None = None,
    *,
    size: int = 0,
) -> bytes:
    """Read an object of a store, or a part of it, in bounded time.

    Args:
        filesystem: of fsspec.
        path: in it.
        start: first byte; None for the whole object.
        end: position after the last byte.
        size: how many bytes are expected, which decides how long they may take.

    Raises:
        TimeoutError: the store took too long.
        Exception: stores have errors of their own.
    """
    import asyncio

    from fsspec.asyn import sync

    seconds = _DEADLINE_SECONDS + size / _SLOWEST_BYTES_A_SECOND
    if not getattr(filesystem, "async_impl", False):
        content: bytes = filesystem.cat_file(path, start=start, end=end)
        return content
    if start is None and size and "s3" in filesystem.protocol:
        start = 0  # before it reads all of an object, s3fs asks for its size; not before all from the first byte on
    try:
        content = sync(filesystem.loop, asyncio.wait_for, filesystem._cat_file(path, start=start, end=end), seconds)
    except TimeoutError:
        raise TimeoutError(f"the store took longer than {seconds:.0f} s") from None
    return content


def read_small_object(filesystem: Any, path: str) -> bytes:  # noqa: ANN401 - fsspec is untyped
    """Read a whole object of a store that holds something, in one request.

    Raises:
        FileNotFoundError: there is none.
        TimeoutError: the store took too long.
        Exception: stores have errors of their own.
    """
    return read_object(filesystem, path, size=1)


def open_file(name: bytes) -> BinaryIO:
    """Open a file for reading, with random access, wherever it lies.

    Raises:
        ImageError: it is no regular file.
        Exception: it cannot be opened; stores have errors of their own.
    """
    if is_url(name):
        if _remote_opener:
            return _remote_opener(name)
        filesystem, path = open_store(os.fsdecode(name))
        remote: BinaryIO = filesystem.open(path, "rb", block_size=_BLOCK_BYTES)
        return remote
    return os.fdopen(_open_local(name), "rb")


def read_file(name: bytes, most: int) -> bytes:
    """Read a local file whole.

    Raises:
        ImageError: it is no regular file, or has more than `most` bytes.
        OSError: it cannot be read.
    """
    descriptor = _open_local(name)
    try:
        size = os.fstat(descriptor).st_size
        if size > most:
            raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"{size} bytes: more than {most}")
        content = os.read(descriptor, size)
        if len(content) < size:  # the system reads 2 GiB at once, or less
            with os.fdopen(os.dup(descriptor), "rb") as file:
                return content + file.read()
        return content
    finally:
        os.close(descriptor)


def _open_local(name: bytes) -> int:
    _refuse_irregular(os.stat(name).st_mode)  # noqa: PTH116 - a Path of bytes does not exist
    # Replaced since then? O_NONBLOCK: opening a FIFO would wait for a writer for ever.
    descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _refuse_irregular(os.fstat(descriptor).st_mode)
    except ImageError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_irregular(mode: int) -> None:
    """Opening alone can do harm: wake the writer of a FIFO, rewind a tape."""
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


def open_urls_by(opener: Callable[[bytes], BinaryIO]) -> None:
    """From now on let `opener` open URLs in this process: one that decodes has another read them for it."""
    global _remote_opener  # noqa: PLW0603 - how this process reaches stores
    _remote_opener = opener


def read_at(name: bytes, offset: int, size: int) -> bytes:
    """Read a part of a file; what lies beyond its end is left out.

    Raises:
        Exception: as `open_file`.
    """
    if is_url(name):
        filesystem, path = open_store(os.fsdecode(name))
        return read_object(filesystem, path, offset, offset + size, size=size) if size else b""
    with open_file(name) as file:
        file.seek(offset)
        return file.read(size)


def describe(name: bytes) -> tuple[int, str]:
    """Size in bytes (-1: unknown), and a version that changes with the content.

    Raises:
        Exception: there is no such file; stores have errors of their own.
    """
    if is_url(name):
        filesystem, path = open_store(os.fsdecode(name))
        return describe_object(filesystem.info(path))
    facts = os.stat(name)  # noqa: PTH116 - a Path of bytes does not exist
    return facts.st_size, local_version(facts)


def local_version(facts: os.stat_result) -> str:
    """The version of a local file: when its content and when anything of it last changed, in ns.

    A file that is written with the size and the modification time of the former one still has another change time,
    which no program can set.
    """
    return f"{facts.st_mtime_ns}-{facts.st_ctime_ns}"


def describe_object(facts: dict[str, Any]) -> tuple[int, str]:
    """As `describe`, from what a store says of an object; stores name their versions differently."""
    tags = (facts.get(key) for key in ("ETag", "etag", "checksum", "mtime", "LastModified", "last_modified", "created"))
    size = facts.get("size")
    return -1 if size is None else size, next((str(tag) for tag in tags if tag), "")
