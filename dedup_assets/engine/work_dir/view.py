"""What readers and writers of a work_dir see: the part of `WorkDir` that `identity` needs.

Publishing records what results are, and `WorkDir` publishes. `identity` therefore imports this view instead of
`WorkDir`; otherwise the modules would import each other in a circle.
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
    def read_if_any(self, name: str) -> bytes | None:
        """The content of a small file; None if there is no such file."""

    @abstractmethod
    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Read a file."""

    @abstractmethod
    def open_local(self, name: str) -> AbstractContextManager[FileIO]:
        """Open a local file with the content of one here."""

    @abstractmethod
    def publish(self, *names: str) -> AbstractContextManager[tuple[BinaryIO, ...]]:
        """Write files that belong together: all appear at the end of the block, or none does."""
