"""Which requests the UI answers: those that a person of this machine makes, not those of a web page from elsewhere.

The UI needs no password, and GraphQL starts runs. A browser lets any page send requests to this machine: under a name
that an attacker's DNS moves to 127.0.0.1 (DNS rebinding), from its own origin, or as the address of a picture.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]

_FORBIDDEN = 403
_OWN = {"same-origin", "none"}  # of Sec-Fetch-Site: a page of the UI, or the address bar
_ACTING = ("/graphql", "/report_asset_")


class LoopbackOnly:
    """An ASGI application that refuses requests of pages from elsewhere before the other one sees them.

    Args:
        application: answers all other requests.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Answer a request, or hand it on."""
        refused = refusal(scope) if scope["type"] in {"http", "websocket"} else ""
        if not refused:
            await self._application(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the protocol: "websocket.connect" comes first
            await send({"type": "websocket.close", "reason": refused})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": _FORBIDDEN, "headers": headers})
            await send({"type": "http.response.body", "body": f"{refused}\n".encode()})


def refusal(scope: Scope) -> str:
    """Why a request is refused, in one sentence; empty if it is answered.

    Args:
        scope: of an HTTP request or a WebSocket, as ASGI has it.
    """
    hosts = list(_values(scope, b"host"))
    if len(hosts) != 1 or not _is_loopback(hosts[0]):
        return f"Host {', '.join(hosts)!r}: this server answers only to localhost, 127.0.0.1 and [::1]"
    for origin in _values(scope, b"origin"):
        if urlsplit(origin).netloc.lower() != hosts[0].lower():
            return f"Origin {origin!r}: this server answers only its own pages"
    if any(site not in _OWN for site in _values(scope, b"sec-fetch-site")) and not _follows_a_link(scope):
        return "this server answers only its own pages, and links to them"
    return ""


def _follows_a_link(scope: Scope) -> bool:
    """Whether the whole window goes to a page that only shows something."""
    shown = list(_values(scope, b"sec-fetch-mode")) == ["navigate"] and "document" in _values(scope, b"sec-fetch-dest")
    return shown and scope.get("method") == "GET" and not scope["path"].startswith(_ACTING)


def _values(scope: Scope, name: bytes) -> Iterator[str]:
    return (value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name)


def _is_loopback(host: str) -> bool:
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        return name == "localhost" or name.endswith(".localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
