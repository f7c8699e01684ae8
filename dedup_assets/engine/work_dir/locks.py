"""Who may change a work_dir: one run at a time. On local disks here, on stores in `leases`.

The lock is the system's own (flock). It ends with the process that holds it, so a crash leaves no stale lock. A run
whose steps are separate processes holds the lock through each of them; between two steps, a note in the lock file
keeps other runs out.
"""

import errno
import json
import logging
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from dedup_assets.engine.core.errors import InUseError, WorkDirError
from dedup_assets.engine.work_dir.failures import named_place, remedy
from dedup_assets.engine.work_dir.folders import open_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"
BETWEEN_STEPS_SECONDS = 120.0
"""A run of several processes counts as ended after this time without a step, if its state is not known otherwise."""

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
_ATTEMPTS = 50
_NOTE, _NOTE_BYTES = b'{"doing"', 4096  # how a note begins, and the most that is looked at
_STEPS_MEET_SECONDS = 10.0
"""A step that is refused tries again for this long: the run's other steps lock the file alone for a moment when they
read, write or delete the note, and a busy machine or disk stretches the moment."""
_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0)  # for the writer of a FIFO

IsOver = Callable[[str], bool | None]
"""Says whether the run of this identity has ended; None if that is not known."""
Prepare = Callable[["Lock"], None]
"""Makes a work_dir ready for a run, before other steps of the run may hold the lock too."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock; named in the message to a run that is refused.

    Attributes:
        doing: the run, in words.
        host: its machine.
        pid: its process on that machine.
        since: when it began, by its own clock.
        run: its identity; processes of one run do not exclude one another.
        has_steps: whether its steps may be separate processes, so that the run goes on when one of them ends.
    """

    doing: str
    host: str
    pid: int
    since: str
    run: str
    has_steps: bool = False

    @classmethod
    def here(cls, doing: str, run: str, *, has_steps: bool = False) -> "Holder":
        """This process, now."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return cls(doing, socket.gethostname(), os.getpid(), now, run, has_steps)

    @classmethod
    def read(cls, text: bytes) -> "Holder | None":
        """The holder that a lock names; None if its text cannot be read."""
        try:
            facts = json.loads(text)
            names = ("doing", "host", "pid", "since", "run")
            return cls(**{name: facts[name] for name in names}, has_steps=facts.get("has_steps") is True)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def __str__(self) -> str:
        return f"{self.doing}, process {self.pid} on {self.host}, since {self.since}"


class Lock:
    """A lock that is held.

    Attributes:
        epoch: number of this holder among all holders of the lock of a store, from 1; 0 on local disks.
        is_over: set by a run of several processes when it has ended; without it, the run goes on in its next step.
    """

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch
        self.is_over = False

    def check(self) -> None:
        """Check that it is still held. On local disks it is, as long as this process lives.

        Raises:
            LostLockError: another run has taken it over.
        """

    def forget_former_epochs(self) -> None:
        """Delete what earlier holders have left in the lock of a store; on local disks they leave nothing."""


@contextmanager
def hold_local(
    root: Path,
    url: str,
    holder: Holder,
    *,
    wait: bool,
    beneath: str = "",
    shared: bool = False,
    is_over: IsOver | None = None,
    prepare: Prepare | None = None,
) -> Iterator[Lock]:
    """Hold the lock of a folder, which is created if needed.

    The lock file stays. It is deleted only with a folder that was made for it and holds nothing else, as after a run
    that is refused; whoever waits for that file meanwhile then locks a new one.

    Args:
        root: the folder.
        url: of the work_dir, for messages.
        holder: this run.
        wait: whether to wait, without a limit, while another run holds the lock; if not, that is an error.
        beneath: the sub-folder that holds the lock file, if it is not the folder itself.
        shared: keep writers out, but not other readers.
        is_over: says whether a run that has left a note, and has no process at work, has ended.
        prepare: called with the lock, unless other steps of the run are at work: then one of them has called it.

    Raises:
        WorkDirError: another run holds it, or the folder cannot be written to.
    """
    lock, made = Lock(), _missing(root / beneath)
    file, is_alone = _lock(root, beneath, url, holder, wait=wait, shared=shared, is_over=is_over)
    try:
        if prepare is not None and is_alone:
            prepare(lock)
        if file is not None and is_alone and holder.has_steps:
            _share(file, url, holder, is_over)
        yield lock
    finally:
        if file is not None:
            if not shared:
                _leave(file, holder, lock)
            _remove_unused(file, root, beneath, made)
            file.close()


def _lock(
    root: Path, beneath: str, url: str, holder: Holder, *, wait: bool, shared: bool, is_over: IsOver | None
) -> tuple[BinaryIO | None, bool]:
    """The lock file, locked, and whether this process alone holds it; no file if the system or the disk has no locks.

    Steps of one run share the lock. The note in the file keeps other runs out meanwhile.
    """
    if fcntl is None:
        return None, True
    while True:
        file = _open(root, beneath, url)
        try:
            is_alone = _acquire(file, url, holder, wait=wait, shared=shared, is_over=is_over)
            if _is_in_place(file, root / beneath):
                return file, is_alone
            file.close()  # another run that left nothing has removed it
        except BaseException as error:  # also Ctrl-C
            file.close()
            if not isinstance(error, OSError):
                raise
            _LOG.warning("work_dir=%r cannot be locked (%s): start no second run on it meanwhile", url, error.strerror)
            return None, True


def _acquire(file: BinaryIO, url: str, holder: Holder, *, wait: bool, shared: bool, is_over: IsOver | None) -> bool:
    """Lock the file; whether this process alone holds it. Raises WorkDirError if another run does."""
    until = time.monotonic() + (_STEPS_MEET_SECONDS if holder.has_steps else 0.0)
    while (is_alone := _try(file, holder, shared=shared, is_over=is_over)) is None:
        other = _noted(file)
        is_same_run = other is not None and other.run == holder.run  # another step prepares the work_dir
        if not (wait or is_same_run) and time.monotonic() >= until:
            raise in_use(url, other)
        time.sleep(_POLL_SECONDS)
    return is_alone


def _try(file: BinaryIO, holder: Holder, *, shared: bool, is_over: IsOver | None) -> bool | None:
    """Lock the file if no other run holds it; whether this process alone holds it then, or None."""
    is_alone = not shared and _flock(file, fcntl.LOCK_EX)
    if not is_alone and not _flock(file, fcntl.LOCK_SH):
        return None
    other = _noted(file)
    if other is not None and other.run == holder.run:
        is_free = True
    elif other is not None and other.has_steps:
        is_free = (is_alone or shared) and _has_ended(other, file, is_over)
    else:
        is_free = is_alone or shared  # otherwise a reader holds it
    if not is_free:
        _flock(file, fcntl.LOCK_UN)
        return None
    if is_alone:
        _write(file, json.dumps(asdict(holder)).encode(), must=holder.has_steps)
    return is_alone


def _share(file: BinaryIO, url: str, holder: Holder, is_over: IsOver | None) -> None:
    """Let other steps of the run hold the lock too. Raises WorkDirError if another run has taken it."""
    is_alone = True
    while is_alone:
        os.utime(file.fileno())  # preparing may have taken long
        if _flock(file, fcntl.LOCK_SH) and _is_noted(file, holder):
            return
        # The change is not atomic: another process has locked the file meanwhile.
        is_alone = _acquire(file, url, holder, wait=False, shared=False, is_over=is_over)


def _flock(file: BinaryIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _has_ended(other: Holder, file: BinaryIO, is_over: IsOver | None) -> bool:
    """Whether a run has ended that has left a note and has no step at work."""
    known = is_over(other.run) if is_over is not None else None
    silent_seconds = abs(time.time() - os.fstat(file.fileno()).st_mtime)
    return silent_seconds > BETWEEN_STEPS_SECONDS if known is None else known


def _leave(file: BinaryIO, holder: Holder, lock: Lock) -> None:
    """Delete the note in the lock file if the run has ended and no other process of it is at work."""
    if holder.has_steps and not _is_noted(file, holder):
        return
    if holder.has_steps and not (lock.is_over and _flock(file, fcntl.LOCK_EX)):
        with suppress(OSError):
            os.utime(file.fileno())  # starts the time again after which the run counts as ended
        return
    _write(file, b"")


def _missing(folder: Path) -> list[Path]:
    """The folders that have to be made for a folder, the innermost first."""
    return list(takewhile(lambda each: not os.path.lexists(each), (folder, *folder.parents)))


def _is_in_place(file: BinaryIO, folder: Path) -> bool:
    """Whether a lock file is still the one in its folder."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(folder / NAME))
    except FileNotFoundError:
        return False


