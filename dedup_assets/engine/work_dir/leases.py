"""The lock of a work_dir on a store, which has no locks but creates an object only where there is none.

The holder rewrites the object again and again; one that does not change while it is watched is abandoned. It is watched
by the watcher's own monotonic clock, so that clocks that differ or jump do not matter.
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

from dedup_assets.engine.work_dir.locks import NAME, Holder, Lock, in_use

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.5
_BEAT_SECONDS = 5.0
_STALE_SECONDS = 30.0  # six beats: a holder that says nothing for so long has died


@contextmanager
def hold_remote(filesystem: Any, root: str, url: str, holder: Holder, *, wait: bool) -> Iterator[Lock]:  # noqa: ANN401
    """Hold the lock of a prefix on a store.

    Args:
        filesystem: of fsspec.
        root: the prefix.
        url: of the work_dir, for messages.
        holder: this run.
        wait: for ever; else it is an error as soon as another run is seen to be alive (within seconds).

    Raises:
        WorkDirError: another run holds it.
    """
    lease = _Lease(filesystem, f"{root.rstrip('/')}/{NAME}", holder)
    lease.acquire(url, wait=wait)
    beating = threading.Thread(target=lease.beat, name="work-dir-lock", daemon=True)
    beating.start()
    try:
        yield Lock(lease.lost)
    finally:
        lease.ended.set()
        beating.join()
        lease.release()


class _Lease:
    """An object that is created only where there is none, and rewritten while its holder lives."""

    def __init__(self, filesystem: Any, path: str, holder: Holder) -> None:  # noqa: ANN401
        self._fs, self._path = filesystem, path
        self._facts = asdict(holder) | {"token": uuid.uuid4().hex}
        self._beats = 0
        self.lost, self.ended = threading.Event(), threading.Event()

    def acquire(self, url: str, *, wait: bool) -> None:
        seen, since = b"", time.monotonic()
        while not self._create():
            found = self._read()
            if found is None:
                continue
            if found != seen:
                if seen and not wait:
                    raise in_use(url, Holder.read(found))
                seen, since = found, time.monotonic()
            elif time.monotonic() - since >= _STALE_SECONDS:
                _LOG.warning("the lock of work_dir=%r is taken over from a run that has died: %s", url, _who(found))
                if self._read() == found:
                    self._remove()
            time.sleep(_POLL_SECONDS)

    def beat(self) -> None:
        while not self.ended.wait(_BEAT_SECONDS):
            with suppress(Exception):  # a store that fails for a while: the next beat tells
                found = self._read()
                if found is None or self._facts["token"].encode() not in found:
                    self.lost.set()
                    return
                self._beats += 1
                self._fs.pipe_file(self._path, self._body())

    def release(self) -> None:
        if not self.lost.is_set():
            with suppress(Exception):
                found = self._read()
                if found is not None and self._facts["token"].encode() in found:
                    self._remove()

    def _create(self) -> bool:
        with suppress(FileExistsError):  # or ours, where the answer to the first attempt was lost on its way
            self._fs.pipe_file(self._path, self._body(), mode="create")
        found = self._read()  # a store that knows no conditions has let the last writer win
        return found is not None and self._facts["token"].encode() in found

    def _body(self) -> bytes:
        return json.dumps(self._facts | {"beats": self._beats}).encode()

    def _read(self) -> bytes | None:
        try:
            content: bytes = self._fs.cat_file(self._path)
        except FileNotFoundError:
            return None
        return content

    def _remove(self) -> None:
        with suppress(FileNotFoundError):
            self._fs.rm_file(self._path)


def _who(text: bytes) -> str:
    holder = Holder.read(text)
    return str(holder) if holder else "nobody known"
