"""Whose requests are answered: those with the token, or without one those that a person of this machine makes."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from dedup_assets.pipeline.serving.loopback import Application, Scope, refusal
from dedup_assets.service.replies import problem

_BEARER = b"bearer "


class Guard:
    """An ASGI application that refuses requests before the other one sees them.

    With a token, each request must carry it, which no page from elsewhere can. Without one, requests of pages from
    elsewhere are refused by their headers, as those to Dagster's UI are.

    Args:
        application: answers all other requests.
        token: that requests must carry; empty for none.
    """

    def __init__(self, application: Application, token: str) -> None:
        self._application, self._token = application, token.encode()

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
        elif self._token and not self._has_token(scope):
            said = "this server answers requests with the header `Authorization: Bearer TOKEN` only"
            await problem(401, "unauthorized", said, {"www-authenticate": "Bearer"})(scope, receive, send)
        elif not self._token and (refused := refusal(scope)):
            await problem(403, "forbidden", refused)(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    def _has_token(self, scope: Scope) -> bool:
        given = [value for key, value in scope["headers"] if key.lower() == b"authorization"]
        if len(given) != 1 or not given[0].lower().startswith(_BEARER):
            return False
        return hmac.compare_digest(given[0][len(_BEARER) :].strip(), self._token)
