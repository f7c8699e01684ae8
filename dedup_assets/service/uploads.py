"""Bodies of requests within bounds of size, number and time, and the images in them.

A body is one image, or `multipart/form-data` (RFC 7578) with a part for each. It is held in memory, never written to a
disk; what all requests hold together is bounded, too.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from dedup_assets.service.replies import RefusedError

_FORM = "multipart/form-data"
_ONE_IMAGE = re.compile(r"image/[\w.+-]+|application/octet-stream|")
_MOST_HEADER_BYTES = 4096  # of one part
_PART = re.compile(rb'(?:^|;)\s*(name|filename)="((?:[^"\\]|\\.)*)"')
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_SLOW = "the body took longer than {:g} seconds"


@dataclass(frozen=True)
class UploadLimits:
    """What a request may hold.

    Attributes:
        body_bytes: of one request.
        held_bytes: of all requests together.
        images: in one request.
        seconds: for a body to arrive.
    """

    body_bytes: int = 32 << 20
    held_bytes: int = 256 << 20
    images: int = 32
    seconds: float = 60.0


@dataclass(frozen=True)
class Part:
    """One image of a request, or one field of its form.

    Attributes:
        name: of the field; `image` for a body that is one image.
        filename: as the client calls the file; None for a field that is a text.
        content: its bytes.
    """

    name: str
    filename: str | None
    content: bytes


class Uploads:
    """Reads bodies.

    Args:
        limits: what they may hold.
    """

    def __init__(self, limits: UploadLimits) -> None:
        self.limits = limits
        self._held = 0

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[list[Part]]:
        """The parts of a request's body, for the block.

        Raises:
            RefusedError: the body is too large, too slow, of another type, or damaged; or others hold too much.
        """
        kind, _, more = request.headers.get("content-type", "").partition(";")
        kind = kind.strip().lower()
        if kind != _FORM and not _ONE_IMAGE.fullmatch(kind):
            raise RefusedError(415, "unsupported_media_type", f"{kind!r}: send {_FORM}, or one image as image/...")
        taken = [0]
        try:
            body = await self._read(request, taken)
            yield split(body, more, self.limits.images) if kind == _FORM else [_whole(body)]
        finally:
            self._held -= taken[0]

    async def _read(self, request: Request, taken: list[int]) -> bytes:
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self.limits.body_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.seconds):
                async for piece in request.stream():
                    body += piece
                    taken[0] += len(piece)
                    self._held += len(piece)
                    if len(body) > self.limits.body_bytes:
                        raise self._too_large()
                    if self._held > self.limits.held_bytes:
                        raise RefusedError(503, "busy", "other uploads fill the memory", {"retry-after": "1"})
        except TimeoutError:
            raise RefusedError(408, "timeout", _SLOW.format(self.limits.seconds)) from None
        except ClientDisconnect:
            raise RefusedError(400, "bad_request", "the client went away") from None
        return bytes(body)

    def _too_large(self) -> RefusedError:
        return RefusedError(413, "too_large", f"a body may have {self.limits.body_bytes} bytes")


def _whole(body: bytes) -> Part:
    if not body:
        raise RefusedError(400, "bad_request", "the body is empty: send an image")
    return Part("image", "image", body)


def split(body: bytes, parameters: str, most: int) -> list[Part]:
    """The parts of a form.

    Args:
        body: of the request.
        parameters: of its content type.
        most: parts that are allowed.

    Raises:
        RefusedError: it is no form, or has more parts.
    """
    found = _BOUNDARY.search(parameters)
    if found is None:
        raise RefusedError(400, "bad_request", f"{_FORM} without a boundary")
    line = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(b"\r\n" + line, most + 2)
    if len(pieces) == most + 3 or (len(pieces) == most + 2 and not pieces[-1].startswith(b"--")):
        raise RefusedError(413, "too_many", f"a request may have {most} images")
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):  # noqa: PLR2004 - preamble, a part, the end
        raise RefusedError(400, "bad_request", "the form has no part, or no end")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, gap, content = piece.partition(b"\r\n\r\n")
    if not gap or len(head) > _MOST_HEADER_BYTES:
        raise RefusedError(400, "bad_request", "a part of the form has no headers, or too many")
    for header in head.split(b"\r\n"):
        key, _, value = header.partition(b":")
        if key.strip().lower() == b"content-disposition":
            given = {name: re.sub(rb"\\(.)", rb"\1", text) for name, text in _PART.findall(value)}
            if b"name" in given:
                filename = given.get(b"filename")
                shown = None if filename is None else filename.decode("utf-8", "replace")
                return Part(given[b"name"].decode("utf-8", "replace"), shown, content)
    raise RefusedError(400, "bad_request", "a part of the form has no name")
