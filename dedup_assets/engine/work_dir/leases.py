"""The lock of a work_dir on a store. Stores have no locks, but can create an object on condition that it is new.

Each holder of the lock has an epoch: an object `.lock/<number>`, created on that condition, so that only one of two
simultaneous runs gets it. The newest epoch holds the lock until its object says that it has ended. Its holder rewrites
the object every few seconds. A holder whose object does not change while another run watches it is taken for dead, and
the next epoch may be created. The watcher uses its own monotonic clock, so clocks that differ or jump do not matter.

A run that was taken for dead and goes on finds a newer epoch than its own before it publishes, and changes nothing
more (`publishing`). Some gateways to stores ignore the condition. There, two simultaneous runs may both begin; the one
whose object was overwritten notices that before it publishes.
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from dedup_assets.engine.core.errors import LostLockError, WorkDirError
from dedup_assets.engine.stores import read_object
from dedup_assets.engine.work_dir.failures import named_place
from dedup_assets.engine.work_dir.locks import NAME, Holder, IsOver, Lock, in_use

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.5
_BEAT_SECONDS = 5.0
_STALE_SECONDS = 30.0  # six beats: a holder that is silent for longer is taken for dead
_ATTEMPTS = 20  # to take or read a lock that others take meanwhile
_ENDED = "ended"
_MOST_BYTES = 4096  # in the object of an epoch


@contextmanager
def hold_remote(
    filesystem: Any,  # noqa: ANN401 - fsspec is untyped
    root: str,
    url: str,
    holder: Holder,
    *,
    wait: bool,
    is_over: IsOver | None = None,
) -> Iterator[Lock]:
    """Hold the lock of a prefix on a store.

    Args:
        filesystem: the fsspec filesystem.
        root: the prefix.
        url: of the work_dir, for messages.
        holder: this run.
        wait: whether to wait, without a limit, while another run holds the lock. If not, that is an error as soon as
            the other run is seen to be alive (within seconds).
        is_over: says whether the run that holds the lock has ended.

    Raises:
        WorkDirError: another run holds it.
    """
    lease = Lease(filesystem, f"{root.rstrip('/')}/{NAME}", url, holder)
    ended = threading.Event()
    beating = threading.Thread(target=lease.beat, args=(ended,), name="work-dir-lock", daemon=True)
    try:
        lease.acquire(wait=wait, is_over=is_over)
        beating.start()
    except BaseException:  # Ctrl-C may come when the lock is taken already
        lease.release()
        raise
    try:
        yield lease
    finally:
        ended.set()
        beating.join()
        lease.release()


class Lease(Lock):
    """The lock of a store.

    Args:
        filesystem: the fsspec filesystem.
        folder: folder of the objects of its epochs.
        url: of the work_dir, for messages.
        holder: this run.
    """

    def __init__(self, filesystem: Any, folder: str, url: str, holder: Holder) -> None:  # noqa: ANN401
        super().__init__()
        self._fs, self._folder, self._url, self._holder = filesystem, folder, url, holder
        self._place = named_place(url)
        self._process = uuid.uuid4().hex
        self._beats = 0

    def acquire(self, *, wait: bool, is_over: IsOver | None = None) -> None:
        """Take the lock. Raises WorkDirError if another run holds it."""
        seen, since = b"", time.monotonic()
        tried: list[int] = []  # an epoch that others create is progress; one that cannot be created is none
        while len(tried) < _ATTEMPTS:
            newest, found = self._newest()
            other = Holder.read(found)
            if other is not None and other.run == self._holder.run and not _has_ended(found):
                self.epoch = newest  # another process of this run has taken it
                return
            is_free = newest == 0 or _has_ended(found)
            if not is_free and other is not None and is_over is not None and other.has_steps:
                is_free = is_over(other.run) is True
            if not is_free and found != seen:
                if seen and not wait:
                    raise in_use(self._url, other)
                if not seen:
                    self._tell_that_it_waits(other, wait=wait)
                seen, since = found, time.monotonic()
            elif not is_free and time.monotonic() - since >= _STALE_SECONDS:
                _LOG.warning("the lock of %s is taken over from a run that has died: %s", self._place, other)
                is_free = True
            if is_free:
                if self._create(newest + 1):
                    self.epoch = newest + 1
                    return
                tried = [*tried, newest] if newest in tried else [newest]
            time.sleep(_POLL_SECONDS)
        raise WorkDirError(
            f"{self._place} cannot be locked: the store does not show, or does not keep, what was written a "
            f"moment before ({_ATTEMPTS} attempts)"
        )

    def _tell_that_it_waits(self, other: Holder | None, *, wait: bool) -> None:
        """Say why nothing happens for a while: whether another holder lives shows only after some of its beats."""
        who = f"another run ({other})" if other else "another run"
        how_long = (
            f"until it ends, or is silent for {_STALE_SECONDS:.0f} s" if wait else f"at most {_STALE_SECONDS:.0f} s"
        )
        _LOG.warning("the lock of %s is held by %s: waiting %s to see whether it lives", self._place, who, how_long)

    def check(self) -> None:
        """Check that it is still held. Raises LostLockError if another run has taken it over."""
        newest, found = self._newest()
        if newest != self.epoch or not self._is_ours(found):
            raise LostLockError(
                f"another run has taken over {self._place}, because this one was silent for too long; it "
                "changes nothing more there; run again when that one has ended"
            )

    def beat(self, ended: threading.Event) -> None:
        """Rewrite the object every few seconds, to show that the holder lives, until `ended` is set."""
        while not ended.wait(_BEAT_SECONDS):
            with suppress(Exception):  # the store may fail for a while; the next beat tries again
                self.check()
                self._beats += 1
                self._fs.pipe_file(self._path(self.epoch), self._body())

    def release(self) -> None:
        """Note that the run has ended, unless it goes on in other processes."""
        if self._holder.has_steps and not self.is_over:
            return
        with suppress(Exception):
            self.check()
            self._fs.pipe_file(self._path(self.epoch), self._body(ended=True))

    def forget_former_epochs(self) -> None:
        """Delete the objects of earlier epochs, which are no longer read."""
        for number in self._epochs():
            if number < self.epoch:
                with suppress(FileNotFoundError):
                    self._fs.rm_file(self._path(number))

    def _create(self, epoch: int) -> bool:
        with suppress(FileExistsError):  # the object may still be ours, if the answer to a first attempt was lost
            self._fs.pipe_file(self._path(epoch), self._body(), mode="create")
        newest, found = self._newest()  # on a store without conditions, the last writer has won
        return newest == epoch and self._is_ours(found)

    def _is_ours(self, found: bytes) -> bool:
        other = Holder.read(found)
        if other is None or other.run != self._holder.run or _has_ended(found):
            return False
        return self._holder.has_steps or json.loads(found).get("process") == self._process

    def _body(self, *, ended: bool = False) -> bytes:
        facts = asdict(self._holder) | {"process": self._process, "beats": self._beats, _ENDED: ended}
        return json.dumps(facts).encode()

    def _newest(self) -> tuple[int, bytes]:
        """The number of the newest epoch and the content of its object; 0 and nothing if there is none."""
        for _ in range(_ATTEMPTS):
            epochs = self._epochs()
            if not epochs:
                return 0, b""
            with suppress(FileNotFoundError):  # a missing one was deleted meanwhile, because there is a newer one
                return epochs[-1], read_object(self._fs, self._path(epochs[-1]), size=_MOST_BYTES)
        raise WorkDirError(f"the lock of {self._place} cannot be read: the store lists objects that are gone")

    def _epochs(self) -> list[int]:
        try:
            listed = self._fs.ls(self._folder, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        names = (PurePosixPath(path).name for path in listed)
        return sorted(int(name) for name in names if name.isdecimal())

    def _path(self, epoch: int) -> str:
        return f"{self._folder}/{epoch:012d}"


def _has_ended(found: bytes) -> bool:
    try:
        return json.loads(found).get(_ENDED) is True
    except (ValueError, AttributeError, RecursionError):
        return False
