"""Boxes of ISO base media files (ISO/IEC 14496-12), the container of AVIF and HEIF."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

_HEADER_BYTES = 8
_FULL_HEADER_BYTES = 12
_MOST_BRAND_BYTES = 256
_PAIR = 2


_AUXILIARY, _DERIVED_GAIN, _DEPTH = b"auxC", b"tmap", b"pixi"  # ISO/IEC 23008-12, 6.5.8 and 6.5.6; 21496-1
_ALPHA = re.compile(rb"alpha|auxid:1$")
_USUAL = (b"ftyp", b"meta", b"mdat", b"free", b"skip", b"wide", b"idat", b"moov", b"uuid")
_MOST_TYPE_BYTES = 100


class Items(NamedTuple):
    """What a file holds beside its picture.

    Attributes:
        auxiliary: types of auxiliary pictures other than alpha.
        has_alpha: whether one of them is the transparency of the picture.
        bits: the most bits that a sample has.
        places: a checksum of where the items are, which tells files apart.
        rest: outer boxes that pictures do not need, and what follows the last box.
    """

    auxiliary: set[bytes]
    has_alpha: bool
    bits: int
    places: int
    rest: bytes


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


def read_contents(data: bytes) -> Items:
    """Read what a file holds beside its picture, from its boxes alone."""
    meta, rest, position = b"", b"", 0
    for box in _boxes(data, 0, len(data)):
        position = box.end
        if box.kind == b"meta":
            meta = data[box.start : box.end]
        elif box.kind not in _USUAL:
            rest += data[box.start : box.end]
    if int.from_bytes(data[position : position + 4], "big"):  # 0: a box up to the end of the file
        rest += data[position:]
    types = {_type_at(meta, place) for place in _places(meta, _AUXILIARY)}
    gains = {_DERIVED_GAIN} if _DERIVED_GAIN in meta else set()
    bits = [max(_bits_at(meta, place), default=0) for place in _places(meta, _DEPTH)]
    other = {each for each in types if not _ALPHA.search(each)} | gains
    where = next((meta[box.start : box.end] for box in _find(meta, b"iloc", 0, len(meta))), b"")
    return Items(other, len(other - gains) < len(types), max(bits, default=8), crc32(where), rest)


def _places(meta: bytes, kind: bytes) -> Iterator[int]:
    """Where the content of each box of a kind begins, after its version and flags."""
    place = meta.find(kind)
    while place >= 0:
        yield place + _HEADER_BYTES
        place = meta.find(kind, place + 1)


def _type_at(meta: bytes, place: int) -> bytes:
    return meta[place : place + _MOST_TYPE_BYTES].partition(b"\0")[0]


def _bits_at(meta: bytes, place: int) -> bytes:
    return meta[place + 1 : place + 1 + meta[place]] if place < len(meta) else b""


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
