"""One file inside an archive."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode

MAX_MEMBER_BYTES = 1 << 28  # 256 MiB unpacked, in memory once per thread; a larger member is refused unread
MOST_MEMBERS = 1_000_000  # of one archive; each takes about 2 KB of memory while it is listed


class Member(NamedTuple):
    """What an archive says of one file in it.

    Attributes:
        path: as the archive has it.
        size_bytes: unpacked.
        version: changes with the content, while the archive stays the same.
        place: where it is; `read` understands it.
    """

    path: bytes
    size_bytes: int
    version: str
    place: int


def too_many() -> ImageError:
    """Why an archive is not entered, or not to its end."""
    reason = f"the archive holds more than {MOST_MEMBERS} files; unpack it, or make several of it"
    return ImageError(ErrorCode.IMAGE_TOO_LARGE, reason)


class Archive(Protocol):
    """An archive whose members can be listed and read, by several threads at once."""

    @property
    def damage(self) -> ImageError | None:
        """What keeps members after the last one from being listed."""

    def members(self, seconds: float) -> Iterator[Member]:
        """List them within `seconds`; see `Budget`."""

    def read(self, place: int, size: int, seconds: float) -> bytes:
        """Read the member at a place within `seconds`. Raises ImageError if that gives no bytes."""
