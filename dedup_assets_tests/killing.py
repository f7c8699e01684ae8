"""A process that starts runs of the command line and kills them: SIGKILL, at a moment that is asked for.

The libraries are loaded once; each run is a fork, in a process group of its own, that calls the command line's entry.
Moments are counted in what the run does to the files under a folder (Python's audit events), or in seconds.

    python -m dedup_assets_tests.killing FOLDER STALE_SECONDS < requests > answers      (a JSON object a line)
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dedup_assets.engine.work_dir import leases

WRITING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link"}


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        exit_code: of the command line; None where it was killed.
        moments: what it did to files, as `EVENT PATH`; of runs that were not killed.
        said: on stdout and stderr.
    """

    exit_code: int | None
    moments: list[str]
    said: str


class Runner:
    """Starts runs that may be killed.

    Args:
        folder: whose files are watched.
        stale_seconds: after which the lock of a dead run on a store is taken over; 0: as usual.
    """

    def __init__(self, folder: Path, stale_seconds: float = 0.0) -> None:
        command = [sys.executable, "-m", "dedup_assets_tests.killing", str(folder), str(stale_seconds)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def kill(self) -> None:
        """End the run at hand, from another thread."""
        pid = self._process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            _kill(int(child))

    def run(self, *arguments: str, kill_before: int | str = 0, kill_after: float = 0.0) -> Outcome:
        """Run the command line.

        Args:
            arguments: of `dedup-assets`.
            kill_before: the n-th moment, or the first of this name; 0: none.
            kill_after: seconds; 0: never.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"arguments": arguments, "kill_before": kill_before, "kill_after": kill_after}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Outcome(**json.loads(self._process.stdout.readline()))


def _serve(folder: str) -> None:
    from dedup_assets.console import ConsoleProgress  # noqa: F401 - loaded once, for all runs

    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(_run(folder, **request)), flush=True)


def _run(folder: str, arguments: Sequence[str], kill_before: int | str, kill_after: float) -> dict[str, Any]:
    log, notes = f"{folder}/../said.{os.getpid()}", f"{folder}/../moments.{os.getpid()}"
    for path in (log, notes):
        Path(path).write_text("")
    child = os.fork()
    if child == 0:
        _be_a_run(folder, arguments, kill_before, log, notes)
    if kill_after:
        threading.Timer(kill_after, _kill, (child,)).start()
    _, status = os.waitpid(child, 0)
    _kill(child)  # whatever it has started
    return {
        "exit_code": os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None,
        "moments": Path(notes).read_text(errors="replace").splitlines(),
        "said": Path(log).read_text(errors="replace"),
    }


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        time.sleep(0)


def _be_a_run(folder: str, arguments: Sequence[str], kill_before: int | str, log: str, notes: str) -> None:
    os.setsid()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    moments: list[str] = []
    top = os.path.realpath(folder) + "/"

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event == "open":
            if not isinstance(details[2], int) or not details[2] & (os.O_WRONLY | os.O_RDWR):
                return
        elif event not in WRITING:
            return
        named = details[1] if event == "os.rename" else details[0]
        path = os.fsdecode(named) if isinstance(named, str | bytes | os.PathLike) else ""
        if path.startswith(top):
            moments.append(f"{event} {path.removeprefix(top)}")
            if kill_before in (len(moments), moments[-1]):
                os.killpg(0, signal.SIGKILL)

    sys.addaudithook(watch)
    from dedup_assets.cli import main

    code = 1
    try:
        main(list(arguments), standalone_mode=False)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        Path(notes).write_text("\n".join(moments), errors="replace")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    if stale := float(sys.argv[2]):
        import s3fs  # noqa: F401 - as below

        import dedup_assets.launch  # noqa: F401

        leases._STALE_SECONDS, leases._BEAT_SECONDS, leases._POLL_SECONDS = stale, stale / 6, stale / 10
    _serve(sys.argv[1])
