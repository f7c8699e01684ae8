"""How far a run is: counted here, shown by whoever started it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class ProgressReporter:
    """Counts images; a subclass shows them.

    Attributes:
        total: images in all.
        done: images finished, good or bad.
        bad: bad ones among them.
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
        """Count `done` more images, `bad` ones among them."""
        self.done += done
        self.bad += bad

    def end(self) -> None:
        """Nothing more will be counted."""

    @contextmanager
    def counting(self, total: int) -> Iterator[None]:
        """Begin, and end whatever happens inside the block."""
        self.begin(total)
        try:
            yield
        finally:
            self.end()

    @property
    def seconds(self) -> float:
        """Time since `begin`."""
        return time.monotonic() - self._begun

    @property
    def rate(self) -> float:
        """Images per second since `begin`."""
        return self.done / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float:
        """Time to go at this rate; 0 while nothing is done."""
        return (self.total - self.done) / self.rate if self.done else 0.0