def _remove_unused(file: BinaryIO, root: Path, beneath: str, made: list[Path]) -> None:
    """Remove the folders that were made for a lock, if nothing but its file is there and nobody else uses it."""
    if not made or _noted(file) is not None or not _flock(file, fcntl.LOCK_EX) or _noted(file) is not None:
        return
    with suppress(OSError, WorkDirError):
        with open_folder(str(root), str(root / beneath)) as folder:
            if folder.names() != [NAME] or not _is_in_place(file, root / beneath):
                return
            folder.remove(NAME)
        for each in made:
            each.rmdir()


def _open(root: Path, beneath: str, url: str) -> BinaryIO:
    try:
        descriptor = _descriptor(root, beneath)
    except OSError as error:
        if error.errno == errno.ELOOP:
            said = f"work_dir={url!r}: {NAME} is a link, and nothing is written through it; remove it"
            raise WorkDirError(said) from None
        raise WorkDirError(_why_not(root, url, error), error) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise WorkDirError(f"work_dir={url!r}: {NAME} is not a regular file; remove it")
    file = os.fdopen(descriptor, "r+b", buffering=0)
    if (noted := file.read(_NOTE_BYTES)).strip() and not noted.startswith(_NOTE):
        file.close()
        raise WorkDirError(f"work_dir={url!r}: {NAME} was not written by this package; move it away, or name another")
    return file


