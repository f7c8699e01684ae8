"""A decoding process that ends itself at marked files, as a decoder with a fault would: a real process, real signals.

`WorkerPool("dedup_assets_tests.support.crashing_decoder", 1)` runs it.
"""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.image_facts import ImageFacts
from dedup_assets.engine.decoders import answering, looking
from dedup_assets.engine.pictures.decoding import ResizablePicture, decode_measured, image_size

MODULE = __name__
_MARK = b"crash:"


def write_deadly_picture(path: Path, picture: Path, how: signal.Signals, times: int) -> Path:
    """Write a file that ends its decoder with a signal the first `times` times, and is `picture` after that.

    `path` with `.count` at its end gets a byte for each of them.
    """
    path.write_bytes(_MARK + json.dumps([str(path) + ".count", str(picture), int(how), times]).encode())
    return path


def count_crashes(path: Path) -> int:
    """How often the file has ended a decoder."""
    count = Path(f"{path}.count")
    return count.stat().st_size if count.exists() else 0


def main(memory: str, lifeline: int) -> None:
    """Answer until the parent ends."""
    answering.decode_measured, looking.ResizablePicture = _measure_or_crash, _open_or_crash
    looking.image_size = _size_or_crash
    answering.main(memory, lifeline)


def _open_or_crash(data: bytes, *options: Any) -> ResizablePicture:
    return ResizablePicture(_picture_or_crash(data), *options)


def _measure_or_crash(
    data: bytes, size: tuple[int, int], **options: Any
) -> tuple[NDArray[np.uint8], ImageFacts, list[bytes]]:
    return decode_measured(_picture_or_crash(data), size, **options)


def _size_or_crash(data: bytes) -> tuple[int, int]:
    return image_size(_picture_or_crash(data))


def _picture_or_crash(data: bytes) -> bytes:
    if data.startswith(_MARK):
        count, picture, how, times = json.loads(data.removeprefix(_MARK))
        if not Path(count).exists() or Path(count).stat().st_size < times:
            with Path(count).open("ab") as file:
                file.write(b"x")
            os.kill(os.getpid(), how)
            signal.pause()  # the signal may take a moment
        return Path(picture).read_bytes()
    return data
