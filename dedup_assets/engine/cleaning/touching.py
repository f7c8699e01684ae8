"""What can be done to a file, wherever it is: look, verify, act, and put back. Two kinds: local files and objects."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass

from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.work_dir.apply_journal import Act


@dataclass(frozen=True)
class Seen:
    """A file as it was seen; an equal value later means that it is the same file with the same bytes.

    Attributes:
        size_bytes: its size.
        version: changes with the content: time of change and of metadata in ns, or what the store says.
        device: with `inode` the identity of a local file; 0 on a store.
        inode: as above.
        mode: permissions of a local file.
        uid: its owner.
        gid: its group.
        atime_ns: time of its last access; it does not count in comparisons.
        mtime_ns: time of its last change.
    """

    size_bytes: int
    version: str
    device: int = 0
    inode: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    atime_ns: int = 0

    def is_same_file(self, other: "Seen") -> bool:
        """Whether both are names of one local file."""
        return bool(self.inode) and (self.device, self.inode) == (other.device, other.inode)

    def is_unchanged(self, other: "Seen") -> bool:
        """Whether the other one is the same file with the same bytes."""
        mine = (self.size_bytes, self.version, self.device, self.inode)
        return mine == (other.size_bytes, other.version, other.device, other.inode)


class Files(ABC):
    """Files of one kind. Every method that is given a name says it in its errors."""

    @abstractmethod
    def find(self, name: bytes) -> Seen | None:
        """The file of this name; None if there is none. Raises SkippedError if it is no file or behind a link."""

    @abstractmethod
    def verify(self, name: bytes, content: str, *, keep_bytes: bool = False) -> tuple[Seen, bytes]:
        """Read a file and compare its hash.

        Args:
            name: of the file.
            content: SHA-256 that it must have, in hex.
            keep_bytes: whether the bytes are wanted; they are empty otherwise.

        Raises:
            SkippedError: it is gone, a link, or changed.
        """

    @abstractmethod
    def hashed(self, name: bytes) -> tuple[Seen, str]:
        """Read a file; gives its SHA-256 in hex, too. Raises SkippedError if it is gone, a link, or changes."""

    @abstractmethod
    def read(self, name: bytes) -> bytes:
        """The bytes of a file. Raises SkippedError if it is gone, a link, too large, or changes."""

    @abstractmethod
    def listed(self, folder: bytes) -> list[bytes]:
        """The names of what is in a folder or below a prefix, without the folder. Raises OSError."""

    @abstractmethod
    def unchanged(self, name: bytes, seen: Seen, *, exclusive: bool) -> AbstractContextManager[None]:
        """Check that a file is as it was seen, and keep other applies from it for the block.

        Args:
            name: of the file.
            seen: how it was when it was verified.
            exclusive: whether the block changes it; if not, others may read it too.

        Raises:
            SkippedError: it is not, or another apply uses it.
        """

    @abstractmethod
    def act(self, act: Act, seen: Seen) -> None:
        """Do what the journal says. The caller holds the file and the kept one.

        Raises:
            SkippedError: it cannot be done; the file is in its place.
            OSError: likewise.
        """

    @abstractmethod
    def settle(self, act: Act) -> None:
        """Remove what a killed process has left half done: afterwards the file is in one place alone."""

    @abstractmethod
    def restore(self, act: Act) -> bool:
        """Put a file back; whether this call did it. False if it was in its place already.

        Raises:
            PlanError: it cannot be put back, and why.
            OSError: likewise.
        """


def cannot_restore(name: bytes, why: str) -> PlanError:
    """The error for a file that stays where it is."""
    return PlanError(f"{quoted(name)} {why}")


def quoted(name: bytes) -> str:
    """A name as messages have it."""
    return repr(name.decode("utf-8", "backslashreplace"))
