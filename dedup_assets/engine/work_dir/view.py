"""The part of `WorkDir` that `identity` needs.

`WorkDir` publishes files, and publishing records results with `identity`. `identity` therefore imports this view
instead of `WorkDir`, so that the modules do not import each other in a circle.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from io import FileIO
from typing import BinaryIO

from dedup_assets.engine.work_dir.place import Place


class View(Place, ABC):
    """A work_dir as one run sees it: its own staged files come before the published ones.

    Attributes:
        generation: name under which files are staged; empty for readers outside of a run.
    """

    generation: str

    @abstractmethod
    def wrote(self, name: str) -> bool:
        """Whether this run has written a file that is not published yet."""

    @abstractmethod
    def kept_sha256(self, name: str) -> str:
        """SHA-256, in hex, of the copy of a store's file that this run keeps; empty if there is none."""

    @abstractmethod
    def read_if_any(self, name: str) -> bytes | None:
        """The content of a small file; None if there is no such file."""

    @abstractmethod
    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Read a file."""

    @abstractmethod
    def open_local(self, name: str) -> AbstractContextManager[FileIO]:
        """Open a local file with the content of a file of the work_dir."""

    @abstractmethod
    def publish(self, *names: str) -> AbstractContextManager[tuple[BinaryIO, ...]]:
        """Write files that belong together: all appear at the end of the block, or none does."""