def _descriptor(root: Path, beneath: str) -> int:
    """The lock file, opened; its folder is made again where a run that left nothing removes it meanwhile."""
    for attempt in range(_ATTEMPTS):
        try:
            with open_folder(str(root), str(root / beneath), create=True) as folder:
                return folder.open(NAME, os.O_RDWR | os.O_CREAT | _WITHOUT_WAITING)
        except FileNotFoundError:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError  # the last attempt returns or raises


def _why_not(root: Path, url: str, error: OSError) -> str:
    """Why a lock file cannot be opened, in words."""
    if root.is_dir():
        advice = remedy(error, "name one that can be written to")
        return f"cannot write to work_dir={url!r}: {NAME}: {error.strerror or error}; {advice}"
    if os.path.lexists(root):
        return f"work_dir={url!r} is a file, and a folder is wanted; name another"
    return f"work_dir={url!r} cannot be created: {error.strerror or error}; {remedy(error, 'name another')}"


def _noted(file: BinaryIO) -> Holder | None:
    file.seek(0)
    return Holder.read(file.read())


def _is_noted(file: BinaryIO, holder: Holder) -> bool:
    noted = _noted(file)
    return noted is not None and noted.run == holder.run


def _write(file: BinaryIO, content: bytes, *, must: bool = False) -> None:
    """Note in the lock file who holds it."""
    try:
        file.seek(0)
        file.truncate()
        file.write(content)
    except OSError:  # a full disk: the lock holds without a note
        if must:
            raise


def in_use(url: str, other: Holder | None) -> WorkDirError:
    """The error for a run that is refused."""
    who = str(other) if other else "a run that reads it"
    between = f"; it is free {BETWEEN_STEPS_SECONDS:.0f} s after the last step" if other and other.has_steps else ""
    return InUseError(
        f"{named_place(url)} is in use by another run ({who}){between}; wait until it ends, or name another", who
    )
