"""Memory and files without a name, shared with one worker, so that nothing is left behind however the processes end."""

import mmap
import os
import sys
import tempfile
import uuid
from typing import BinaryIO

from dedup_assets.engine.workers.process_limits import off_standard_streams


class SharedMemory:
    """Anonymous memory, empty until it gets a size. The process that makes it lets a child inherit it.

    Args:
        address: the `address` of the memory in the process that made it; None for new memory.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, address: str | None = None) -> None:
        self._view: mmap.mmap | None = None
        if address is None:
            address = f"dedup-{uuid.uuid4().hex}" if sys.platform == "win32" else str(_anonymous_file())
        self.address = address

    @property
    def inherited(self) -> tuple[int, ...]:
        """File descriptors that the child must inherit."""
        return () if sys.platform == "win32" else (int(self.address),)

    def view(self, size: int) -> mmap.mmap:
        """The memory, at least `size` bytes of it. Growing keeps its content."""
        if self._view is None or len(self._view) < size:
            if sys.platform == "win32":
                self._view = mmap.mmap(-1, size, tagname=f"{self.address}-{size}")
            else:
                descriptor = int(self.address)
                if os.fstat(descriptor).st_size < size:
                    os.ftruncate(descriptor, size)
                self._view = mmap.mmap(descriptor, size)
        return self._view

    def empty(self) -> None:
        """Give its pages back to the system where that is possible (Linux); it keeps its size."""
        if self._view is not None and hasattr(mmap, "MADV_REMOVE"):
            self._view.madvise(mmap.MADV_REMOVE)

    def close(self) -> None:
        """Release it; arrays that still refer to it keep it alive."""
        self._view = None
        for descriptor in self.inherited:
            os.close(descriptor)


def open_shared_log() -> BinaryIO:
    """An anonymous file in which each write of a child goes to the end.

    Raises:
        OSError: it cannot be made.
    """
    if sys.platform == "win32":
        return tempfile.TemporaryFile("w+b", buffering=0)
    import fcntl

    descriptor = _anonymous_file()
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)
    return os.fdopen(descriptor, "r+b", buffering=0)


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):  # in memory: needs no folder that can be written, and no room in /dev/shm
        return off_standard_streams(os.memfd_create("dedup-assets"))
    with tempfile.TemporaryFile() as file:
        return off_standard_streams(os.dup(file.fileno()))
