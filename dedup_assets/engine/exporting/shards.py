"""WebDataset: tar files in which the members of one sample follow each other and share a key.

All samples have the same members under the same endings. Loaders take the endings of the first samples for those of
all: Hugging Face `datasets` refuses others, and `webdataset` takes out one ending by its name.
"""

import io
import json
import os
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dedup_assets.engine.core.records import Source
from dedup_assets.engine.exporting.holding import bytes_of, ending_of, is_plain

_MOST_SAMPLES, _MOST_BYTES = 10_000, 1 << 30
_MOST_BESIDE_BYTES = 1 << 20
_BESIDE = {b".txt": b"", b".json": b"null", b".cls": None, b".caption": b""}
"""Labels and captions that trainers keep beside an image; what is written for an image without one, None if nothing can
be."""

_ANY_IMAGE = ".jpg"
"""Of images with several endings: every loader knows it, and all go by the bytes of a picture, not by its name."""


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
    layout = _Layout.of([source for source, _ in rows])
    shards, place = 0, 0
    while place < len(rows):
        size = 0
        with tarfile.open(folder / f"images-{shards:06d}.tar", "w", format=tarfile.PAX_FORMAT) as tar:
            begin = place
            while place < len(rows) and place - begin < _MOST_SAMPLES and size < _MOST_BYTES:
                members = layout.members(*rows[place])
                size += sum(_add(tar, f"{place:09d}{ending}", data) for ending, data in members)
                place += 1
        shards += 1
    return shards


@dataclass(frozen=True)
class _Layout:
    """The members of each sample.

    Attributes:
        image: ending of the image.
        beside: endings of what lies beside images.
        noted: endings that not all images have beside them and that nothing can stand for: they are in the JSON.
    """

    image: str
    beside: Sequence[bytes]
    noted: Sequence[bytes]

    @classmethod
    def of(cls, sources: Sequence[Source]) -> "_Layout":
        endings = {ending_of(source.name) for source in sources}
        image = endings.pop() if len(endings) == 1 else ""
        counts = Counter(ending for source in sources for ending in _BESIDE if _is_there(source, ending))
        noted = [each for each in counts if _BESIDE[each] is None and counts[each] < len(sources)]
        return cls(image or _ANY_IMAGE, [each for each in _BESIDE if counts[each] and each not in noted], noted)

    def members(self, source: Source, said: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
        """Ending and content of each member of a sample."""
        yield self.image, bytes_of(source, said["content"])
        notes = {each.decode()[1:]: _text(_read_beside(source, each)) for each in self.noted}
        yield ".dedup.json", json.dumps({**said, **notes}, sort_keys=True).encode()
        for ending in self.beside:
            found = _read_beside(source, ending)
            yield ending.decode(), (_BESIDE[ending] or b"") if found is None else found


def _beside(source: Source, ending: bytes) -> bytes:
    return os.path.splitext(source.name)[0] + ending  # noqa: PTH122 - bytes


def _is_there(source: Source, ending: bytes) -> bool:
    if not is_plain(source):
        return False
    try:
        return os.stat(_beside(source, ending)).st_size <= _MOST_BESIDE_BYTES  # noqa: PTH116 - bytes
    except OSError:
        return False


def _read_beside(source: Source, ending: bytes) -> bytes | None:
    if not _is_there(source, ending):
        return None
    try:
        with open(_beside(source, ending), "rb") as file:  # noqa: PTH123 - a Path of bytes does not exist
            return file.read(_MOST_BESIDE_BYTES)
    except OSError:
        return None


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "replace").strip()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> int:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    tar.addfile(member, io.BytesIO(data))
    return len(data)
