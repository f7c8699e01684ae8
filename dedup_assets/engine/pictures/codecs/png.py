"""Chunks of PNG (ISO/IEC 15948, 5): checksums, and notes that Pillow does not have to read."""

from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32, decompressobj, error

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FRAME_BYTES = 12  # length, type and checksum
END = b"\0\0\0\0IEND\xaeB`\x82"
_NOTES = (b"tEXt", b"zTXt", b"iTXt")
_PIXELS = (b"IDAT", b"fdAT")
_XMP = b"XML:com.adobe.xmp"  # XMP specification, part 3, 1.1.5
_LARGE_PROFILE_BYTES = 1 << 20  # Pillow refuses such a profile
_MOST_PROFILE_BYTES = 4 << 20
_MOST_NOTE_BYTES = 1 << 20
_CODED_COLOURS = b"cICP"
_USUAL = (b"hIST", b"sPLT", b"tRNS", b"iDOT")
_LEAST_OWN_BYTES = 1 << 10  # of what a program keeps in a chunk of its own


class Chunk(NamedTuple):
    """A part of a file."""

    kind: bytes
    start: int  # position of its length
    end: int  # position after its checksum


def has_damaged_chunk(data: bytes) -> bool:
    """Whether a chunk that the picture needs does not match its checksum; a chunk that is cut does not count.

    Pillow does not check the chunks that hold the pixels. Deflate decompresses most damaged data to something, so the
    picture would be noise from there on and still count as good. Browsers refuse such a file (libpng: an error, for
    every such chunk).
    """
    view = memoryview(data)
    return any(
        kind[:1].isupper() and crc32(view[start + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big")
        for kind, start, end in chunks(data)
    )


def has_all_pixels(data: bytes) -> bool:
    """Whether the packed pixels come to their end (RFC 1950): then a file without IEND has its whole picture."""
    unpacking = decompressobj()
    try:
        for chunk in chunks(data):
            packed = data[chunk.start + 8 : chunk.end - 4] if chunk.kind == b"IDAT" else b""
            while packed and not unpacking.eof:
                unpacking.decompress(packed, _MOST_NOTE_BYTES)
                packed = unpacking.unconsumed_tail
    except error:
        return False
    return unpacking.eof


def count_frames(data: bytes) -> int:
    """The number of frames that an animation announces (`acTL`, ISO/IEC 15948:2024, 11.3.6.1); 0 without animation."""
    for chunk in chunks(data):
        if chunk.kind == b"acTL":
            return int.from_bytes(data[chunk.start + 8 : chunk.start + 12], "big")
        if chunk.kind == b"IDAT":
            break
    return 0


def without_notes(data: bytes) -> bytes:
    """The file without its texts, and without a colour profile that is larger than Pillow reads.

    Pillow refuses a picture whose notes unpack to more than 1 MiB. Such notes hold workflows of image generators, or
    XMP, and nothing that the picture needs.
    """
    left_out = [chunk for chunk in chunks(data) if chunk.kind in _NOTES or _is_large_profile(data, chunk)]
    if not left_out:
        return data
    starts, ends = [0, *(chunk.end for chunk in left_out)], [*(chunk.start for chunk in left_out), len(data)]
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


def needed_chunks(data: bytes) -> bytes:
    """The file with nothing but the chunks that its picture needs; the same file where there are no pixels."""
    if not any(chunk.kind == b"IDAT" for chunk in chunks(data)):
        return data
    parts = [
        data[chunk.start : chunk.end] for chunk in chunks(data) if chunk.kind[:1].isupper() or chunk.kind == b"tRNS"
    ]
    return SIGNATURE + b"".join(parts) + END


def large_profile(data: bytes) -> bytes:
    """A colour profile that `without_notes` leaves out; empty where there is none, or too large to be one."""
    for chunk in chunks(data):
        if _is_large_profile(data, chunk):
            unpacked = _unpack_profile(data, chunk, _MOST_PROFILE_BYTES + 1)
            return unpacked if len(unpacked) <= _MOST_PROFILE_BYTES else b""
    return b""


class PngMetadata(NamedTuple):
    """What a PNG carries.

    Attributes:
        exif: its EXIF block (ISO/IEC 15948:2024, 11.3.4.5); empty where there is none.
        profile: its colour profile; likewise, and still packed where it is damaged.
        xmp: its XMP packet; likewise.
        texts: keyword and text of its other notes.
        others: chunks of programs, and what names other colours than a profile does.
        coded: a checksum of its packed pixels.
        end: where it ends.
        dots: its size in the world (`pHYs`); empty where it says none.
    """

    exif: bytes
    profile: bytes
    xmp: bytes
    texts: list[tuple[bytes, bytes]]
    others: list[tuple[bytes, bytes]]
    coded: int
    end: int
    dots: bytes


def read_metadata(data: bytes) -> PngMetadata:
    """Read what is not the picture."""
    exif, profile, xmp, texts = b"", b"", b"", list[tuple[bytes, bytes]]()
    others, coded, last, dots = list[tuple[bytes, bytes]](), 0, len(SIGNATURE), b""
    for kind, start, end in chunks(data):
        last = end
        if kind in _PIXELS:
            coded = crc32(data[end - 4 : end], coded)
            continue
        body = data[start + 8 : end - 4]
        if kind == b"eXIf":
            exif = body
        elif kind == b"pHYs":
            dots = body
        elif kind == b"iCCP":
            profile = _unpack_profile(data, Chunk(kind, start, end), _MOST_PROFILE_BYTES) or body
        elif kind in _NOTES:
            keyword, text = _read_note(kind, body)
            if keyword == _XMP:
                xmp = text
            else:
                texts.append((keyword, text))
        elif kind == _CODED_COLOURS or (kind[:1].islower() and len(body) >= _LEAST_OWN_BYTES and kind not in _USUAL):
            others.append((kind, body))
    return PngMetadata(exif, profile, xmp, texts, others, coded, last + len(END), dots)


def _read_note(kind: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Keyword and text of a note (ISO/IEC 15948:2024, 11.3.3), at most 1 MiB of a packed one."""
    keyword, _, text = body.partition(b"\0")
    is_packed = kind == b"zTXt"
    if kind == b"iTXt":
        is_packed, text = text[:1] == b"\1", text[2:].split(b"\0", 2)[-1]
    elif is_packed:
        text = text[1:]
    if is_packed:
        try:
            text = decompressobj().decompress(text, _MOST_NOTE_BYTES)
        except error:
            text = b""
    return keyword, text


def _is_large_profile(data: bytes, chunk: Chunk) -> bool:
    return chunk.kind == b"iCCP" and len(_unpack_profile(data, chunk, _LARGE_PROFILE_BYTES)) == _LARGE_PROFILE_BYTES


def _unpack_profile(data: bytes, chunk: Chunk, most: int) -> bytes:
    """At most the first `most` bytes of a profile; empty where it is damaged."""
    packed = data[chunk.start + 8 : chunk.end - 4].partition(b"\0")[2][1:]  # after a name and the method
    try:
        return decompressobj().decompress(packed, most)
    except error:
        return b""


def chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks before IEND that are whole."""
    start = len(SIGNATURE)
    while start + _FRAME_BYTES <= len(data):
        kind = data[start + 4 : start + 8]
        end = start + _FRAME_BYTES + int.from_bytes(data[start : start + 4], "big")
        if end > len(data) or kind == b"IEND":
            return
        yield Chunk(kind, start, end)
        start = end
