"""Progress of a run: counted here, shown by subclasses (a bar in a terminal, lines in Dagster's log)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class ProgressReporter:
    """Counts images; a subclass shows them.

    Attributes:
        total: number of images to read.
        done: images finished, good or bad.
        bad: how many of these were bad.
    """

    total = 0
    done = 0
    bad = 0
    _begun = 0.0

    def begin(self, total: int) -> None:
        """Start counting towards `total` images."""
        self.total, self.done, self.bad = total, 0, 0
        self._begun = time.monotonic()

    def advance(self, done: int, bad: int) -> None:
        """Count `done` more images, of which `bad` were bad."""
        self.done += done
        self.bad += bad

    def end(self) -> None:
        """Stop counting."""

    @contextmanager
    def counting(self, total: int) -> Iterator[None]:
        """Count within the block, and stop when it ends, also by an error."""
        self.begin(total)
        try:
            yield
        finally:
            self.end()

    def __str__(self) -> str:
        return (
            f"{self.done} of {self.total} images, {self.bad} bad, {self.rate:.0f} images/s, "
            f"about {self.seconds_left:.0f} s left"
        )

    @property
    def seconds(self) -> float:
        """Seconds since `begin`."""
        return time.monotonic() - self._begun

    @property
    def rate(self) -> float:
        """Images per second since `begin`."""
        return self.done / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float:
        """Seconds left at this rate; 0 while nothing is done."""
        return (self.total - self.done) / self.rate if self.done else 0.0
