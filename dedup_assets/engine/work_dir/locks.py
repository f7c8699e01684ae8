"""Who may change a work_dir: one run at a time. On local disks here, on stores in `leases`.

The lock is the system's own (flock), which ends with the process that holds it: nothing is stale after a crash, and no
clock is asked.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from dedup_assets.engine.core.errors import WorkDirError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"
_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: said to whoever is refused.

    Attributes:
        doing: the run, in words.
        host: its machine.
        pid: its process there.
        since: when it began, by its own clock.
        run: its identity; processes of one run do not exclude one another.
    """

    doing: str
    host: str
    pid: int
    since: str
    run: str

    @classmethod
    def here(cls, doing: str, run: str) -> "Holder":
        """This process, now."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return cls(doing, socket.gethostname(), os.getpid(), now, run)

    @classmethod
    def read(cls, text: bytes) -> "Holder | None":
        """Who wrote a lock; None where it says nothing that can be read."""
        try:
            facts = json.loads(text)
            return cls(**{name: facts[name] for name in ("doing", "host", "pid", "since", "run")})
        except (ValueError, KeyError, TypeError):
            return None

    def __str__(self) -> str:
        return f"{self.doing}, process {self.pid} on {self.host}, since {self.since}"


class Lock:
    """A lock that is held.

    Args:
        lost: set where it was taken over, because this process had said nothing for too long.
    """

    def __init__(self, lost: threading.Event | None = None) -> None:
        self._lost = lost

    def check(self) -> None:
        """See that it is still held. Raises WorkDirError if not."""
        if self._lost is not None and self._lost.is_set():
            raise WorkDirError(
                "this run was silent for so long that another one has taken over its work_dir; run again when that ends"
            )


@contextmanager
def hold_local(root: Path, url: str, holder: Holder, *, wait: bool, shared: bool = False) -> Iterator[Lock]:
    """Hold the lock of a folder; the folder is created if need be, and removed again where nothing came into it.

    Args:
        root: the folder.
        url: of the work_dir, for messages.
        holder: this run.
        wait: for ever; else it is an error where another run holds the lock.
        shared: keep writers out, but not other readers.

    Raises:
        WorkDirError: another run holds it, or the folder cannot be written to.
    """
    made = _make_folders(root, url)
    try:
        file = _lock(root / NAME, url, holder, wait=wait, shared=shared)
        try:
            yield Lock()
        finally:
            _unlock(root / NAME, file)
    finally:
        for folder in made:
            with suppress(OSError):  # something came into it
                folder.rmdir()


def _make_folders(root: Path, url: str) -> list[Path]:
    """Create a folder with those above it; which were created, deepest first."""
    missing = [folder for folder in (root, *root.parents) if not folder.exists()]
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkDirError(f"cannot write to work_dir={url!r}: {error.strerror or error}") from None
    return missing


def _lock(path: Path, url: str, holder: Holder, *, wait: bool, shared: bool) -> BinaryIO | None:
    """The lock file, locked; None where that is not possible or not needed."""
    if fcntl is None:
        return None
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    while True:
        file = _open(path, url)
        try:
            fcntl.flock(file, kind)
        except BlockingIOError:
            other = Holder.read(file.read())
            file.close()
            if other is not None and other.run == holder.run:
                return None  # another process of this run
            if not wait:
                raise in_use(url, other) from None
            time.sleep(_POLL_SECONDS)
            continue
        except OSError as error:
            file.close()
            _LOG.warning("work_dir=%r cannot be locked (%s): start no second run on it meanwhile", url, error.strerror)
            return None
        if _is_at(file, path):
            if not shared:
                _write(file, holder)
            return file
        file.close()  # its last holder has deleted it; another one stands there now


def _open(path: Path, url: str) -> BinaryIO:
    while True:
        try:
            return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b", buffering=0)
        except FileNotFoundError:  # whoever made the folder has removed it again
            _make_folders(path.parent, url)
        except OSError as error:
            raise WorkDirError(f"cannot write to work_dir={url!r}: {NAME}: {error.strerror or error}") from None


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _write(file: BinaryIO, holder: Holder) -> None:
    with suppress(OSError):  # a full disk: the lock holds without a name
        file.truncate(0)
        file.write(json.dumps(asdict(holder)).encode())
        file.flush()


def _unlock(path: Path, file: BinaryIO | None) -> None:
    if file is None or fcntl is None:
        return
    with file, suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # alone now, or another reader deletes it
        path.unlink()


def in_use(url: str, other: Holder | None) -> WorkDirError:
    """What a run is told that is refused."""
    who = str(other) if other else "a run that reads it"
    return WorkDirError(f"work_dir={url!r} is in use by another run ({who}); wait until it ends, or name another")
