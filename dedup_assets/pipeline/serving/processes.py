"""The processes of the UI, which start together and stop together, whichever of them ends first.

`dagster dev` starts the same ones, but they outlive it, and its webserver answers pages from elsewhere (`loopback`).
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from dedup_assets.engine.core.errors import SettingsError, SurroundingsError
from dedup_assets.pipeline.instances import open_instance
from dedup_assets.pipeline.serving import service
from dedup_assets.pipeline.serving.own_folder import SOCKET, own_folder

HOST = "127.0.0.1"
SUGGESTIONS = "_DEDUP_UI_SUGGESTIONS"
"""The environment variable with the arguments of `build_definitions`, as JSON, for `location`."""

_POLL_SECONDS = 0.2
_STOPPING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def serve(home: Path, port: int, suggestions: Mapping[str, Any], ready: Callable[[], None]) -> None:
    """Serve the UI until SIGINT, SIGTERM or SIGHUP. Telemetry is off, whatever the instance's `dagster.yaml` says.

    Args:
        home: folder of the Dagster instance.
        port: of the webserver, on the loopback interface.
        suggestions: arguments of `build_definitions`, for the launchpad.
        ready: called once, when the webserver answers.

    Raises:
        SettingsError: the port cannot be used, or Dagster cannot use `home`.
        SurroundingsError: a process of the UI ended by itself; the others are stopped.
    """
    _check_port(port)
    with open_instance(home=str(home)):
        pass
    with suppress(KeyboardInterrupt), _stopped_by_signals(), ExitStack() as stack:
        folder = stack.enter_context(own_folder())
        given: dict[str, Any] = {"home": str(home), "port": port, "code": _address(folder)}
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            SUGGESTIONS: json.dumps(suggestions),
        }
        services: dict[str, subprocess.Popen[str]] = {}
        answering = threading.Event()
        stack.callback(_end_left_runs, home, given["code"])
        stack.callback(_stop, services, answering)
        for name in service.NAMES:
            services[name] = _start(name, given, home, environment)
        _watch(services, port, answering, ready)


def _watch(
    services: Mapping[str, "subprocess.Popen[str]"], port: int, answering: threading.Event, ready: Callable[[], None]
) -> None:
    while True:
        for name, process in services.items():
            if process.poll() is not None:
                raise SurroundingsError(
                    f"the UI was stopped, because its {name} ended {_how(process.returncode)}; what was printed before "
                    "this may say why; start it again"
                )
        if not answering.is_set() and _answers(port):
            answering.set()
            ready()
        time.sleep(_POLL_SECONDS)


def _how(code: int) -> str:
    try:
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    except ValueError:
        return f"by signal {-code}"


def _check_port(port: int) -> None:
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise SettingsError(
            f"port={port}: cannot be used on {HOST} ({error.strerror}); name another one with --port"
        ) from None


def _answers(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection((HOST, port)).close()
        return True
    return False


def _address(folder: Path) -> dict[str, Any]:
    """Where the code server listens: a socket that other users cannot reach, or on Windows a port."""
    if sys.platform != "win32":
        return {"socket": str(folder / SOCKET)}
    with socket.create_server((HOST, 0)) as free:
        return {"port": free.getsockname()[1]}


def _start(name: str, given: Mapping[str, Any], home: Path, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start a service as the leader of a process group. It stops when its stdin ends, which is also when we end."""
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", service.__name__, name],
        stdin=subprocess.PIPE,
        env=environment,
        cwd=home,
        start_new_session=True,
        text=True,
    )
    assert process.stdin is not None  # noqa: S101 - a pipe
    with suppress(OSError):  # it has ended already, and `_watch` says so
        process.stdin.write(json.dumps(given) + "\n")
        process.stdin.flush()
    return process


def _stop(services: Mapping[str, "subprocess.Popen[str]"], answering: threading.Event) -> None:
    """Stop the services and all that they started: in order if they can, by SIGKILL after a while.

    While they start, no run is under way, and an interrupt would be the traceback of an import: SIGKILL comes at once.
    """
    try:
        if not answering.is_set():
            return
        for process in services.values():
            if process.stdin is not None:
                process.stdin.close()
            if process.poll() is not None:  # what it started has nobody else to tell it
                _signal_group(process, signal.SIGINT)
        until = time.monotonic() + service.GRACE_SECONDS
        while any(map(_is_alive, services.values())) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS / 4)
    finally:
        for process in services.values():
            _signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
            process.wait()


def _end_left_runs(home: Path, code: Mapping[str, Any]) -> None:
    from dedup_assets.pipeline.dagster_internals import end_left_runs

    with open_instance(home=str(home)) as instance:
        end_left_runs(instance, code)


def _is_alive(process: "subprocess.Popen[str]") -> bool:
    return process.poll() is None or _signal_group(process, 0)


def _signal_group(process: "subprocess.Popen[str]", number: int) -> bool:
    """Send a signal to all processes of a group; False if there are none. Windows has no groups."""
    try:
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return sys.platform != "win32"


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt the block as Ctrl-C does, unless they are ignored (nohup)."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = {number: signal.getsignal(number) for number in _STOPPING}
    changed = {number: handler for number, handler in former.items() if handler is not signal.SIG_IGN}
    try:
        for number in changed:
            signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in changed.items():
            signal.signal(number, handler)
