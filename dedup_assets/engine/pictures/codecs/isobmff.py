"""Boxes of ISO base media files (ISO/IEC 14496-12), the container of AVIF and HEIF."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

_HEADER_BYTES = 8
_FULL_HEADER_BYTES = 12
_MOST_BRAND_BYTES = 256
_PAIR = 2


class _Box(NamedTuple):
    kind: bytes
    start: int
    end: int


def read_brands(data: bytes) -> set[bytes]:
    """Major and compatible brands (`ftyp`); empty for a file of another kind."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), _MOST_BRAND_BYTES, len(data))
    return {data[8:12], *(data[start : start + 4] for start in range(16, end, 4))}


def last_box_is_cut(data: bytes) -> bool:
    """Whether the last outer box ends after the file."""
    position = 0
    for box in _boxes(data, 0, len(data)):
        position = box.end
    return position > len(data)


def payloads(data: bytes, kind: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the content of the outer boxes of a kind."""
    return ((box.start + _HEADER_BYTES, box.end) for box in _boxes(data, 0, len(data)) if box.kind == kind)


def with_one_association(data: bytes) -> bytes:
    """The file with its item property associations (`ipma`) in one box, at the same length; else the same file.

    libavif refuses two such boxes of the same version and flags (ISO/IEC 23008-12, 9.3.1); browsers read them.
    """
    properties = next(_find(data, b"iprp", 0, len(data)), None)
    if properties is None:
        return data
    found = [box for box in _boxes(data, properties.start + _HEADER_BYTES, properties.end) if box.kind == b"ipma"]
    versions = {data[box.start + _HEADER_BYTES : box.start + _FULL_HEADER_BYTES] for box in found}
    is_gapless = all(one.end == other.start for one, other in pairwise(found))
    if len(found) < _PAIR or len(versions) > 1 or not is_gapless or found[-1].end != properties.end:
        return data
    items = sum(int.from_bytes(data[box.start + 12 : box.start + 16], "big") for box in found)
    entries = b"".join(data[box.start + 16 : box.end] for box in found)
    merged = _box(b"ipma", versions.pop() + items.to_bytes(4, "big") + entries)
    kept = data[properties.start + _HEADER_BYTES : found[0].start]
    shorter = _box(b"iprp", kept + merged)
    spare = properties.end - properties.start - len(shorter) - _HEADER_BYTES  # keeps all offsets in the file
    return data[: properties.start] + shorter + _box(b"free", bytes(spare)) + data[properties.end :]


def _box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + _HEADER_BYTES).to_bytes(4, "big") + kind + content


def _find(data: bytes, kind: bytes, start: int, end: int) -> Iterator[_Box]:
    """Boxes of a kind, outside of others or in `meta`."""
    for box in _boxes(data, start, end):
        if box.kind == kind:
            yield box
        elif box.kind == b"meta":
            yield from _find(data, kind, box.start + _FULL_HEADER_BYTES, min(box.end, end))


def _boxes(data: bytes, start: int, end: int) -> Iterator[_Box]:
    """The boxes in a part of the file, in order; the last one may end after it."""
    while start + _HEADER_BYTES <= end:
        size, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        if size == 1:  # the size follows in 64 bits
            size = int.from_bytes(data[start + 8 : start + 16], "big")
        if size < _HEADER_BYTES or not kind.isalnum():  # 0: up to the end of the file; any other is no box
            return
        yield _Box(kind, start, start + size)
        start += size
