"""One worker, seen from the process that started it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from dedup_assets.engine.core.errors import WorkerError
from dedup_assets.engine.stores import open_file
from dedup_assets.engine.workers.sharing import SharedMemory

Request = dict[str, Any]
Reply = Any

_BOOT = (
    "import sys; module, memory, lifeline, *sys.path = sys.argv[1:]; "
    "from importlib import import_module; import_module(module).main(memory, int(lifeline))"
)
_START_SECONDS = 60.0
_SAID_BYTES = 4096
_BREAKDOWNS = {"SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"}
_ENVIRONMENT = {
    **{"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONFAULTHANDLER": ""},
    # glibc would give the memory of each picture back, for the system to zero it again: a tenth of a worker's time.
    **{"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)},
}
_PIPE_BYTES = 1 << 20  # a request fits, so that it can be sent before the worker reads


@dataclass(eq=False)
class Ended(Exception):  # noqa: N818 - says what happened
    """The worker ended in the midst of a request.

    Attributes:
        by_itself: it crashed or left: the decoder's doing. Otherwise it was killed from outside, or ran out of time.
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
        self.memory = SharedMemory()
        self._said = tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115 - closed with the worker
        _append_only(self._said)
        lifeline, self._lifeline = os.pipe()
        inherited = () if sys.platform == "win32" else (*self.memory.inherited, lifeline)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-P", "-c", _BOOT, module, self.memory.address, str(lifeline), *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                pass_fds=inherited,
                env={**os.environ, **_ENVIRONMENT},
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            raise WorkerError(f"the decoding process {sys.executable!r} cannot be started: {error}") from None
        finally:
            os.close(lifeline)
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        assert self._process.stdout is not None  # noqa: S101 - likewise
        _widen(self._process.stdin)
        self._answers = os.fdopen(os.dup(self._process.stdout.fileno()), "rb")
        self._process.stdout.close()
        self.started = False
        self._overdue = False
        self._remote: tuple[bytes, BinaryIO] | None = None
        self.due: float | None = None
        self._ending = threading.Lock()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def await_start(self) -> None:
        """Wait until it can be asked.

        Raises:
            WorkerError: it ended, or takes too long.
        """
        if self.started:
            return
        self.due = time.monotonic() + _START_SECONDS  # from now: nobody may have needed it for long
        if self._answers.readline() != b'"ready"\n':
            raise WorkerError(
                f"the decoding process cannot start: {self._ended().how}; "
                f"does `{sys.executable} -c 'import dedup_assets'` work here?"
            )
        self.started, self.due = True, None

    def ask(self, request: Request, contents: Sequence[bytes] = ()) -> Iterator[Reply]:
        """Send a request and give its answers as they come; the time limit holds for each line of them.

        Args:
            request: JSON; `do` names the handler, `seconds` is the time limit, `memory_bytes` that of memory,
                `together` how many answers come at once, on one line: 1 where it is left out.
            contents: bytes for the handler.

        Raises:
            Ended: before the last answer.
            WorkerError: it did not even start.
        """
        self.await_start()
        self.due = time.monotonic() + request["seconds"]
        try:
            self.send(request, contents)
        finally:
            self.due = None
        yield from self.answers(request["seconds"])

    def send(self, request: Request, contents: Sequence[bytes] = ()) -> None:
        """Send a request, to a worker that may still be starting; `answers` gives what it says.

        Raises:
            Ended: it is gone.
        """
        head = json.dumps(request | {"bytes": [len(content) for content in contents]})
        self._write(head.encode() + b"\n", *contents)

    def answers(self, seconds: float) -> Iterator[Reply]:
        """Answers to what was sent, as they come; the time limit runs while one is waited for.

        Raises:
            Ended: before the last answer.
            WorkerError: it did not even start.
        """
        self.await_start()
        try:
            self.due = time.monotonic() + seconds
            while (answer := self._answer()) is not None:
                self.due = None  # a slow store is no slow decoder, and others may ask for the next answer later
                if isinstance(answer, dict) and "defect" in answer:
                    raise RuntimeError(f"a decoding process failed:\n{answer['defect']}")
                if isinstance(answer, dict):
                    self._serve(answer)
                else:
                    yield from answer
                self.due = time.monotonic() + seconds
        finally:
            self.due = None
            if self._remote:
                self._remote[1].close()
                self._remote = None

    def expire(self) -> None:
        """Its time is over."""
        self._overdue = True
        self._process.kill()

    def close(self) -> None:
        """End it, whatever it does."""
        with self._ending:
            if self._lifeline < 0:
                return
            self._process.kill()
            self._process.wait()
            os.close(self._lifeline)
            self._lifeline = -1
            if self._process.stdin is not None:
                with suppress(OSError):
                    self._process.stdin.close()
            self._answers.close()
            self._said.close()
            self.memory.close()

    def _answer(self) -> Reply:
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise self._ended()
        return json.loads(line)

    def _write(self, *parts: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        try:
            for part in parts:
                left = memoryview(part)
                while left:
                    left = left[self._process.stdin.write(left) or 0 :]
        except OSError:
            raise self._ended() from None

    def _serve(self, wish: dict[str, Any]) -> None:
        """Read for the worker what lies on a store: it has neither the credentials nor the libraries."""
        try:
            content, size = self._read_for(wish)
        except Exception as error:  # noqa: BLE001 - every store has errors of its own
            missing = isinstance(error, FileNotFoundError)
            self._write(json.dumps({"error": f"{type(error).__name__}: {error}", "missing": missing}).encode() + b"\n")
        else:
            self._write(json.dumps({"size": size}).encode() + b"\n", content)

    def _read_for(self, wish: dict[str, Any]) -> tuple[bytes, int]:
        name: bytes = wish["name"].encode("latin-1")
        if self._remote is None or self._remote[0] != name:
            self._remote = name, open_file(name)
        file = self._remote[1]
        if wish["ask"] == "size":
            return b"", file.seek(0, os.SEEK_END)
        file.seek(wish["offset"])
        content = file.read(wish["size"])
        return content, len(content)

    def _ended(self) -> Ended:
        self._process.kill()  # it may have closed the pipe only
        code = self._process.wait()
        name = _signal_name(code)
        by_itself = not self._overdue and (name in _BREAKDOWNS or code >= 0)
        how = f"ended by {name}" if name else f"ended with exit code {code}"
        said = self._last_words()
        return Ended(by_itself, self._overdue, f"{how}; it said: {said}" if said else how)

    def _last_words(self) -> str:
        try:
            self._said.seek(max(0, os.fstat(self._said.fileno()).st_size - _SAID_BYTES))
            lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        except ValueError:  # closed: the run is ending
            return ""
        return " ".join(lines[-1].split())[:200] if lines else ""


def _widen(pipe: Any) -> None:  # noqa: ANN401 - as below
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):  # a system may allow less: then who sends much waits until the worker reads
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _append_only(file: Any) -> None:  # noqa: ANN401 - a temporary file
    if sys.platform != "win32":
        import fcntl

        descriptor = file.fileno()
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else ""
    except ValueError:
        return f"signal {-code}"
