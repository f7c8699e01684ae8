"""How long decompressing may take. The run itself unpacks archives, and cannot be killed like a decoding process.

Decompression goes in steps, each bounded in what goes in and what comes out; the budget is checked between two steps.
"""

import time

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode

STEP_BYTES = 1 << 20  # the most that comes out of a step
INPUT_BYTES = 1 << 16  # the most that goes in; small, because each empty stream copies what is left of it
_SECONDS_A_BYTE = 1 / (1 << 20)  # of the packed file; the slowest honest archives take a tenth


class OverdueError(ImageError):
    """Decompressing took too long."""


class Budget:
    """CPU seconds of this thread that decompressing may take. Waiting for a store or a busy machine costs none.

    Each MiB that is read of the packed file adds a second, so that large files have time; bombs are small.

    Args:
        seconds: the setting image_seconds.
    """

    def __init__(self, seconds: float) -> None:
        self.renew(seconds)

    def renew(self, seconds: float) -> None:
        """Start again, in the thread that goes on."""
        self._seconds = seconds
        self._until = time.thread_time() + seconds

    def spend(self, packed_bytes: int = 0) -> None:
        """Note a step, and how many bytes of the packed file it read.

        Raises:
            OverdueError: the time is over.
        """
        self._until += packed_bytes * _SECONDS_A_BYTE
        if time.thread_time() > self._until:
            limit = f"image_seconds={self._seconds:g} and a second for each MiB of the archive"
            raise OverdueError(
                ErrorCode.UNREADABLE, f"unpacking took longer than {limit}; raise image_seconds, or unpack the archive"
            )
