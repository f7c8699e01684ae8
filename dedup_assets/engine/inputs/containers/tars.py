"""Tar archives: the listing reads all headers once; members are read by their place.

A tar that is compressed as a whole can only be read forwards. `read_ahead` asks for its members in the order of their
places, so that one pass gives all of them; going back starts again.
"""

import posixpath
import tarfile
from collections import OrderedDict
from collections.abc import Iterator
from threading import Lock

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.inputs.containers import member
from dedup_assets.engine.inputs.containers.budget import OverdueError
from dedup_assets.engine.inputs.containers.member import MAX_MEMBER_BYTES, Member, too_many
from dedup_assets.engine.inputs.containers.streams import Stream, open_stream
from dedup_assets.engine.inputs.kinds import Kind, is_streamed, kind_of
from dedup_assets.engine.stores import read_at

_LINK, _SPARSE, _IRREGULAR = -1, -2, -3  # places of members that have no bytes in one piece
_PROBLEMS = {
    _LINK: ImageError(ErrorCode.MISSING_FILE, "a link to what the archive does not hold before it"),
    _SPARSE: ImageError(ErrorCode.UNSUPPORTED_FORMAT, "a sparse file in a tar archive"),
    _IRREGULAR: ImageError(ErrorCode.UNSUPPORTED_FORMAT, "is not a regular file"),
}
_BLOCK = 512
_STREAMS = 3  # compressed archives that are read at once; each holds the memory of its decompressor


class TarArchive:
    """The members of a tar archive, compressed or not.

    Args:
        name: path or URL of the archive.
    """

    def __init__(self, name: bytes) -> None:
        self._name = name
        self._stream: Stream | None = None
        self._end: tuple[int, OverdueError] | None = None  # the place from which a stream is not read, and why
        self._lock = Lock()
        self.damage: ImageError | None = None

    def members(self, seconds: float) -> Iterator[Member]:
        """Read all headers. Afterwards `damage` says whether they could be read to the end."""
        self.damage = None
        files: dict[str, Member] = {}
        with open_stream(self._name, seconds) as stream:
            try:
                yield from self._members(stream, files)
            except ImageError as problem:
                self.damage = problem
            except Exception as error:  # noqa: BLE001 - tarfile and decompressors have many on hostile input
                self.damage = ImageError(ErrorCode.CORRUPT_IMAGE, f"the archive is damaged: {error!r:.200}")

    def read(self, place: int, size: int, seconds: float) -> bytes:
        """Read the member at a place. Raises ImageError if that gives no bytes."""
        if place < 0:
            raise ImageError(_PROBLEMS[place].code, str(_PROBLEMS[place]))
        if size > MAX_MEMBER_BYTES:
            raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"{size} bytes: more than {MAX_MEMBER_BYTES}")
        is_packed = is_streamed(self._name)
        content = self._from_stream(place, size, seconds) if is_packed else read_at(self._name, place, size)
        if len(content) < size:
            raise ImageError(ErrorCode.TRUNCATED_IMAGE, "the archive ends within the member")
        return content

    def _members(self, stream: Stream, files: dict[str, Member]) -> Iterator[Member]:
        with tarfile.open(fileobj=stream, mode="r:", errors="surrogateescape") as archive:  # type: ignore[call-overload]
            last, left = -1, member.MOST_MEMBERS
            while (entry := _next(archive, stream)) is not None:
                archive.members = []  # it would keep every header
                left -= 1
                if left < 0:
                    raise too_many()
                if entry.offset <= last or entry.size < 0:
                    raise ImageError(ErrorCode.CORRUPT_IMAGE, f"the archive is damaged after byte {last}")
                last = entry.offset
                if not entry.isdir():
                    yield _member(entry, files)
        if stream.last_block.strip(b"\0"):  # tarfile takes a block that is no header for the end
            raise ImageError(ErrorCode.CORRUPT_IMAGE, f"the archive is damaged after byte {archive.offset}")
        stream.check()

    def _from_stream(self, place: int, size: int, seconds: float) -> bytes:
        _let_others_go(self)
        with self._lock:
            if self._end and place >= self._end[0]:  # later places take longer
                raise ImageError(self._end[1].code, str(self._end[1]))
            if self._stream is None or self._stream.tell() > place:
                self._close()
                self._stream = open_stream(self._name, seconds)
            self._stream.budget.renew(seconds)
            try:
                self._stream.seek(place)
                return self._stream.take(size)
            except OverdueError as problem:
                self._end = place, problem
                self._close()
                raise

    def let_go(self) -> None:
        """Free what a stream holds; the next read starts again."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = None


_streaming: "OrderedDict[int, TarArchive]" = OrderedDict()
_streaming_lock = Lock()


def _let_others_go(used: TarArchive) -> None:
    with _streaming_lock:
        _streaming[id(used)] = used
        _streaming.move_to_end(id(used))
        others = [_streaming.popitem(last=False)[1] for _ in range(len(_streaming) - _STREAMS)]
    for other in others:
        other.let_go()


def _next(archive: tarfile.TarFile, stream: Stream) -> tarfile.TarInfo | None:
    stream.expect_headers()
    return archive.next()


def _member(entry: tarfile.TarInfo, files: dict[str, Member]) -> Member:
    """A file, or where a link within the archive leads: tar keeps a second name of a file as a link."""
    path = entry.name.encode("utf-8", "surrogateescape")
    if entry.islnk() or entry.issym():
        folder = posixpath.dirname(entry.name) if entry.issym() else ""
        found = files.get(posixpath.normpath(posixpath.join(folder, entry.linkname)))
        return found._replace(path=path) if found else Member(path, -1, str(entry.offset), _LINK)
    if entry.issparse() or not entry.isreg():
        found = Member(path, -1, str(entry.offset), _SPARSE if entry.issparse() else _IRREGULAR)
    else:
        found = Member(path, entry.size, str(entry.offset_data), entry.offset_data)
    if kind_of(path) is Kind.IMAGE:
        files[posixpath.normpath(entry.name)] = found
    return found
