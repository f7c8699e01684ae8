"""How long decompressing may take: archives are unpacked by the run itself, which nobody can end as a process is ended.

Whoever decompresses does so in steps, each bounded in what goes in and what comes out, and asks between two of them.
"""

import time

from dedup_assets.engine.core.errors import ImageError
from dedup_assets.engine.core.records import ErrorCode

IMAGE_SECONDS = 60.0  # where nobody says more: the default of the setting
STEP_BYTES = 1 << 20  # the most that comes out of a step
INPUT_BYTES = 1 << 16  # the most that goes in: each empty stream copies what is left of it
_SECONDS_A_BYTE = 1 / (1 << 20)  # of the packed file; the slowest honest archives take a tenth


class OverdueError(ImageError):
    """Decompressing took too long."""


class Budget:
    """Seconds of this thread's processor that decompressing may take: so neither a store nor a busy machine is blamed.

    A file that is slow because it is large earns them while it is read; a bomb is small.

    Args:
        seconds: the setting image_seconds.
    """

    def __init__(self, seconds: float) -> None:
        self.renew(seconds)

    def renew(self, seconds: float) -> None:
        """Begin anew, in the thread that goes on."""
        self._seconds = seconds
        self._until = time.thread_time() + seconds

    def spend(self, packed_bytes: int = 0) -> None:
        """Say that a step was made, and how far it went in the packed file.

        Raises:
            OverdueError: the time is over.
        """
        self._until += packed_bytes * _SECONDS_A_BYTE
        if time.thread_time() > self._until:
            limit = f"image_seconds={self._seconds:g} and a second for each MiB of the archive"
            raise OverdueError(
                ErrorCode.UNREADABLE, f"unpacking took longer than {limit}; raise image_seconds, or unpack the archive"
            )
