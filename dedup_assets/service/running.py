"""The server: its port, how it starts, and how it stops.

It answers the requests that are under way before it stops, at most for `_GRACE_SECONDS`.
"""

import ipaddress
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.decoders.asking import open_decoders
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.service.application import Application
from dedup_assets.service.guard import Guard
from dedup_assets.service.listening import listening_at
from dedup_assets.service.questions import Questions
from dedup_assets.service.uploads import UploadLimits, Uploads

_GRACE_SECONDS = 30
_SHORTEST_TOKEN = 16


def read_token(path: str | None, host: str) -> str:
    """The token in a file, which every address but loopback needs.

    Args:
        path: of the file; None for no token.
        host: address that the server listens at.

    Raises:
        SettingsError: the file cannot be read, its token is short, or there is none where one is needed.
    """
    if path is None:
        if not _is_loopback(host):
            raise SettingsError(
                f"host={host!r} is reachable from other machines: name a file with a token of at least "
                f"{_SHORTEST_TOKEN} characters with --token-file, or listen at 127.0.0.1"
            )
        return ""
    try:
        token = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"token_file={path!r} cannot be read: {error}") from None
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or any(map(str.isspace, token)):
        raise SettingsError(
            f"token_file={path!r}: must hold at least {_SHORTEST_TOKEN} ASCII characters without spaces"
        )
    return token


def run_server(
    work_dir: str,
    host: str,
    port: int,
    token: str,
    *,
    model_path: str | None,
    threads: int,
    max_pixels: int,
    limits: UploadLimits,
    ready: Callable[[str, int], None],
) -> None:
    """Serve until SIGINT or SIGTERM, which stop it gracefully; a second one stops it at once.

    Args:
        work_dir: folder or URL that a run wrote to.
        host: address to listen at.
        port: 0 for any free one.
        token: that requests must carry; empty for none.
        model_path: as of `open_stored`.
        threads: images that are decoded and embedded at once.
        max_pixels: of an uploaded image.
        limits: of uploads.
        ready: called with URL and number of images when requests are answered.

    Raises:
        SettingsError: the address is taken, or is none of this machine.
        WorkDirError, ModelError: the results cannot be opened.
        WorkerError: no decoding process can be started.
        KeyboardInterrupt: it was stopped.
    """
    with listening_at(host, port) as listener, open_decoders(threads) as decoders:
        questions = Questions(WorkDir(work_dir), decoders, threads, model_path, max_pixels)
        guarded = Guard(Application(questions, Uploads(limits)).asgi, token)
        config = uvicorn.Config(
            guarded,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ws="none",
        )
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listener.getsockname()[1]}"
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        _Announced(config, lambda: ready(url, len(questions.answerer.stored))).run(sockets=[listener])


class _Announced(uvicorn.Server):
    """A server that says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, then say that requests are answered."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
