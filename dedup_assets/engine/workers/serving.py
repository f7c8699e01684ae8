"""The worker's side. Started by `process.py` as `serve(handlers, memory, lifeline)`; never imported by the parent.

A request is a line of JSON, `do` names its handler, and `bytes` says how many bytes follow for each of its contents. A
handler yields its answers; a line has a list of `together` of them, one where the request does not say. The last line
of a request is `null`; a defect of ours is `{"defect": ...}`.
"""

import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

from dedup_assets.engine.workers.sharing import SharedMemory

Handler = Callable[["Job"], Iterator[Any]]

_LARGEST_FILE = 1 << 20  # bytes: a worker writes nothing but what libraries print
_MARGIN_SECONDS = 5.0


class Job:
    """One request as its handler sees it.

    Attributes:
        request: the parent's JSON.
        contents: the bytes that came with it.
        memory: shared with the parent.
    """

    def __init__(self, request: dict[str, Any], contents: list[bytes], memory: SharedMemory, link: "_Link") -> None:
        self.request, self.contents, self.memory = request, contents, memory
        self._link = link

    def open_remote(self, name: bytes) -> BinaryIO:
        """A file that only the parent can read, such as an object of a store; waiting for it costs no time limit."""
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
            while some := list(islice(answers, request.get("together", 1))):
                link.send(some)
                _restart_clock(request)
        except Exception:  # noqa: BLE001 - the parent raises it
            link.send({"defect": traceback.format_exc()})
        _stop_clock()
        del contents
        os.ftruncate(2, 0)
        link.send(None)


class _Link:
    """The two pipes. Nothing else may write into the one to the parent, so what a library prints goes to stderr."""

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
    """See that this process ends with its parent, and is the one that the kernel ends where memory runs out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    if sys.platform == "linux":
        import fcntl
        import select

        # The parent holds the other end of this pipe and writes nothing: the only event is its own end, and the signal
        # of that event ends a process even where native code keeps the interpreter locked.
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
        waiting = select.poll()
        waiting.register(lifeline, 0)
        if waiting.poll(0):  # it ended before that
            sys.exit()
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - no Path needed
            file.write("1000")


def _limit(request: dict[str, Any]) -> None:
    """Limits that the system sees to, even if the parent should be gone. Windows has none of them."""
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


class _RemoteFile(io.RawIOBase):
    """Bytes that the parent reads for us."""

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
        """A number, and as many bytes where they were asked for."""
        self._link.send({"ask": what, "name": self._name, "offset": offset, "size": size})
        said = json.loads(self._link.requests.readline())
        if "error" in said:
            raise FileNotFoundError(said["error"]) if said["missing"] else OSError(said["error"])
        return said["size"], self._link.requests.read(said["size"]) if what == "read" else b""
