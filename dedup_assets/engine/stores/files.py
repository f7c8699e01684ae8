"""Files wherever they lie: one way to open, read and describe a local path or a URL."""

import os
from collections.abc import Callable
from typing import BinaryIO

from dedup_assets.engine.stores.local import local_version, open_local
from dedup_assets.engine.stores.remote import describe_object, object_info, open_store, read_object

_BLOCK_BYTES = 4 << 20  # bytes of an object that are fetched at once
_LOCAL_PROTOCOLS = {b"file", b"local"}

_remote_opener: Callable[[bytes], BinaryIO] | None = None


def is_url(name: bytes) -> bool:
    """Whether a name is a URL; otherwise it is the path of a local file."""
    return b"://" in name


def local_path(name: bytes) -> bytes | None:
    """The absolute path of a local file; None for a URL of a store.

    Args:
        name: a path, which may begin with `~`, or a URL; those of fsspec's `file` and `local` are local.
    """
    if is_url(name):
        protocol, _, path = name.partition(b"://")
        return os.path.abspath(path) if protocol in _LOCAL_PROTOCOLS else None  # noqa: PTH100 - bytes
    if name.startswith(b"~") and not os.path.lexists(name):
        name = os.path.expanduser(name)  # noqa: PTH111 - a Path of bytes does not exist
    return os.path.abspath(name)  # noqa: PTH100 - likewise


def open_file(name: bytes) -> BinaryIO:
    """Open a file for reading, with random access, wherever it lies.

    Raises:
        ImageError: it is no regular file.
        Exception: it cannot be opened; stores have errors of their own.
    """
    if not is_url(name):
        return os.fdopen(open_local(name), "rb")
    if _remote_opener:
        return _remote_opener(name)
    filesystem, path = open_store(os.fsdecode(name))
    remote: BinaryIO = filesystem.open(path, "rb", block_size=_BLOCK_BYTES)
    return remote


def open_urls_by(opener: Callable[[bytes], BinaryIO]) -> None:
    """Let `opener` open all URLs in this process from now on. A decoding process lets its parent read them."""
    global _remote_opener  # noqa: PLW0603 - how this process reaches stores
    _remote_opener = opener


def read_at(name: bytes, offset: int, size: int) -> bytes:
    """Read a part of a file; fewer bytes where the file ends before.

    Raises:
        Exception: as `open_file`.
    """
    if not is_url(name):
        with open_file(name) as file:
            file.seek(offset)
            return file.read(size)
    filesystem, path = open_store(os.fsdecode(name))
    return read_object(filesystem, path, offset, offset + size, size=size) if size else b""


def describe(name: bytes) -> tuple[int, str]:
    """Size in bytes (-1: unknown), and a version that changes with the content; empty where that is unknown.

    Raises:
        Exception: there is no such file; stores have errors of their own.
    """
    if not is_url(name):
        facts = os.stat(name)  # noqa: PTH116 - a Path of bytes does not exist
        return facts.st_size, local_version(facts)
    return describe_object(object_info(*open_store(os.fsdecode(name))))
