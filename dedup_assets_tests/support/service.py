"""`dedup-assets serve` as a process of its own, and requests to it."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_SOON_SECONDS = 60


@dataclass(frozen=True)
class Replied:
    """A reply: its status, and its body as text and as JSON holds it."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Service:
    """Serves results while its block lasts.

    Args:
        work_dir: that `serve` gets.
        options: of `serve`.

    Attributes:
        url: address of the service.
    """

    def __init__(self, work_dir: Path, *options: str) -> None:
        command = [sys.executable, "-m", "dedup_assets", "serve", str(work_dir), "--port", "0", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert " at " in said, self.stop(signal.SIGKILL)
        self.url = said.split(" at ")[1].split("/v1/")[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self, by: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """End it; returns its exit code and what it said on stderr."""
        if self._process.poll() is None:
            self._process.send_signal(by)
        _, said = self._process.communicate(timeout=_SOON_SECONDS)
        return self._process.returncode, said

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Replied:
        """Send a request."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=_SOON_SECONDS)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Replied(response.status, response.read().decode())
        finally:
            connection.close()

    def post(self, path: str, *fields: tuple[str, bytes | str]) -> Replied:
        """Send a form; a field of bytes is a file, a text is a text."""
        body, kind = form(*fields)
        return self.ask("POST", path, body, {"Content-Type": kind})


def form(*fields: tuple[str, bytes | str]) -> tuple[bytes, str]:
    """The body and the content type of a form."""
    boundary = uuid.uuid4().hex
    parts = []
    for name, value in fields:
        filename = f'; filename="{name}.jpg"' if isinstance(value, bytes) else ""
        content = value if isinstance(value, bytes) else value.encode()
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"
