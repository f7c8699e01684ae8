"""The machine's cache of files of a store: each file is fetched once for all processes and runs, which then map it.

The name of a copy depends on the file's URL and its version (size and ETag), so a file that was published again is
fetched again. The cache holds one version of each file; a process that still maps an older one keeps its pages.
"""

import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Any

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.stores import read_object
from dedup_assets.engine.work_dir.folders import make_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_OURS = re.compile(r"[0-9a-f]{24}-|\.[0-9a-f]+\.tmp$")  # names of copies, complete and incomplete
_ATTEMPTS = 5  # to fetch a file that a run publishes again meanwhile
_READ_AT_ONCE_BYTES = 64 << 20  # in bounded time, and with fewer requests
CACHE_DIR = "DEDUP_CACHE_DIR"  # a setting of the machine, not of a run: workers of one run may have different disks


def cache_folder() -> Path | None:
    """The folder that the environment variable DEDUP_CACHE_DIR names; None if it is not set."""
    return Path(named) if (named := os.environ.get(CACHE_DIR)) else None


def fetch_whole(filesystem: Any, path: str, size: int, to: Path) -> None:  # noqa: ANN401 - fsspec is untyped
    """Copy an object of a store to a local path.

    Raises:
        OSError: the store sent more or less than `size` bytes.
    """
    if size <= _READ_AT_ONCE_BYTES:
        to.write_bytes(read_object(filesystem, path, size=size) if size else b"")
    else:
        filesystem.get_file(path, str(to))
    if to.stat().st_size != size:
        raise OSError(f"the store sent {to.stat().st_size} of {size} bytes")


def open_cached(cache: Path, url: str, version: Callable[[], str], fetch: Callable[[Path], object]) -> FileIO | None:
    """Open a copy of the newest version, which is fetched now if the cache has none.

    None if the store gives the file no version besides its size, because an older copy could then pass for it.

    Args:
        cache: the machine's cache folder.
        url: URL of the file.
        version: asks the store for the current version.
        fetch: copies the current version to a path.

    Raises:
        WorkDirError: the copy cannot be stored.
    """
    folder = cache / _digest(url)
    try:
        make_folder(folder)
        newest = version()
        if newest.endswith(" "):
            return None
        with suppress(FileNotFoundError):  # the cache has no copy of this version yet
            return FileIO(folder / _name(url, newest))
        with _alone(folder):
            return FileIO(_fetched(folder, url, version, fetch))
    except OSError as error:
        raise WorkDirError(
            f"cannot store a copy of {url!r} in {CACHE_DIR}={str(cache)!r}: {error.strerror or error}"
        ) from None


def _fetched(folder: Path, url: str, version: Callable[[], str], fetch: Callable[[Path], object]) -> Path:
    for _ in range(_ATTEMPTS):
        before = version()
        copy = folder / _name(url, before)
        if copy.exists():  # fetched by another process while this one waited
            return copy
        for old in [path for path in folder.iterdir() if _OURS.match(path.name)]:  # with leftovers of killed processes
            old.unlink()
        temporary = folder / f".{uuid.uuid4().hex}.tmp"
        try:
            fetch(temporary)
            if version() == before:  # else it was published again meanwhile
                temporary.replace(copy)
                return copy
        finally:
            temporary.unlink(missing_ok=True)
    raise WorkDirError(f"{url!r} was published again at each of {_ATTEMPTS} attempts to fetch it; run again")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("wb") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _name(url: str, version: str) -> str:
    return f"{_digest(version)}-{PurePosixPath(url).name}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]
