"""Files of a store kept on this machine: fetched once for all its processes and runs, then memory-mapped by each.

A copy is named for where the file lies and for its version (size and ETag), so that a file that was published anew is
fetched anew. Of each file one version is kept; a process that still maps an older one keeps its pages.
"""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from dedup_assets.engine.core.errors import WorkDirError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

CACHE_DIR = "DEDUP_CACHE_DIR"  # of the machine, not of a run: workers of one run may have other disks


def cache_folder() -> Path | None:
    """Where this machine keeps copies: what the environment variable DEDUP_CACHE_DIR names; None: nowhere."""
    return Path(named) if (named := os.environ.get(CACHE_DIR)) else None


def fetch_whole(filesystem: Any, path: str, size: int, to: Path) -> None:  # noqa: ANN401 - fsspec is untyped
    """Copy an object of a store to a local path.

    Raises:
        OSError: the store sent more or less than `size` bytes.
    """
    filesystem.get_file(path, str(to))
    if to.stat().st_size != size:
        raise OSError(f"the store sent {to.stat().st_size} of {size} bytes")


def keep_copy(cache: Path, url: str, version: Callable[[], str], fetch: Callable[[Path], object]) -> Path:
    """The path of a copy of the newest version, fetched now if this machine has none.

    Args:
        cache: where copies are kept.
        url: of the file.
        version: asks the store for the version that stands there now.
        fetch: copies what stands there now to a path.

    Raises:
        WorkDirError: the copy cannot be kept.
    """
    folder = cache / _digest(url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        wanted = version()
        copy = folder / _name(url, wanted)
        if copy.exists():
            return copy
        with _alone(folder):
            return _fetched(folder, url, version, fetch)
    except OSError as error:
        raise WorkDirError(
            f"no copy of {url!r} can be kept in {CACHE_DIR}={str(cache)!r}: {error.strerror or error}"
        ) from None


def _fetched(folder: Path, url: str, version: Callable[[], str], fetch: Callable[[Path], object]) -> Path:
    while True:
        before = version()
        copy = folder / _name(url, before)
        if copy.exists():  # another process has fetched it while this one waited
            return copy
        for old in [path for path in folder.iterdir() if path.name != ".lock"]:  # also what a process left that died
            old.unlink()
        temporary = folder / f".{uuid.uuid4().hex}.tmp"
        try:
            fetch(temporary)
            if version() == before:  # else it was published anew meanwhile
                temporary.replace(copy)
                return copy
        finally:
            temporary.unlink(missing_ok=True)


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
