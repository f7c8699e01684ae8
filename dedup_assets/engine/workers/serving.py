"""The worker's side. `process.py` starts it as `serve(handlers, memory, lifeline)`; the parent never imports it.

A request is a line of JSON: `do` names its handler, and `bytes` lists the sizes of the contents that follow the line. A
handler yields answers; each line that goes back is a list of `together` of them (1 by default). The last line of a
request is `null`; an exception that the handler does not catch is `{"defect": ...}`.
"""

import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, BinaryIO

from dedup_assets.engine.workers.sharing import SharedMemory

Handler = Callable[["Job"], Iterator[Any]]

_LARGEST_FILE = 1 << 20  # bytes: a worker writes only what libraries print
_MARGIN_SECONDS = 5.0


class Job:
    """One request, as its handler sees it.

    Attributes:
        request: the parent's JSON.
        contents: the bytes that came with it.
        memory: shared with the parent.
    """

    def __init__(self, request: dict[str, Any], contents: list[bytes], memory: SharedMemory, link: "_Link") -> None:
        self.request, self.contents, self.memory = request, contents, memory
        self._link = link

    def open_remote(self, name: bytes) -> BinaryIO:
        """A file that only the parent can read, such as an object; the parent's time limit does not count the wait."""
        return io.BufferedReader(_RemoteFile(self._link, name), buffer_size=1 << 18)


def serve(handlers: Mapping[str, Handler], memory: str, lifeline: int) -> None:
    """Answer requests until the parent ends."""
    link = _Link()
    _protect(lifeline)
    shared = SharedMemory(memory)
    link.send("ready")
    while line := link.requests.readline():
        request = json.loads(line)
        contents = [link.requests.read(size) for size in request.get("bytes", ())]
        _limit(request)
        try:
            answers = handlers[request["do"]](Job(request, contents, shared, link))
            while line_of_answers := list(islice(answers, request.get("together", 1))):
                link.send(line_of_answers)
                _restart_clock(request)
        except Exception:  # noqa: BLE001 - the parent raises it
            link.send({"defect": traceback.format_exc()})
        _stop_clock()
        del contents
        os.ftruncate(2, 0)
        link.send(None)


class _Link:
    """The two pipes. What libraries print goes to stderr, so that only answers reach the parent."""

    def __init__(self) -> None:
        self.requests = os.fdopen(os.dup(0), "rb", buffering=1 << 20)
        self._answers = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(2, 1)

    def send(self, answer: Any) -> None:  # noqa: ANN401 - JSON
        left = memoryview(json.dumps(answer).encode() + b"\n")
        while left:
            left = left[os.write(self._answers, left) :]


def _protect(lifeline: int) -> None:
    """Make this process end with its parent, and before its parent where memory runs out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    if sys.platform == "linux":
        import fcntl
        import select

        # The parent holds the other end of this pipe and never writes, so the only event is its own end. The signal of
        # that event ends this process even while native code holds the interpreter's lock.
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
        waiting = select.poll()
        waiting.register(lifeline, 0)
        if waiting.poll(0):  # the parent ended before the signal was set up
            sys.exit()
        with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - no Path needed
            file.write("1000")  # fails where /proc is read-only


def _limit(request: dict[str, Any]) -> None:
    """Set limits that the system enforces, even after the parent's end. Windows has none of them."""
    if sys.platform != "win32":
        import resource

        wanted = {resource.RLIMIT_FSIZE: _LARGEST_FILE, resource.RLIMIT_CORE: 0}
        for limit, value in (wanted | {resource.RLIMIT_DATA: request["memory_bytes"]}).items():
            _, hard = resource.getrlimit(limit)
            resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    _restart_clock(request)


def _restart_clock(request: dict[str, Any]) -> None:
    if sys.platform != "win32":  # SIGALRM ends the process, even one that never returns to Python
        signal.setitimer(signal.ITIMER_REAL, 2 * request["seconds"] + _MARGIN_SECONDS)


def _stop_clock() -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _clock_stopped() -> Iterator[None]:
    """Within the block the clock stands; afterwards it goes on with the time that was left."""
    if sys.platform == "win32":
        yield
        return
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)


class _RemoteFile(io.RawIOBase):
    """A file that the parent reads, see `remote.py`."""

    def __init__(self, link: _Link, name: bytes) -> None:
        super().__init__()
        self._link, self._name, self._place = link, name.decode("latin-1"), 0
        self._size = self._ask("size", 0, 0)[0]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence])
        return self._place

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        size, content = self._ask("read", self._place, len(buffer))
        buffer[:size] = content
        self._place += size
        return size

    def _ask(self, what: str, offset: int, size: int) -> tuple[int, bytes]:
        """Send a wish. Returns the size that the parent names, and for "read" as many bytes.

        Waiting for a store is no decoding, so the clock stands meanwhile.
        """
        with _clock_stopped():
            self._link.send({"ask": what, "name": self._name, "offset": offset, "size": size})
            reply = json.loads(self._link.requests.readline())
            content = self._link.requests.read(reply["size"]) if what == "read" and "size" in reply else b""
        if "error" in reply:
            raise FileNotFoundError(reply["error"]) if reply["missing"] else OSError(reply["error"])
        return reply["size"], content
