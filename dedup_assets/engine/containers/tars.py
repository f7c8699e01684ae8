"""Tar archives: headers are read once, when listing; members by their place. Those compressed as a whole are streamed.

A compressed tar has one order only: its members are asked for in the order of their places, so that one pass gives all
(`read_ahead` sees to that). Going back starts again.
"""

import bz2
import gzip
import io
import lzma
import posixpath
import tarfile
import weakref
from collections.abc import Iterator
from threading import Lock
from typing import Any, BinaryIO

from dedup_assets.engine.containers.member import MAX_MEMBER_BYTES, Member
from dedup_assets.engine.containers.names import Kind, is_streamed, kind_of
from dedup_assets.engine.errors import ImageError
from dedup_assets.engine.records import ErrorCode
from dedup_assets.engine.stores import open_file, read_at

_LINK, _SPARSE, _IRREGULAR = -1, -2, -3  # places of members that have no bytes in one piece
_PROBLEMS = {
    _LINK: ImageError(ErrorCode.MISSING_FILE, "a link to what the archive does not hold before it"),
    _SPARSE: ImageError(ErrorCode.UNSUPPORTED_FORMAT, "a sparse file in a tar archive"),
    _IRREGULAR: ImageError(ErrorCode.UNSUPPORTED_FORMAT, "is not a regular file"),
}
_BLOCK = 512
_STEP_BYTES = 1 << 20
_HEADER_BYTES = 16 << 20  # no header is longer
_MOST_EXPANSION = 200  # images hardly shrink; a stream of more than this is a bomb
_FREE_BYTES = 1 << 30  # any stream may have


class TarArchive:
    """The members of a tar archive, compressed or not.

    Args:
        name: path or URL of the archive.
    """

    def __init__(self, name: bytes) -> None:
        self._name = name
        self._stream: _Stream | None = None
        self._lock = Lock()
        self.damage: ImageError | None = None

    def __iter__(self) -> Iterator[Member]:
        """Read all headers. `damage` says afterwards whether that came to the archive's end."""
        self.damage = None
        files: dict[str, tarfile.TarInfo] = {}
        with _open(self._name) as stream:
            try:
                yield from self._members(stream, files)
            except ImageError as problem:
                self.damage = problem
            except Exception as error:  # noqa: BLE001 - tarfile and decompressors have many on hostile input
                self.damage = ImageError(ErrorCode.CORRUPT_IMAGE, f"the archive is damaged: {error!r:.200}")

    def read(self, place: int, size: int) -> bytes:
        """Read the member at a place. Raises ImageError if that gives no bytes."""
        if place < 0:
            raise ImageError(_PROBLEMS[place].code, str(_PROBLEMS[place]))
        if size > MAX_MEMBER_BYTES:
            raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"{size} bytes: more than {MAX_MEMBER_BYTES}")
        content = self._from_stream(place, size) if is_streamed(self._name) else read_at(self._name, place, size)
        if len(content) < size:
            raise ImageError(ErrorCode.TRUNCATED_IMAGE, "the archive ends within the member")
        return content

    def _members(self, stream: "_Stream", files: dict[str, tarfile.TarInfo]) -> Iterator[Member]:
        with tarfile.open(fileobj=stream, mode="r:", errors="surrogateescape") as archive:  # type: ignore[call-overload]
            last = -1
            while (entry := archive.next()) is not None:
                archive.members = []  # it would keep every header
                if entry.offset <= last or entry.size < 0:
                    raise ImageError(ErrorCode.CORRUPT_IMAGE, f"the archive is damaged after byte {last}")
                last = entry.offset
                if not entry.isdir():
                    yield _member(entry, files)
            end = archive.offset
        stream.seek(end)
        rest = stream.read(_BLOCK)
        if rest.strip(b"\0"):  # tarfile takes what is no header for the end
            raise ImageError(ErrorCode.CORRUPT_IMAGE, f"the archive is damaged after byte {end}")
        stream.check()

    def _from_stream(self, place: int, size: int) -> bytes:
        with self._lock:
            if self._stream is None or self._stream.tell() > place:
                if self._stream is not None:
                    self._stream.close()
                self._stream = _open(self._name)
            self._stream.seek(place)
            return self._stream.take(size)


def _member(entry: tarfile.TarInfo, files: dict[str, tarfile.TarInfo]) -> Member:
    """A file, or where a link within the archive leads: tar keeps a second name of a file as a link."""
    path = entry.name.encode("utf-8", "surrogateescape")
    found: tarfile.TarInfo | None = entry
    if entry.islnk() or entry.issym():
        folder = posixpath.dirname(entry.name) if entry.issym() else ""
        found = files.get(posixpath.normpath(posixpath.join(folder, entry.linkname)))
    if found is None:
        return Member(path, -1, str(entry.offset), _LINK)
    if found.issparse() or not found.isreg():
        return Member(path, -1, str(entry.offset), _SPARSE if found.issparse() else _IRREGULAR)
    if kind_of(path) is Kind.IMAGE:
        files[posixpath.normpath(entry.name)] = found
    return Member(path, found.size, str(found.offset_data), found.offset_data)


def _open(name: bytes) -> "_Stream":
    file = open_file(name)
    lower = name.lower()
    if not is_streamed(name):
        return _Stream(file, file, None)
    packed = file.seek(0, io.SEEK_END)
    file.seek(0)
    opened: Any
    if lower.endswith((b"gz",)):
        opened = gzip.GzipFile(fileobj=file)
    elif lower.endswith(b"bz2"):
        opened = bz2.BZ2File(file)
    else:
        opened = lzma.LZMAFile(file)  # noqa: SIM115 - closed by the stream
    return _Stream(opened, file, packed * _MOST_EXPANSION + _FREE_BYTES)


def _close(*files: BinaryIO) -> None:
    for file in files:
        file.close()


class _Stream:
    """A file that is read in bounded pieces: forwards only, where it is decompressed on the way.

    Args:
        file: gives the bytes of the tar.
        below: the file under it, closed with it.
        limit: bytes that may come out; None where the file is not compressed.
    """

    def __init__(self, file: Any, below: BinaryIO, limit: int | None) -> None:  # noqa: ANN401 - any reader
        self._file, self._limit = file, limit
        self.close = weakref.finalize(self, _close, file, below)

    def read(self, size: int) -> bytes:
        """For tarfile, which reads headers alone, and would hold any that is said to be huge."""
        if size > _HEADER_BYTES:
            raise ImageError(ErrorCode.CORRUPT_IMAGE, "the archive is damaged: a header too large")
        return self.take(size)

    def take(self, size: int) -> bytes:
        content: bytes = self._file.read(size)
        return content

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, place: int) -> int:
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

    def __enter__(self) -> "_Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
