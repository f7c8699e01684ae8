"""A process that starts runs of the command line, and programs, and kills runs with SIGKILL at a given moment.

The libraries are loaded once; each run is a fork, in a process group of its own, that calls the command line's entry
in the environment that the tests have at that moment. A moment is a change that the run makes to a file under a folder
(one of Python's audit events), or a time in seconds.

    python -m dedup_assets_tests.support.killing FOLDER < requests > answers   (one JSON object per line)
"""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_BY_DESCRIPTOR = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir"}  # their last detail is a folder, or -1
_TO_NEW_NAME = {"os.rename", "os.link"}
WRITING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link"}
_SOON_SECONDS = 100  # enough for a process to end, even on a busy machine


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        exit_code: of the command line; None if it was killed.
        moments: its changes to files, as `EVENT PATH`; empty for a run that was killed.
        stdout: its output.
        stderr: its error output.
    """

    exit_code: int | None
    moments: list[str]
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        """Output and error output together."""
        return self.stdout + self.stderr


class Runner:
    """Starts runs that may be killed.

    Args:
        folder: changes to files in it are moments; the output of runs is kept in it, too.
    """

    def __init__(self, folder: Path) -> None:
        self._watched, self._stale_seconds = folder / "watched", 0.0
        command = [sys.executable, "-m", "dedup_assets_tests.support.killing", str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def watching(self, folder: Path, stale_seconds: float = 0.0) -> "Runner":
        """The same process with other moments: its runs must end before others begin.

        Args:
            folder: changes to files in it are moments.
            stale_seconds: time after which the lock of a dead run on a store is taken over; 0: the package's own.
        """
        runner = copy(self)
        runner._watched, runner._stale_seconds = folder, stale_seconds
        return runner

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(_SOON_SECONDS)
        self._process.stdout.close()

    def kill(self) -> None:
        """Kill the run under way, from another thread."""
        pid = self._process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            _kill(int(child))

    def run(
        self,
        *arguments: str,
        cwd: Path | None = None,
        dagster_home: str = "",
        kill_before: int | str = 0,
        kill_after: float = 0.0,
    ) -> Outcome:
        """Run the command line.

        Args:
            arguments: arguments of `dedup-assets`.
            cwd: its working directory; None: that of the tests.
            dagster_home: value of DAGSTER_HOME.
            kill_before: kill it before its n-th moment, or before the first of this name; 0: never.
            kill_after: kill it after these seconds; 0: never.
        """
        (outcome,) = self._ask(
            commands=[arguments],
            cwd=os.fspath(cwd or "."),
            dagster_home=dagster_home,
            kill_before=kill_before,
            kill_after=kill_after,
        )
        return outcome

    def script(self, text: str, cwd: Path) -> Outcome:
        """Run a program in Python, as `python -c` does.

        Args:
            text: the program.
            cwd: its working directory.
        """
        (outcome,) = self._ask(
            commands=[[text]], cwd=os.fspath(cwd), dagster_home="", kill_before=0, kill_after=0.0, is_script=True
        )
        return outcome

    def run_together(self, commands: Sequence[Sequence[str]]) -> list[Outcome]:
        """Run several command lines at once."""
        return self._ask(commands=commands, cwd=".", dagster_home="", kill_before=0, kill_after=0.0)

    def _ask(self, **request: Any) -> list[Outcome]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request |= {"watched": str(self._watched), "stale_seconds": self._stale_seconds}
        request["environment"] = {**os.environ, "DAGSTER_HOME": request.pop("dagster_home")}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return [Outcome(**outcome) for outcome in json.loads(self._process.stdout.readline())]


@dataclass(frozen=True)
class _Files:
    """Files through which a run reports to the process that started it."""

    moments: Path
    stdout: Path
    stderr: Path

    def read(self, status: int) -> dict[str, Any]:
        return {
            "exit_code": os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None,
            "moments": self.moments.read_text(errors="replace").splitlines(),
            "stdout": self.stdout.read_text(errors="replace"),
            "stderr": self.stderr.read_text(errors="replace"),
        }


def _serve(folder: Path) -> None:
    for line in sys.stdin:
        print(json.dumps(_run(folder, **json.loads(line))), flush=True)


def _run(
    folder: Path,
    commands: Sequence[Sequence[str]],
    cwd: str,
    environment: dict[str, str],
    watched: str,
    stale_seconds: float,
    kill_before: int | str,
    kill_after: float,
    is_script: bool = False,
) -> list[dict[str, Any]]:
    runs: dict[int, _Files] = {}
    for number, arguments in enumerate(commands):
        kinds = ("moments", "stdout", "stderr")
        files = _Files(*(folder / f"{kind}.{os.getpid()}.{number}" for kind in kinds))
        for path in (files.moments, files.stdout, files.stderr):
            path.write_text("")
        child = os.fork()
        if child == 0:
            os.chdir(cwd)
            os.environ.clear()
            os.environ.update(environment)
            _take_over_after(stale_seconds)
            _be_a_run(watched, partial(_script if is_script else _command, arguments), kill_before, files)
        runs[child] = files
    timer = threading.Timer(kill_after, lambda: [_kill(run) for run in runs])
    if kill_after:
        timer.start()
    outcomes = []
    for child, files in runs.items():
        _, status = os.waitpid(child, 0)
        _kill(child)  # and all that it has started
        outcomes.append(files.read(status))
    if kill_after:  # a late timer would kill another process with the same number
        timer.cancel()
        timer.join()
    return outcomes


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _take_over_after(stale_seconds: float) -> None:
    """Take over the lock of a dead run on a store after this time, if it is given."""
    from dedup_assets.engine.work_dir import leases

    if stale_seconds:
        leases._STALE_SECONDS, leases._BEAT_SECONDS = stale_seconds, stale_seconds / 6
        leases._POLL_SECONDS = stale_seconds / 10


def _command(arguments: Sequence[str]) -> None:
    from dedup_assets.cli import main

    main(list(arguments), prog_name="dedup-assets")


def _script(arguments: Sequence[str]) -> None:
    (text,) = arguments
    exec(compile(text, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - a test's own


def _be_a_run(watched: str, work: Callable[[], None], kill_before: int | str, files: _Files) -> None:
    os.setsid()
    for number, path in enumerate((Path(os.devnull), files.stdout, files.stderr)):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        os.dup2(descriptor, number)
        os.close(descriptor)
    moments: list[str] = []
    top = os.path.realpath(watched) + "/"

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event == "open":
            if not isinstance(details[2], int) or not details[2] & (os.O_WRONLY | os.O_RDWR):
                return
        elif event not in WRITING:
            return
        path = _path_of(event, details)
        if path.startswith(top):
            moments.append(f"{event} {path.removeprefix(top)}")
            if kill_before in (len(moments), moments[-1]):
                os.killpg(0, signal.SIGKILL)

    sys.addaudithook(watch)
    code = 0
    try:
        work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - printed as the interpreter prints it
        code = 1
        traceback.print_exc()
    finally:
        files.moments.write_text("\n".join(moments), errors="replace")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _path_of(event: str, details: tuple[Any, ...]) -> str:
    """The path that an event is about; a name may be relative to an open folder, whose descriptor is among the last."""
    named, folder = (details[1], details[-1]) if event in _TO_NEW_NAME else (details[0], details[-1])
    path = os.fsdecode(named) if isinstance(named, str | bytes | os.PathLike) else ""
    is_relative = event in _BY_DESCRIPTOR and not path.startswith("/") and folder >= 0
    return f"{Path(f'/proc/self/fd/{folder}').readlink()}/{path}" if is_relative else path


def _load() -> None:
    """Import and set up once what all runs need; nothing here may start a thread, because runs are forks."""
    import dagster as dg
    import dagster._core.execution.execute_in_process
    import dagster._core.executor.in_process
    import dagster._core.system_config.composite_descent
    import numpy.ma  # noqa: F401
    import upath.implementations.local  # noqa: F401 - all of these

    import dedup_assets.api.console
    import dedup_assets.api.plan_texts
    import dedup_assets.api.progress
    import dedup_assets.cli.main
    import dedup_assets.engine.cleaning
    import dedup_assets.engine.matching.verdict_states
    import dedup_assets.engine.query  # noqa: F401
    from dedup_assets.engine.core.run_modes import RunMode
    from dedup_assets.engine.extraction.onnx_runtime import load_onnxruntime
    from dedup_assets.engine.gallery.pages.layout import compile_templates
    from dedup_assets.engine.work_dir.identity import installed_versions
    from dedup_assets.pipeline import launch
    from dedup_assets.pipeline.building import build_definitions

    load_onnxruntime()
    compile_templates()
    build_definitions()
    installed_versions()
    launch._blank_settings()
    for mode in RunMode:
        launch._unseen_job(mode, has_sets=False)
    with dg.DagsterInstance.ephemeral():
        pass

    gc.collect()
    gc.freeze()  # without this the collector of each run would copy all of it


if __name__ == "__main__":
    _load()
    _serve(Path(sys.argv[1]))
