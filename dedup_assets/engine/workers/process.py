"""One worker, seen from the process that started it."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from dedup_assets.engine.core.errors import WorkerError
from dedup_assets.engine.workers.process_limits import off_standard_streams
from dedup_assets.engine.workers.remote import RemoteReader
from dedup_assets.engine.workers.sharing import SharedMemory, open_shared_log

Request = dict[str, Any]
Reply = Any

_BOOT = (
    "import sys; module, memory, lifeline, *sys.path = sys.argv[1:]; "
    "from importlib import import_module; import_module(module).main(memory, int(lifeline))"
)
_START_SECONDS = 60.0
_STDERR_BYTES = 4096  # the last part of its stderr that is read
_BREAKDOWNS = {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"}
_ENVIRONMENT = {
    **{"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONFAULTHANDLER": ""},
    # glibc returns the memory of each picture to the system, which zeroes it again: 10 % of a worker's time.
    **{"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)},
}
_PIPE_BYTES = 1 << 20  # a request fits, so that it can be sent before the worker reads


@dataclass(eq=False)
class Ended(Exception):  # noqa: N818 - an event, not always an error
    """The worker ended during a request.

    Attributes:
        by_itself: it crashed or left, so the decoder is to blame. Otherwise it was killed from outside or ran out of
            time.
        overdue: it exceeded the time limit.
        how: in words, with the last line that it printed.
    """

    by_itself: bool
    overdue: bool
    how: str

    def __str__(self) -> str:
        return self.how


class Worker:
    """A process that answers requests, one at a time.

    Args:
        module: what it runs: a module with `main(memory, lifeline)` that calls `serving.serve`.

    Raises:
        WorkerError: it cannot be started.
    """

    def __init__(self, module: str) -> None:
        try:
            with ExitStack() as undo:
                self._start(module, undo)
                undo.pop_all()
        except (OSError, ValueError) as error:
            raise WorkerError(f"a decoding process cannot be started: {error}{_remedy(error)}") from None
        self.started = False
        self.due: float | None = None
        self._overdue = False
        self._remote = RemoteReader()
        self._ending = threading.Lock()

    def _start(self, module: str, undo: ExitStack) -> None:
        self.memory = SharedMemory()
        undo.callback(self.memory.close)
        self._stderr: BinaryIO = undo.enter_context(open_shared_log())
        lifeline, self._lifeline = map(off_standard_streams, os.pipe())
        undo.callback(os.close, self._lifeline)
        with ExitStack() as given:
            given.callback(os.close, lifeline)
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-P", "-c", _BOOT, module, self.memory.address, str(lifeline), *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                pass_fds=() if sys.platform == "win32" else (*self.memory.inherited, lifeline),
                env={**os.environ, **_ENVIRONMENT},
                bufsize=0,
            )
        self._requests = cast("io.RawIOBase", self._process.stdin)  # both unbuffered
        self._answers = io.BufferedReader(cast("io.RawIOBase", self._process.stdout))
        _widen(self._requests)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def await_start(self) -> None:
        """Wait until the worker takes requests.

        Raises:
            WorkerError: the worker ended, or takes too long.
        """
        if self.started:
            return
        self.due = time.monotonic() + _START_SECONDS  # from now: it may have started long before it was needed
        if self._answers.readline() != b'"ready"\n':
            raise WorkerError(
                f"the decoding process cannot start: {self._ended().how}; "
                f"does `{sys.executable} -c 'import dedup_assets'` work here?"
            )
        self.started, self.due = True, None

    def ask(self, request: Request, contents: Sequence[bytes] = ()) -> Iterator[Reply]:
        """Send a request and give its answers as they come; the time limit holds for each line of answers.

        Args:
            request: JSON; `do` names the handler, `seconds` is the time limit, `memory_bytes` the memory limit,
                `together` the number of answers on one line (1 by default).
            contents: bytes for the handler.

        Raises:
            Ended: the worker ended before the last answer.
            WorkerError: the worker could not start.
        """
        self.await_start()
        self.due = time.monotonic() + request["seconds"]
        try:
            self.send(request, contents)
        finally:
            self.due = None
        yield from self.answers(request["seconds"])

    def send(self, request: Request, contents: Sequence[bytes] = ()) -> None:
        """Send a request, even to a worker that is still starting; `answers` gives what it answers.

        Raises:
            Ended: the worker has ended.
        """
        head = json.dumps(request | {"bytes": [len(content) for content in contents]})
        self._write(head.encode() + b"\n", *contents)

    def answers(self, seconds: float) -> Iterator[Reply]:
        """Answers to what was sent, as they come; the time limit runs only while this waits for one.

        Raises:
            Ended: the worker ended before the last answer.
            WorkerError: the worker could not start.
        """
        self.await_start()
        try:
            self.due = time.monotonic() + seconds
            while (answer := self._answer()) is not None:
                self.due = None  # waiting for a store or for the caller does not count
                if isinstance(answer, dict) and "defect" in answer:
                    raise RuntimeError(f"a decoding process failed:\n{answer['defect']}")
                if isinstance(answer, dict):
                    self._write(*self._remote.reply_to(answer))
                else:
                    yield from answer
                self.due = time.monotonic() + seconds
        finally:
            self.due = None
            self._remote.close()

    def expire(self) -> None:
        """Kill the process, because it exceeded its time limit."""
        self._overdue = True
        self._process.kill()

    def close(self) -> None:
        """End the process, whatever it does."""
        with self._ending:
            if self._lifeline < 0:
                return
            self._process.kill()
            self._process.wait()
            os.close(self._lifeline)
            self._lifeline = -1
            with suppress(OSError):
                self._requests.close()
            self._answers.close()
            self._stderr.close()
            self.memory.close()

    def leave_to_parent(self) -> None:
        """Let go of the worker in a fork of its parent, so that it still ends with its real parent."""
        if self._lifeline < 0:
            return
        os.close(self._lifeline)
        self._lifeline = -1
        with suppress(OSError):
            self._requests.close()
        self._process.returncode = 0  # not our child: Popen would warn of a process that still runs

    def _answer(self) -> Reply:
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise self._ended()
        return json.loads(line)

    def _write(self, *parts: bytes) -> None:
        try:
            for part in parts:
                left = memoryview(part)
                while left:
                    left = left[self._requests.write(left) or 0 :]
        except OSError:
            raise self._ended() from None

    def _ended(self) -> Ended:
        self._process.kill()  # it may only have closed the pipe
        code = self._process.wait()
        name = _signal_name(code)
        by_itself = not self._overdue and (name in _BREAKDOWNS or code >= 0)
        how = f"ended by {name}" if name else f"ended with exit code {code}"
        last_line = self._last_line()
        return Ended(by_itself, self._overdue, f"{how}; it said: {last_line}" if last_line else how)

    def _last_line(self) -> str:
        """The last line on its stderr."""
        try:
            self._stderr.seek(max(0, os.fstat(self._stderr.fileno()).st_size - _STDERR_BYTES))
            lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        except ValueError:  # closed: the run is ending
            return ""
        return " ".join(lines[-1].split())[:200] if lines else ""


def _remedy(error: Exception) -> str:
    """What a user can do about an error of the system, as the end of a sentence."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.EMFILE, errno.ENFILE):
        return "; raise the limit on open files with `ulimit -n 1024`, or lower num_threads"
    if number in (errno.ENOMEM, errno.EAGAIN):
        return "; raise the limits on memory and processes (`ulimit -v`, `ulimit -u`), or lower num_threads"
    if number == errno.EFBIG:
        return "; raise the limit on the size of files (`ulimit -f`)"
    return ""


def _widen(pipe: Any) -> None:  # noqa: ANN401 - any file
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):  # not allowed here: then a large request waits until the worker reads
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else ""
    except ValueError:
        return f"signal {-code}"
