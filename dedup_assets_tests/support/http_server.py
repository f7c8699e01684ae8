"""A server on loopback that answers requests as a test says, and counts them."""

import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self


class Answer(NamedTuple):
    """What a server answers: status, content, and headers besides its length."""

    status: int
    content: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class HttpServer:
    """Answers HEAD and GET.

    Args:
        answer: from a path, and how often it was asked for before, to the answer.
        together: each answer waits at this barrier.
    """

    def __init__(self, answer: Callable[[str, int], Answer], together: threading.Barrier | None = None) -> None:
        self.asked: Counter[str] = Counter()
        guard, server = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                with guard:
                    before = server.asked[self.path]
                    server.asked[self.path] += 1
                if together is not None:
                    together.wait()
                answered = answer(self.path, before)
                self.send_response(answered.status)
                for name, value in answered.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answered.content)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(answered.content)

            do_GET = do_HEAD = respond  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Nothing is told."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
