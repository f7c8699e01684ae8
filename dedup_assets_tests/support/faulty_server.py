"""A server between a client and a store that fails, stalls, breaks off or sends half, as a rule says."""

import http.client
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any

import boto3
import fsspec
import pytest
from moto.server import ThreadedMotoServer

from dedup_assets_tests.support.loopback import Handler, LoopbackServer
from dedup_assets_tests.support.s3 import s3_environment

_STALL_SECONDS = 30

Fault = str
"""What happens to a response: `error 503`, `stall` or `reset` in the middle, `truncate`."""


class FaultyServer(LoopbackServer):
    """Passes requests on to a store, and answers with a fault where the rule says so.

    Args:
        host: host of the store.
        port: port of the store.
        rule: from method, path and the number of earlier requests for both to a fault; None passes the request on.
    """

    def __init__(self, host: str, port: int, rule: Callable[[str, str, int], Fault | None]) -> None:
        self.rule = rule
        self.faults = 0
        self.asked: dict[tuple[str, str], int] = {}
        self._store = (host, port)
        self._over = threading.Event()
        server = self

        class Passing(Handler):
            def answer(self) -> None:
                server.answer(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 - the library's names

        super().__init__(Passing)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        super().__exit__(kind, error, trace)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        key = (request.command, path)
        before = self.asked.get(key, 0)
        self.asked[key] = before + 1
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        fault = self.rule(request.command, path, before)
        self.faults += fault is not None
        if fault is not None and fault.startswith("error "):
            request.send_error(int(fault.removeprefix("error ")))
            return
        connection = http.client.HTTPConnection(*self._store)
        connection.request(request.command, request.path, body, dict(request.headers))
        response = connection.getresponse()
        content = response.read()
        request.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                request.send_header(name, value)
        length = response.getheader("Content-Length") if request.command == "HEAD" else str(len(content))
        request.send_header("Content-Length", length or "0")
        request.end_headers()
        connection.close()
        if fault is None:
            request.wfile.write(content)
            return
        request.wfile.write(content[: len(content) // 2])
        request.wfile.flush()
        if fault == "stall":
            self._over.wait(_STALL_SECONDS)
        elif fault == "reset":
            linger = struct.pack("ii", 1, 0)
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        request.close_connection = True
        request.connection.close()


@contextmanager
def faulty_bucket(name: str) -> Iterator[tuple[FaultyServer, Any]]:
    """An empty bucket on a real S3 server: the faulty server in front of it, and the bucket itself.

    The usual environment variables name the faulty server meanwhile.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it prints each request
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    try:
        with pytest.MonkeyPatch.context() as environment, FaultyServer(host, port, lambda *_: None) as server:
            for variable, value in s3_environment(server.url).items():
                environment.setenv(variable, value)
            fsspec.filesystem("s3").clear_instance_cache()
            bucket = boto3.resource("s3", endpoint_url=f"http://{host}:{port}").Bucket(name)
            bucket.create()
            yield server, bucket
            bucket.objects.delete()
    finally:
        fsspec.filesystem("s3").clear_instance_cache()
        moto.stop()
