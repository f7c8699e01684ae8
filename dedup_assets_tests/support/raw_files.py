"""Raw files of a camera that does not exist."""

import io
import struct

import numpy as np
from PIL import Image

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SIGNED_RATIONAL = 1, 2, 3, 4, 5, 10
_SIZES = {_BYTE: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _SIGNED_RATIONAL: 8}


def make_dng(preview: bytes, orientation: int = 1) -> bytes:
    """A DNG (version 1.4) with a JPEG file as its preview, beside noise as the data of its sensor."""
    width, height = Image.open(io.BytesIO(preview)).size
    sensor = np.random.default_rng(0).integers(0, 60_000, (48, 64)).astype("<u2")
    file = _File()
    sub_directory = file.put(
        file.directory(
            {
                254: (_LONG, [0]), 256: (_LONG, [64]), 257: (_LONG, [48]), 258: (_SHORT, [16]), 259: (_SHORT, [1]),
                262: (_SHORT, [32803]), 273: (_LONG, [file.put(sensor.tobytes())]), 277: (_SHORT, [1]),
                278: (_LONG, [48]), 279: (_LONG, [sensor.nbytes]), 33421: (_SHORT, [2, 2]),
                33422: (_BYTE, [0, 1, 1, 2]), 50717: (_LONG, [65535]),
            }
        )
    )  # fmt: skip
    name = list(b"Test Camera\0")
    identity = [number for row in range(3) for column in range(3) for number in (int(row == column), 1)]
    main_directory = file.put(
        file.directory(
            {
                254: (_LONG, [1]), 256: (_LONG, [width]), 257: (_LONG, [height]), 258: (_SHORT, [8, 8, 8]),
                259: (_SHORT, [7]), 262: (_SHORT, [6]), 271: (_ASCII, name), 272: (_ASCII, name),
                273: (_LONG, [file.put(preview)]), 274: (_SHORT, [orientation]), 277: (_SHORT, [3]),
                278: (_LONG, [height]), 279: (_LONG, [len(preview)]), 330: (_LONG, [sub_directory]),
                50706: (_BYTE, [1, 4, 0, 0]), 50708: (_ASCII, name), 50721: (_SIGNED_RATIONAL, identity),
                50728: (_RATIONAL, [1] * 6),
            }
        )
    )  # fmt: skip
    return b"II*\0" + struct.pack("<I", main_directory) + file.content


class _File:
    """A little-endian TIFF in the making."""

    def __init__(self) -> None:
        self.content = b""

    def put(self, content: bytes) -> int:
        """Append some bytes; their offset in the file."""
        place = 8 + len(self.content)
        self.content += content + bytes(len(content) % 2)
        return place

    def directory(self, tags: dict[int, tuple[int, list[int]]]) -> bytes:
        entries = b"".join(self._entry(tag, *tags[tag]) for tag in sorted(tags))
        return struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)

    def _entry(self, tag: int, kind: int, numbers: list[int]) -> bytes:
        letter = {_BYTE: "B", _ASCII: "B", _SHORT: "H", _LONG: "I", _RATIONAL: "I", _SIGNED_RATIONAL: "i"}[kind]
        value = struct.pack(f"<{len(numbers)}{letter}", *numbers)
        count = len(value) // _SIZES[kind]
        field = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", self.put(value))
        return struct.pack("<HHI", tag, kind, count) + field
