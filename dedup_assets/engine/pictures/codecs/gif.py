"""Blocks of GIF (GIF89a specification, appendix B)."""

import struct

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode

_SCREEN = 6  # where its width and height are
_FIRST_BLOCK = 13
_EXTENSION, _FRAME, _TRAILER, _COMMENT = ord("!"), ord(","), ord(";"), 0xFE


def is_cut(data: bytes) -> bool:
    """Whether the file ends within a block. One that ends between blocks, only without its trailer, is whole."""
    position = _skip_to_frame(data, _first_block(data))
    try:
        while position < len(data) and data[position] == _FRAME:
            position = _skip_sub_blocks(data, position + 11 + _color_table_bytes(data[position + 9]))
            position = _skip_to_frame(data, position)
    except IndexError:
        return True
    return position > len(data)


def count_frames(data: bytes) -> int:
    """The number of frames that begin in the file."""
    frames, position = 0, _skip_to_frame(data, _first_block(data))
    try:
        while position < len(data) and data[position] == _FRAME:
            frames += 1
            position = _skip_sub_blocks(data, position + 11 + _color_table_bytes(data[position + 9]))
            position = _skip_to_frame(data, position)
    except IndexError:
        pass
    return frames


def read_comments(data: bytes) -> tuple[list[bytes], int]:
    """The comments of a file, and where it ends."""
    comments, position = list[bytes](), _first_block(data)
    try:
        while data[position] != _TRAILER:
            if data[position] == _EXTENSION:
                end = _skip_sub_blocks(data, position + 2)
                if data[position + 1] == _COMMENT:
                    comments.append(_joined(data, position + 2))
            elif data[position] == _FRAME:
                end = _skip_sub_blocks(data, position + 11 + _color_table_bytes(data[position + 9]))
            else:
                return comments, len(data)
            position = end
    except IndexError:
        return comments, len(data)
    return comments, position + 1


def _joined(data: bytes, position: int) -> bytes:
    """The content of sub-blocks."""
    parts = []
    while length := data[position]:
        parts.append(data[position + 1 : position + 1 + length])
        position += length + 1
    return b"".join(parts)


def with_room_for_frame(data: bytes) -> bytes:
    """The file with a screen that its first frame fits into, as browsers make it; the same where it fits already.

    Frames without pixels that come first are left out: Pillow refuses them, and the next frame is what is shown.

    Raises:
        ImageError: ERROR_UNSUPPORTED_FORMAT where no frame has pixels.
    """
    data = _without_empty_frames(data)
    position = _skip_to_frame(data, _first_block(data))
    try:
        left, top, width, height = struct.unpack_from("<4H", data, position + 1)
        screen = struct.unpack_from("<2H", data, _SCREEN)
    except struct.error:
        return data
    wanted = max(left + width, screen[0]), max(top + height, screen[1])
    if wanted == screen or max(wanted) >> 16:
        return data
    return data[:_SCREEN] + struct.pack("<2H", *wanted) + data[_SCREEN + 4 :]


def _without_empty_frames(data: bytes) -> bytes:
    """The file from its first frame with pixels on."""
    try:
        while data[position := _skip_to_frame(data, _first_block(data))] == _FRAME:
            width, height = struct.unpack_from("<2H", data, position + 5)
            if width and height:
                return data
            end = _skip_sub_blocks(data, position + 11 + _color_table_bytes(data[position + 9]))
            if data[_skip_to_frame(data, end)] != _FRAME:
                raise ImageError(ErrorCode.UNSUPPORTED_FORMAT, "GIF: no frame has pixels")
            data = data[:position] + data[end:]
    except (IndexError, struct.error):
        pass
    return data


def _first_block(data: bytes) -> int:
    return _FIRST_BLOCK + _color_table_bytes(data[10]) if len(data) > 10 else len(data) + 1  # noqa: PLR2004 - flags


def _skip_to_frame(data: bytes, position: int) -> int:
    """The first block from a position on that is no extension; beyond the end of the file where that is cut."""
    try:
        while position < len(data) and data[position] == _EXTENSION:
            position = _skip_sub_blocks(data, position + 2)
    except IndexError:
        return len(data) + 1
    return position


def _color_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_sub_blocks(data: bytes, position: int) -> int:
    while length := data[position]:
        position += length + 1
    return position + 1
