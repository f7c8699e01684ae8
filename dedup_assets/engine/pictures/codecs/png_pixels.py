"""The pixels of usual PNG files, in a third of the time that Pillow takes.

Two libraries share the work. libdeflate unpacks the pixels, three times as fast as zlib, and checks their checksum.
FFmpeg undoes the filters of their lines with the wide registers of the processor (Paeth's, most of all, takes half of
Pillow's time). FFmpeg gets them in a file of stored blocks (RFC 1951, 3.2.4), which is made here and hence whole.

Only files are read here that leave nothing to be judged; all others are left to Pillow. What a file says of its
colours and transparency is never left to FFmpeg.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dedup_assets.engine.pictures.codecs import png, rgb
from dedup_assets.engine.pictures.codecs.colours import Correction
from dedup_assets.engine.pictures.codecs.opened import OPAQUE

_FEWEST_PIXELS = 1 << 16  # a smaller picture takes less time than to begin
_HEADER = struct.Struct(">IIBBBBB")  # ISO/IEC 15948, 11.2.2
_HEADER_PLACE, _HEADER_END = 16, 33
_BITS, _OPAQUE = 8, 255
_GRAY, _PALETTE = 0, 3
_CHANNELS = {_GRAY: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}  # by the type of colour
_PAETH = 4  # the last kind of filter
_BLOCK_BYTES = 0xFFFF
_ZLIB_HEADER = b"\x78\x01"
_CHECKSUM_BYTES = 4
_MAY_FOLLOW = (b"IDAT", b"tEXt", b"zTXt", b"iTXt", b"tIME")  # after the pixels: Pillow reads other chunks there


class _Shape(NamedTuple):
    """Rows, columns and samples of a pixel, and the type of colour that it has for the filters."""

    height: int
    width: int
    channels: int
    colour: int

    @property
    def line_bytes(self) -> int:
        """Of a line, with the kind of its filter before it."""
        return 1 + self.width * self.channels


def read(data: bytes, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """The samples of a picture of 8 bits as they are stored.

    Args:
        data: the whole file, of which each needed chunk matches its checksum.
        size: width and height as Pillow reads them.

    Returns:
        (h, w, c) uint8, contiguous: gray or places in a palette, gray and alpha, RGB, or RGBA. None where Pillow has to
        read the file, because it is small, interlaced, animated, damaged or of another depth.
    """
    shape = _shape(data)
    packed = _packed_pixels(data) if shape and size == (shape.width, shape.height) else None
    lines = _unpack(packed, shape) if packed and shape else None
    if packed is None or lines is None or shape is None:
        return None
    return _unfilter(b"".join(_stored_file(lines, packed[-_CHECKSUM_BYTES:], shape)), shape)


def to_rgb(
    samples: NDArray[np.uint8], opened: Image.Image, correct: Correction | None, noticed: set[str]
) -> NDArray[np.uint8]:
    """As `rgb.to_rgb` of the loaded picture.

    Args:
        samples: as `read` gives them.
        opened: the picture, opened by Pillow and not loaded.
        correct: as there.
        noticed: as there.
    """
    if correct is None and (opaque := _opaque_rgb(samples, opened)) is not None:
        noticed.add(OPAQUE)
        return opaque
    loaded = Image.frombuffer(opened.mode, opened.size, samples, "raw", opened.mode, 0, 1)
    loaded.format, loaded.info = "PNG", opened.info
    if opened.palette:
        loaded.palette = opened.palette
        loaded.load()
    return rgb.to_rgb(loaded, correct, noticed=noticed)


def _opaque_rgb(samples: NDArray[np.uint8], opened: Image.Image) -> NDArray[np.uint8] | None:
    """RGB of colours that are opaque everywhere; None of others. This is what Pillow's modes give in twice the time."""
    if opened.mode == "RGB" and not opened.has_transparency_data:
        return samples
    if opened.mode != "RGBA" or np.bitwise_and.reduce(samples.view(np.uint32), axis=None).tobytes()[-1] != _OPAQUE:
        return None
    colours = np.empty((*samples.shape[:2], 3), np.uint8)
    for channel in range(3):  # numpy takes four times as long for all of them together
        colours[..., channel] = samples[..., channel]
    return colours


def _shape(data: bytes) -> _Shape | None:
    """The shape of a picture that is read here; None for another one."""
    width, height, bits, colour, packing, filtering, interlacing = _HEADER.unpack_from(data, _HEADER_PLACE)
    is_usual = bits == _BITS and colour in _CHANNELS and not packing and not filtering and not interlacing
    if not is_usual or width * height < _FEWEST_PIXELS:
        return None
    return _Shape(height, width, _CHANNELS[colour], _GRAY if colour == _PALETTE else colour)


def _packed_pixels(data: bytes) -> bytes | None:
    """The zlib stream of the pixels; None where another chunk follows that says something of them."""
    parts: list[bytes] = []
    for chunk in png.chunks(data):
        if (parts and chunk.kind not in _MAY_FOLLOW) or chunk.kind == b"acTL":
            return None
        if chunk.kind == b"IDAT":
            parts.append(data[chunk.start + 8 : chunk.end - 4])
    return b"".join(parts)


def _unpack(packed: bytes, shape: _Shape) -> bytearray | None:
    """The filtered lines, all there and each of a known filter; None else."""
    import deflate

    size = shape.height * shape.line_bytes
    try:
        lines = deflate.zlib_decompress(packed, size)
    except deflate.DeflateError:
        return None
    filters = np.frombuffer(lines, np.uint8)[:: shape.line_bytes]
    return lines if len(lines) == size and int(filters.max()) <= _PAETH else None


def _stored_file(lines: bytearray, checksum: bytes, shape: _Shape) -> Iterator[bytes | memoryview]:
    """The parts of a PNG of the same lines, in blocks that are not packed; its chunks have no checksums."""
    view = memoryview(lines)
    starts = [*range(0, len(lines), _BLOCK_BYTES), len(lines)]
    blocks = [(view[start:end], end == len(lines)) for start, end in pairwise(starts)]
    size = len(_ZLIB_HEADER) + sum(5 + len(block) for block, _ in blocks) + len(checksum)
    yield png.SIGNATURE + struct.pack(">I4s", _HEADER.size, b"IHDR")
    yield _HEADER.pack(shape.width, shape.height, _BITS, shape.colour, 0, 0, 0) + bytes(4)
    yield struct.pack(">I4s", size, b"IDAT") + _ZLIB_HEADER
    for block, is_last in blocks:
        yield struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF)
        yield block
    yield checksum + bytes(4) + png.END


def _unfilter(file: bytes, shape: _Shape) -> NDArray[np.uint8] | None:
    import av

    codec = av.CodecContext.create("png", "r")
    codec.thread_count = 1  # each process has one core
    try:
        frames = codec.decode(av.Packet(file)) or codec.decode(None)
    except av.FFmpegError:
        return None
    if len(frames) != 1 or (frames[0].width, frames[0].height) != (shape.width, shape.height):
        return None
    plane: Any = frames[0].planes[0]  # a buffer, which its type does not say
    lines = np.frombuffer(plane, np.uint8, shape.height * plane.line_size).reshape(shape.height, plane.line_size)
    pixels = np.ascontiguousarray(lines[:, : shape.width * shape.channels])
    return pixels.reshape(shape.height, shape.width, shape.channels)
