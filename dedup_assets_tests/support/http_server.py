"""A server on loopback that answers requests as a test says, and counts them."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from dedup_assets_tests.support.loopback import Handler, LoopbackServer


class Answer(NamedTuple):
    """What a server answers: status, content, and headers besides its length."""

    status: int
    content: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class HttpServer(LoopbackServer):
    """Answers HEAD and GET.

    Args:
        answer: from a path, and how often it was asked for before, to the answer.
        together: each answer waits at this barrier.
    """

    def __init__(self, answer: Callable[[str, int], Answer], together: threading.Barrier | None = None) -> None:
        self.asked: Counter[str] = Counter()
        guard, server = threading.Lock(), self

        class Answering(Handler):
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

        super().__init__(Answering)
