"""Who may change a work_dir: one run at a time. On local disks here, on stores in `leases`.

The lock is the system's own (flock), which ends with the process that holds it: nothing is stale after a crash, and no
clock is asked.
"""

import errno
import json
import logging
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir.writing import make_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"
_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # through no link, and without waiting at a FIFO


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
    """Hold the lock of a folder, which is created if need be.

    The lock file stays: a file that is deleted while others wait for it would let two of them in.

    Args:
        root: the folder.
        url: of the work_dir, for messages.
        holder: this run.
        wait: for ever; else it is an error where another run holds the lock.
        shared: keep writers out, but not other readers.

    Raises:
        WorkDirError: another run holds it, or the folder cannot be written to.
    """
    file = _lock(root / NAME, url, holder, wait=wait, shared=shared)
    try:
        yield Lock()
    finally:
        if file is not None:
            if not shared:
                _write(file, b"")
            file.close()


def _lock(path: Path, url: str, holder: Holder, *, wait: bool, shared: bool) -> BinaryIO | None:
    """The lock file, locked; None where that is not possible or not needed."""
    if fcntl is None:
        return None
    file = _open(path, url)
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    while True:
        try:
            fcntl.flock(file, kind)
        except BlockingIOError:
            file.seek(0)
            other = Holder.read(file.read())
            if other is not None and other.run == holder.run:
                file.close()
                return None  # another process of this run
            if not wait:
                file.close()
                raise in_use(url, other) from None
            time.sleep(_POLL_SECONDS)
        except OSError as error:
            file.close()
            _LOG.warning("work_dir=%r cannot be locked (%s): start no second run on it meanwhile", url, error.strerror)
            return None
        else:
            if not shared:
                _write(file, json.dumps(asdict(holder)).encode())
            return file


def _open(path: Path, url: str) -> BinaryIO:
    try:
        make_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | _SAFELY, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise WorkDirError(
                f"work_dir={url!r}: {NAME} is a link, and nothing is written through it; remove it"
            ) from None
        raise WorkDirError(f"cannot write to work_dir={url!r}: {NAME}: {error.strerror or error}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise WorkDirError(f"work_dir={url!r}: {NAME} is not a regular file; remove it")
    return os.fdopen(descriptor, "r+b", buffering=0)


def _write(file: BinaryIO, content: bytes) -> None:
    """Say in the lock file who holds it."""
    with suppress(OSError):  # a full disk: the lock holds without a name
        file.seek(0)
        file.truncate()
        file.write(content)


def in_use(url: str, other: Holder | None) -> WorkDirError:
    """The error for a run that is refused."""
    who = str(other) if other else "a run that reads it"
    return WorkDirError(f"work_dir={url!r} is in use by another run ({who}); wait until it ends, or name another")
