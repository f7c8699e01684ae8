"""Which other files an ONNX file refers to, found before onnxruntime reads it.

A tensor of an ONNX file may be in another file, at a path that the ONNX file gives. Such a model could make this
process read any file. Also, stored vectors are found by the hash of the ONNX file, which would not cover its weights.
Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, encoding:
https://protobuf.dev/programming-guides/encoding.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 2 << 30  # protobuf's own limit for a message
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 64  # graphs inside nodes of graphs
# Message -> field -> kind of the message in it; other fields are skipped.
_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of a tensor
_GRAPH = 7  # of a model


class NoModelError(ValueError):
    """The bytes are no ONNX model."""


def read_model(path: Path) -> bytes:
    """Read an ONNX file that refers to no other file.

    Raises:
        NoModelError: it is no ONNX model.
        ValueError: it is no regular file, too large, or has tensors in other files.
        OSError: it cannot be read.
    """
    facts = path.stat()
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > MOST_BYTES:
        raise ValueError(f"is no regular file of at most {MOST_BYTES} bytes")
    content = path.read_bytes()
    if external := external_tensors(content):
        raise ValueError(f"{external} of its tensors are in other files, which are not read; save it as one file")
    return content


def external_tensors(content: bytes) -> int:
    """The number of tensors of a model that are in other files.

    Raises:
        NoModelError: the bytes are no ONNX model.
    """
    view = memoryview(content)
    if not any(field == _GRAPH and isinstance(value, memoryview) for field, value in _fields(view)):
        raise NoModelError("it holds no graph")
    return _count(view, "model", 0)


def _count(message: memoryview, kind: str, depth: int) -> int:
    if depth > _DEEPEST:
        raise NoModelError(f"its graphs are nested more than {_DEEPEST} deep")
    found = 0
    for field, value in _fields(message):
        if kind == "tensor":
            found = found or int(field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value == 1))
        elif isinstance(value, memoryview) and field in _INSIDE[kind]:
            found += _count(value, _INSIDE[kind][field], depth + 1)
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, "int | memoryview"]]:
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, place = _varint(message, place)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
        if size < 0 or place + size > len(message):
            raise NoModelError("it is cut short or damaged")
        yield tag >> 3, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < 70:  # noqa: PLR2004 - ten bytes of seven bits
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last one
            return value, place
        shift += 7
    raise NoModelError("it is cut short or damaged")
