"""Replies as JSON, and errors in one form: `{"error": {"code": ..., "message": ...}}`."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def reply(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401
    """A reply with a value that JSON holds. Surrogates of names that are not UTF-8 are escaped."""
    body = json.dumps(content, ensure_ascii=True, allow_nan=False).encode("ascii")
    return Response(body, status, _HEADERS | dict(headers or {}), "application/json")


def text(content: str, media_type: str) -> Response:
    """A reply with a text."""
    return Response(content.encode(), 200, _HEADERS, media_type)


def problem(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Why a request has no answer."""
    return reply({"error": {"code": code, "message": message}}, status, headers)


class RefusedError(Exception):
    """A request that has no answer.

    Attributes:
        response: what says so.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = problem(status, code, message, headers)
