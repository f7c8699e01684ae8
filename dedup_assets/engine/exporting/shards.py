"""WebDataset: tar files in which the members of one sample follow each other and share a key."""

import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dedup_assets.engine.core.records import Source
from dedup_assets.engine.exporting.holding import bytes_of, ending_of, is_plain

_MOST_SAMPLES, _MOST_BYTES = 10_000, 1 << 30
_MOST_BESIDE_BYTES = 1 << 20
_BESIDE = (b".txt", b".json", b".cls", b".caption")  # labels and captions that trainers keep beside an image


def write_shards(folder: Path, rows: Sequence[tuple[Source, Mapping[str, Any]]]) -> int:
    """Write all images, each with what is said of it as JSON, and with captions and labels that lie beside it.

    Args:
        folder: where.
        rows: each image with what is said of it; `content` is the SHA-256 of its bytes.

    Returns:
        The number of shards.

    Raises:
        ExportError: an image cannot be read or has changed.
    """
    shards, place = 0, 0
    while place < len(rows):
        size = 0
        with tarfile.open(folder / f"images-{shards:06d}.tar", "w", format=tarfile.PAX_FORMAT) as tar:
            begin = place
            while place < len(rows) and place - begin < _MOST_SAMPLES and size < _MOST_BYTES:
                source, said = rows[place]
                size += sum(_add(tar, f"{place:09d}{ending}", data) for ending, data in _members(source, said))
                place += 1
        shards += 1
    return shards


def _members(source: Source, said: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    yield ending_of(source.name) or ".img", bytes_of(source, said["content"])
    yield ".dedup.json", json.dumps(said, sort_keys=True).encode()
    if is_plain(source):
        stem = os.path.splitext(source.name)[0]  # noqa: PTH122 - bytes
        for ending in _BESIDE:
            try:
                with open(stem + ending, "rb") as file:  # noqa: PTH123 - a Path of bytes does not exist
                    data = file.read(_MOST_BESIDE_BYTES + 1)
            except OSError:
                continue
            if len(data) <= _MOST_BESIDE_BYTES:
                yield ending.decode(), data


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> int:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    tar.addfile(member, io.BytesIO(data))
    return len(data)
