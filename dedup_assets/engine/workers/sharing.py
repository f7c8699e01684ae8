"""Memory that this process and one worker see: no file, no name that could outlive them."""

import mmap
import os
import sys
import tempfile
import uuid


class SharedMemory:
    """Anonymous memory, empty until it is given a size; the process that makes it lets a child inherit it.

    Args:
        address: what another process's `address` said; None for new memory.
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
        """The memory, at least `size` bytes of it; what stood there before stands there still, at the same place."""
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
        """Give its pages back to the system, where that can be asked for it (Linux); it keeps its size."""
        if self._view is not None and hasattr(mmap, "MADV_REMOVE"):
            self._view.madvise(mmap.MADV_REMOVE)

    def close(self) -> None:
        """Let go of it; arrays that still look at it keep it alive."""
        self._view = None
        for descriptor in self.inherited:
            os.close(descriptor)


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("dedup-pictures")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
