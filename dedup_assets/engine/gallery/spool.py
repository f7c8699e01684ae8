"""Files of a gallery before they are written: in memory up to a size, then in a temporary file."""

import hashlib
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import SEEK_END
from tempfile import SpooledTemporaryFile

from dedup_assets.engine.core.own_files import GALLERY_FILES

_IN_MEMORY_BYTES = 64 << 20


@dataclass
class Spool:
    """Path and content of each file, in the order in which they were added.

    Attributes:
        entries: path, start and size of each file.
    """

    entries: list[tuple[str, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - closed with this object
        self._digest = hashlib.sha256()
        self._places = dict[str, tuple[int, int]]()
        weakref.finalize(self, self._file.close)

    def read(self, path: str) -> bytes:
        """The content of a file that was added."""
        start, size = self._places[path]
        self._file.seek(start)
        content = self._file.read(size)
        self._file.seek(0, SEEK_END)
        return content

    def add(self, path: str, content: bytes) -> None:
        """Add a file."""
        self._places[path] = (self._file.tell(), len(content))
        self.entries.append((path, *self._places[path]))
        self._file.write(content)
        self._digest.update(f"{path}\0{len(content)}\0".encode() + content)

    @property
    def folder(self) -> str:
        """The name of the folder of these files, made from their content."""
        return f"{GALLERY_FILES}{self._digest.hexdigest()[:12]}"

    @property
    def size_bytes(self) -> int:
        """The size of all files together."""
        return sum(size for _, _, size in self.entries)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        for path, start, size in self.entries:
            self._file.seek(start)
            yield path, self._file.read(size)
