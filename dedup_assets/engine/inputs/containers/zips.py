"""Zip archives: the directory at the end is read once, each member by one read at its place.

Format: PKWARE's APPNOTE 6.3.10. Python's zipfile reads the directory. Members are read here, so that threads do not
wait for one another, a store is asked once per member, and no more is decompressed than the directory says.
"""

import bz2
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import IO, BinaryIO, cast

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode
from dedup_assets.engine.inputs.containers import member
from dedup_assets.engine.inputs.containers.budget import STEP_BYTES, Budget
from dedup_assets.engine.inputs.containers.member import MAX_MEMBER_BYTES, Member, too_many
from dedup_assets.engine.stores import open_file, read_at

_HEADER_BYTES = 30
_SPARE_BYTES = 64  # the extra field before the data may be longer than that in the directory
_ENCRYPTED = 0x1
_DIRECTORY_BYTES = 1 << 28


class ZipArchive:
    """The members of a zip archive.

    Args:
        name: path or URL of the archive.

    Raises:
        Exception: it cannot be read, or is no zip archive.
    """

    damage: ImageError | None = None  # none here: opening fails unless the directory is whole

    def __init__(self, name: bytes) -> None:
        self._name = name
        with open_file(name) as file, zipfile.ZipFile(cast("IO[bytes]", _Bounded(file))) as archive:
            self._entries = {entry.header_offset: entry for entry in archive.infolist() if not entry.is_dir()}
            self._ordered = [entry for entry in archive.infolist() if not entry.is_dir()]
        times = Counter(entry.header_offset for entry in self._ordered)
        self._overlapping = {place for place, count in times.items() if count > 1} | {
            first for first, second in pairwise(sorted(self._entries)) if first + self._least_bytes(first) > second
        }

    def members(self, _seconds: float) -> Iterator[Member]:
        """List all members. Opening has read the directory, in a quarter of a second per MiB at most."""
        for entry in self._ordered:
            yield Member(_path(entry), entry.file_size, f"{entry.CRC:08x}", entry.header_offset)

    def read(self, place: int, _size: int, seconds: float) -> bytes:
        """Read the member at a place. Raises ImageError if that gives no bytes."""
        if place not in self._entries:
            raise ImageError(ErrorCode.MISSING_FILE, "the archive has changed: there is no such member now")
        entry = self._entries[place]
        _check(entry)
        if place in self._overlapping:  # bombs repeat one member many times in this way
            raise ImageError(ErrorCode.CORRUPT_IMAGE, "the member overlaps another one of the archive")
        packed = self._packed(entry)
        try:
            content = _unpacked(packed, entry, Budget(seconds))
        except (zlib.error, OSError, ValueError) as error:
            raise ImageError(ErrorCode.CORRUPT_IMAGE, f"the member cannot be decompressed: {error}") from None
        if len(content) != entry.file_size or zlib.crc32(content) != entry.CRC:
            raise ImageError(ErrorCode.CORRUPT_IMAGE, "the member is not what its checksum says")
        return content

    def _packed(self, entry: zipfile.ZipInfo) -> bytes:
        ahead = _HEADER_BYTES + len(entry.orig_filename.encode()) + len(entry.extra) + _SPARE_BYTES
        block = read_at(self._name, entry.header_offset, ahead + entry.compress_size)
        if not block.startswith(b"PK\x03\x04") or len(block) < _HEADER_BYTES:
            raise ImageError(ErrorCode.CORRUPT_IMAGE, "there is no member where the archive's directory says")
        start = _HEADER_BYTES + int.from_bytes(block[26:28], "little") + int.from_bytes(block[28:30], "little")
        packed = block[start : start + entry.compress_size]
        if len(packed) < entry.compress_size and start > ahead:
            packed = read_at(self._name, entry.header_offset + start, entry.compress_size)
        if len(packed) < entry.compress_size:
            raise ImageError(ErrorCode.TRUNCATED_IMAGE, "the archive ends within the member")
        return packed

    def _least_bytes(self, place: int) -> int:
        return _HEADER_BYTES + self._entries[place].compress_size


class _Bounded:
    """What zipfile reads of a file: a directory that would fill the memory is refused."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell = file.seek, file.tell
        self._read = file.read

    def read(self, size: int = -1) -> bytes:
        content = self._read(size if 0 <= size <= _DIRECTORY_BYTES else _DIRECTORY_BYTES + 1)
        if len(content) > _DIRECTORY_BYTES:
            reason = f"the archive's directory has more than {_DIRECTORY_BYTES} bytes"
            raise ImageError(ErrorCode.IMAGE_TOO_LARGE, reason)
        if content.count(b"PK\1\2") > member.MOST_MEMBERS:
            raise too_many()
        return content


def _check(entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "the member is encrypted")
    if max(entry.file_size, entry.compress_size) > MAX_MEMBER_BYTES:
        raise ImageError(ErrorCode.IMAGE_TOO_LARGE, f"{entry.file_size} bytes: more than {MAX_MEMBER_BYTES}")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}:
        raise ImageError(
            ErrorCode.UNSUPPORTED_FORMAT,
            f"the member is compressed by method {entry.compress_type}; stored, deflate and bzip2 are read",
        )


def _unpacked(packed: bytes, entry: zipfile.ZipInfo, budget: Budget) -> bytes:
    if entry.compress_type == zipfile.ZIP_STORED:
        return packed
    is_deflated = entry.compress_type == zipfile.ZIP_DEFLATED
    decoder = zlib.decompressobj(-zlib.MAX_WBITS) if is_deflated else bz2.BZ2Decompressor()
    content, place, given = io.BytesIO(), 0, b""
    # One byte more than the directory says shows that it is wrong; a bomb gets no further.
    while not decoder.eof and (left := entry.file_size + 1 - content.tell()):
        if not given and getattr(decoder, "needs_input", True):
            given = packed[place : place + STEP_BYTES]
            place += len(given)
        piece = decoder.decompress(given, min(left, STEP_BYTES))
        if not piece and not given and place == len(packed):  # it ends early
            break
        content.write(piece)
        budget.spend(len(given))
        given = getattr(decoder, "unconsumed_tail", b"")
    return content.getvalue()


def _path(entry: zipfile.ZipInfo) -> bytes:
    """The member's path: UTF-8 if it is valid, because many archives use it undeclared; else code page 437."""
    try:
        raw = entry.filename.encode("cp437")
        raw.decode("utf-8")
    except UnicodeError:
        return entry.filename.encode("utf-8", "surrogateescape")
    return raw
