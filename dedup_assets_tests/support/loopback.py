"""A server of the tests on a free port of loopback, for the length of a block."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class _Silent(ThreadingHTTPServer):
    """A server that does not report clients that went away, because tests read stderr."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as it was called


class Handler(BaseHTTPRequestHandler):
    """Answers over connections that stay open, and prints nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class LoopbackServer:
    """Serves while its block lasts.

    Args:
        handler: answers each request.

    Attributes:
        url: address of the server.
    """

    def __init__(self, handler: type[Handler]) -> None:
        self._server = _Silent(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
