"""A tar archive as a stream of bytes, decompressed on the way: bounded in what comes out, and in the memory it takes.

tarfile trusts what it reads: a header may say any length, and before Python 3.11.10 its patterns go over extended
headers again and again (CVE-2024-6232). So what it asks for is looked at before it gets it.
"""

import bz2
import gzip
import io
import lzma
import re
import weakref
from typing import Any, BinaryIO

from dedup_assets.engine.containers.names import is_streamed
from dedup_assets.engine.errors import ImageError
from dedup_assets.engine.records import ErrorCode
from dedup_assets.engine.stores import open_file

_STEP_BYTES = 1 << 20
_BLOCK = 512
_HEADER_BYTES = 16 << 20  # the headers of no file are longer, nor those for all files together
_MOST_EXPANSION = 200  # images hardly shrink; a stream of more than this is a bomb
_FREE_BYTES = 1 << 30  # any stream may have
_XZ_MEMORY_BYTES = 128 << 20  # twice what `xz -9` needs
_TYPE = slice(156, 157)  # of a header
_EXTENDED, _GLOBAL, _LONG = (b"x", b"X"), b"g", (b"L", b"K")
_MANY_DIGITS = re.compile(rb"\d{1000}")
_LENGTH_DIGITS = 9


def open_stream(name: bytes) -> "Stream":
    """Open a tar archive, compressed as its name says.

    Raises:
        Exception: it cannot be opened; stores have errors of their own.
    """
    file = open_file(name)
    lower = name.lower()
    if not is_streamed(name):
        return Stream(file, file, None)
    packed = file.seek(0, io.SEEK_END)
    file.seek(0)
    opened: Any
    if lower.endswith(b"gz"):
        opened = gzip.GzipFile(fileobj=file)
    elif lower.endswith(b"bz2"):
        opened = bz2.BZ2File(file)
    else:
        opened = _Xz(file)
    return Stream(opened, file, packed * _MOST_EXPANSION + _FREE_BYTES)


def _close(*files: BinaryIO) -> None:
    for file in files:
        file.close()


class Stream:
    """A file that is read in bounded pieces: forwards only, where it is decompressed on the way.

    Args:
        file: gives the bytes of the tar.
        below: the file under it, closed with it.
        limit: bytes that may come out; None where the file is not compressed.
    """

    def __init__(self, file: Any, below: BinaryIO, limit: int | None) -> None:  # noqa: ANN401 - any reader
        self._file, self._limit = file, limit
        self._left = self._left_for_all = _HEADER_BYTES
        self._follows = b""  # the type of a header whose text comes next
        self.close = weakref.finalize(self, _close, file, below)

    def expect_headers(self) -> None:
        """What is read from now on are the headers of one file."""
        self._left, self._follows = _HEADER_BYTES, b""

    def read(self, size: int) -> bytes:
        """For tarfile, which reads headers alone."""
        self._left -= size
        if self._left < 0:
            raise ImageError(ErrorCode.CORRUPT_IMAGE, "the archive is damaged: a header too large")
        content = self.take(size)
        kind, self._follows = self._follows, b""
        if kind == _GLOBAL or kind in _EXTENDED:
            self._left_for_all -= size if kind == _GLOBAL else 0
            if self._left_for_all < 0 or not _is_extended(content):
                raise ImageError(ErrorCode.CORRUPT_IMAGE, "the archive is damaged: an extended header that is none")
        elif not kind and size == _BLOCK and content[_TYPE] in (*_EXTENDED, _GLOBAL, *_LONG):
            self._follows = content[_TYPE]
        return content

    def take(self, size: int) -> bytes:
        """So many bytes, of the file at hand."""
        content: bytes = self._file.read(size)
        return content

    def tell(self) -> int:
        """The place, in what comes out."""
        return int(self._file.tell())

    def seek(self, place: int) -> int:
        """Go to a place; back only by starting again, where the file is compressed."""
        if self._limit is None:
            return int(self._file.seek(place))
        if place > self._limit:
            raise ImageError(ErrorCode.CORRUPT_IMAGE, "the archive expands to far more than images do")
        while (ahead := place - self.tell()) > 0 and self._file.read(min(ahead, _STEP_BYTES)):
            pass
        if ahead < 0:
            self._file.seek(place)
        return self.tell()

    def check(self) -> None:
        """Read on to the checksum at the end of a compressed stream."""
        while self._limit is not None and self._file.read(_STEP_BYTES):
            if self.tell() > self._limit:
                raise ImageError(ErrorCode.CORRUPT_IMAGE, "the archive expands to far more than images do")

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_extended(text: bytes) -> bool:
    """Whether tarfile reads an extended header (POSIX.1-2008, pax) in time that is in proportion to its length."""
    if _MANY_DIGITS.search(text):
        return False
    place, end = 0, len(text.rstrip(b"\0"))
    while place < end:
        space = text.find(b" ", place, place + _LENGTH_DIGITS)
        if space < 0 or not text[place:space].isdigit():
            return False
        after = place + int(text[place:space])
        if not space < after <= len(text) or text[after - 1] != ord("\n") or text.find(b"=", space, after) < 0:
            return False
        place = after
    return True


class _Xz(io.RawIOBase):
    """An .xz file that is decompressed within a limit of memory, which lzma.LZMAFile has not."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._below = file
        self._start()

    def _start(self) -> None:
        self._below.seek(0)
        self._decoder: lzma.LZMADecompressor | None = None
        self._waiting, self._place = b"", 0

    def read(self, size: int = -1) -> bytes:
        """As many bytes; less only at the end."""
        parts: list[bytes] = []
        while size > 0 and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        self._place += sum(map(len, parts))
        return b"".join(parts)

    def _some(self, most: int) -> bytes:
        while True:
            if (self._decoder is None or self._decoder.eof) and not self._next_stream():
                return b""
            assert self._decoder is not None  # noqa: S101 - for the type checker
            if self._decoder.needs_input and not self._waiting:
                self._waiting = self._below.read(_STEP_BYTES)
                if not self._waiting:
                    raise EOFError("the compressed file ends early")
            given, self._waiting = self._waiting, b""
            try:
                part = self._decoder.decompress(given, most)
            except lzma.LZMAError as error:
                if "limit" not in str(error):
                    raise
                needed = f"needs more than {_XZ_MEMORY_BYTES} bytes of memory to be decompressed"
                raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"the archive {needed}") from None
            if part:
                return part

    def _next_stream(self) -> bool:
        """Whether another stream follows the last one; zeros may stand between them."""
        rest = self._decoder.unused_data if self._decoder else b""
        while not (rest := rest.lstrip(b"\0")):
            if not (rest := self._below.read(_STEP_BYTES)):
                return False
        self._waiting = rest
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_XZ_MEMORY_BYTES)
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Back, by starting again."""
        if offset < self._place:
            self._start()
        while self._place < offset and self.read(min(offset - self._place, _STEP_BYTES)):
            pass
        return self._place
