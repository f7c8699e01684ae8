"""A tar archive as a stream of bytes, decompressed on the way: bounded in what comes out, in memory and in time.

tarfile trusts what it reads: a header may claim any length, and before Python 3.11.10 its patterns take quadratic time
on extended headers (CVE-2024-6232). So headers are checked before tarfile gets them.
"""

import bz2
import gzip
import io
import lzma
import re
import weakref
from typing import Any, BinaryIO

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.inputs.containers.budget import INPUT_BYTES, STEP_BYTES, Budget
from dedup_assets.engine.inputs.kinds import is_streamed
from dedup_assets.engine.stores import open_file

_BLOCK = 512
_HEADER_BYTES = 16 << 20  # limit for the headers of one file, and for those that hold for all files together
_MOST_EXPANSION = 200  # images hardly shrink; a stream that expands more is a bomb
_FREE_BYTES = 1 << 30  # that any stream may give, however small it is
_XZ_MEMORY_BYTES = 128 << 20  # twice what `xz -9` needs
_TYPE = slice(156, 157)  # of a header
_EXTENDED, _GLOBAL, _LONG = (b"x", b"X"), b"g", (b"L", b"K")
_MANY_DIGITS = re.compile(rb"\d{1000}")
_LENGTH_DIGITS = 9


def open_stream(name: bytes, seconds: float) -> "Stream":
    """Open a tar archive, compressed as its name says.

    Args:
        name: path or URL of the archive.
        seconds: CPU time for unpacking it; see `Budget`.

    Raises:
        Exception: it cannot be opened; stores have errors of their own.
    """
    file = open_file(name)
    lower, budget = name.lower(), Budget(seconds)
    if not is_streamed(name):
        return Stream(file, file, None, budget)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    packed: Any = _Packed(file, budget)
    opened: Any
    if lower.endswith(b"gz"):
        opened = gzip.GzipFile(fileobj=packed)
    elif lower.endswith(b"bz2"):
        opened = bz2.BZ2File(packed)
    else:
        opened = _Xz(packed, budget)
    return Stream(opened, file, size * _MOST_EXPANSION + _FREE_BYTES, budget)


def _close(*files: BinaryIO) -> None:
    for file in files:
        file.close()


class Stream:
    """A file that is read in bounded pieces: forwards only, where it is decompressed on the way.

    Args:
        file: gives the bytes of the tar.
        below: the file under it, closed with it.
        limit: bytes that may come out; None where the file is not compressed.
        budget: of time; renew it where another task begins.
    """

    def __init__(self, file: Any, below: BinaryIO, limit: int | None, budget: Budget) -> None:  # noqa: ANN401 - any reader
        self._file, self._limit, self.budget = file, limit, budget
        self._left = self._left_for_all = _HEADER_BYTES
        self._follows = b""  # the type of a header whose text comes next
        self.last_block = b""  # the last bytes that tarfile read
        self.close = weakref.finalize(self, _close, file, below)

    def expect_headers(self) -> None:
        """Begin the headers of a further file."""
        self._left, self._follows = _HEADER_BYTES, b""

    def read(self, size: int) -> bytes:
        """Read for tarfile, which reads only headers."""
        self._left -= size
        if self._left < 0:
            raise ImageError(ErrorCode.CORRUPT_IMAGE, "the archive is damaged: a header too large")
        content = self.last_block = self.take(size)
        kind, self._follows = self._follows, b""
        if kind == _GLOBAL or kind in _EXTENDED:
            self._left_for_all -= size if kind == _GLOBAL else 0
            if self._left_for_all < 0 or not _is_extended(content):
                raise ImageError(ErrorCode.CORRUPT_IMAGE, "the archive is damaged: an extended header that is none")
        elif not kind and size == _BLOCK and content[_TYPE] in (*_EXTENDED, _GLOBAL, *_LONG):
            self._follows = content[_TYPE]
        return content

    def take(self, size: int) -> bytes:
        """Read `size` bytes; fewer only at the end."""
        if size <= STEP_BYTES:
            return self._step(size)
        content = io.BytesIO()
        while (left := size - content.tell()) and (piece := self._step(left)):
            content.write(piece)
        return content.getvalue()

    def _step(self, most: int) -> bytes:
        """Read `most` bytes, but no more than one step may give."""
        content: bytes = self._file.read(min(most, STEP_BYTES))
        self.budget.spend(len(content) if self._limit is None else 0)
        return content

    def tell(self) -> int:
        """The place, in what comes out."""
        return int(self._file.tell())

    def seek(self, place: int) -> int:
        """Go to a place. A compressed file goes back only by starting again."""
        if self._limit is None:
            return int(self._file.seek(place))
        if place > self._limit:
            raise ImageError(ErrorCode.CORRUPT_IMAGE, "the archive expands to far more than images do")
        if place < self.tell():
            self._file.seek(0)
        while (ahead := place - self.tell()) > 0 and self._step(ahead):
            pass
        return self.tell()

    def check(self) -> None:
        """Read on to the checksum at the end of a compressed stream."""
        while self._limit is not None and self._step(STEP_BYTES):
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


class _Packed:
    """A compressed file as its decompressor sees it: each read adds time and is checked, even if nothing comes out."""

    def __init__(self, file: BinaryIO, budget: Budget) -> None:
        self.seek, self.tell = file.seek, file.tell
        self._read, self._budget = file.read, budget

    def read(self, size: int = -1) -> bytes:
        content = self._read(size if 0 <= size <= INPUT_BYTES else INPUT_BYTES)
        self._budget.spend(len(content))
        return content

    def seekable(self) -> bool:
        return True


class _Xz(io.RawIOBase):
    """An .xz file that is decompressed within limits of memory, which lzma.LZMAFile has not, and of time."""

    def __init__(self, file: _Packed, budget: Budget) -> None:
        super().__init__()
        self._below, self._budget = file, budget
        self._start()

    def _start(self) -> None:
        self._below.seek(0)
        self._decoder: lzma.LZMADecompressor | None = None
        self._waiting, self._place = b"", 0

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes; fewer only at the end."""
        parts: list[bytes] = []
        while size > 0 and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        self._place += sum(map(len, parts))
        return b"".join(parts)

    def _some(self, most: int) -> bytes:
        while True:
            self._budget.spend()  # streams may be empty
            if (self._decoder is None or self._decoder.eof) and not self._next_stream():
                return b""
            assert self._decoder is not None  # noqa: S101 - for the type checker
            if self._decoder.needs_input and not self._waiting:
                self._waiting = self._below.read(INPUT_BYTES)
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
        """Whether another stream follows the last one; zeros may lie between them."""
        rest = self._decoder.unused_data if self._decoder else b""
        while not (rest := rest.lstrip(b"\0")):
            if not (rest := self._below.read(INPUT_BYTES)):
                return False
        self._waiting = rest
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_XZ_MEMORY_BYTES)
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; back by starting again."""
        if offset < self._place:
            self._start()
        while self._place < offset and self.read(min(offset - self._place, STEP_BYTES)):
            pass
        return self._place
