"""`dedup-assets ui` as a process of its own, for tests that start, ask and stop it."""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 150.0
"""Enough on a busy machine."""
_NOT_GIVEN = (10_000, 32_000)


class UserInterface:
    """A UI under way.

    Args:
        folder: where it is started; its instance is `home` in it, and its output `ui.log`.
        arguments: of `dedup-assets ui`, without the port.
        environment: variables that differ from those of the tests.
    """

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.home, self.log = folder / "home", folder / "ui.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dedup_assets", "ui", "--port", str(self.port), *arguments],
                cwd=folder,
                env=surroundings(self.home) | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """All output so far."""
        return self.log.read_text("utf-8", "replace")

    def await_answer(self) -> None:
        """Wait until it says that it answers."""
        self.wait_for(lambda: self.url in self.said)

    def wait_for(self, done: Callable[[], Any]) -> None:
        """Wait for an event while the UI is up."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not done():
            assert self.process.poll() is None, self.said[-3000:]
            assert time.monotonic() < until, self.said[-3000:]
            time.sleep(0.1)

    def processes(self) -> dict[int, str]:
        """Ids and command lines of all processes that it has started and of itself (Linux)."""
        mark, found = f"DAGSTER_HOME={self.home}".encode(), {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with suppress(OSError):
                    if mark in (folder / "environ").read_bytes().split(b"\0"):
                        words = (folder / "cmdline").read_bytes().split(b"\0")
                        found[int(folder.name)] = b" ".join(words).decode("utf-8", "replace")
        return found

    def await_end_of_all(self) -> None:
        """Wait until no process of it is left (Linux)."""
        until = time.monotonic() + PATIENCE_SECONDS
        self.process.wait(PATIENCE_SECONDS)
        while left := self.processes():
            assert time.monotonic() < until, left
            time.sleep(0.1)

    def request(self, path: str, headers: Mapping[str, str], body: object = None) -> tuple[int, str]:
        """Send a request as a browser would; returns status and body. `Host` is this UI's unless it is named."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            given = {"Content-Type": "application/json", **headers}
            content = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, content, given)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def ask(self, query: str, **variables: object) -> Any:
        """What GraphQL answers."""
        status, body = self.request("/graphql", {}, {"query": query, "variables": variables})
        assert status == http.HTTPStatus.OK, body
        return json.loads(body)["data"]

    def launch(self, job: str) -> str:
        """Start a run of a job. Returns the id of the run."""
        place = {"repositoryLocationName": "dedup_assets", "repositoryName": "__repository__", "jobName": job}
        launched = self.ask(
            "mutation($given: ExecutionParams!) { launchRun(executionParams: $given)"
            " { __typename ... on LaunchRunSuccess { run { runId } } } }",
            given={"selector": place, "mode": "default", "runConfigData": {}},
        )["launchRun"]
        return str(launched["run"]["runId"])


@contextmanager
def user_interface(folder: Path, *arguments: str, **environment: str) -> Iterator[UserInterface]:
    """A UI for the length of a block; whatever the block leaves is killed."""
    ui = UserInterface(folder, *arguments, **environment)
    try:
        yield ui
    finally:
        ui.process.kill()
        ui.process.wait()
        for pid in ui.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def surroundings(home: Path) -> dict[str, str]:
    """The environment of a command of ours whose instance is in a folder."""
    return {**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def free_port() -> int:
    """A port that nobody uses just now, below those that systems give to whoever asks for any.

    A UI takes seconds to start. Meanwhile one of those would be given to a server or a connection of another test.
    """
    chance = random.SystemRandom()
    while True:
        port = chance.randint(*_NOT_GIVEN)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port
