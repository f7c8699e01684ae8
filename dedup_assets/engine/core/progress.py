"""Progress of a run: counted here, shown by subclasses (stages in a terminal, lines in Dagster's log)."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class ProgressReporter:
    """Counts images, or pairs that are compared; a subclass shows them.

    Attributes:
        unit: what is counted: `images` or `pairs`.
        total: number of them; more where more turn up on the way.
        done: those finished, good or bad.
        bad: how many of these were bad.
        watches_stages: whether it wants to be told of stages, of which one may count.
    """

    watches_stages = False
    unit = "images"
    total = 0
    done = 0
    bad = 0
    _begun = 0.0

    def begin(self, total: int, unit: str = "images") -> None:
        """Start counting towards `total` images, or what `unit` says."""
        self.unit = unit
        self.total, self.done, self.bad = total, 0, 0
        self._begun = time.monotonic()

    def advance(self, done: int, bad: int) -> None:
        """Count `done` more, of which `bad` were bad."""
        self.done += done
        self.bad += bad
        self.total = max(self.total, self.done)  # more may turn up on the way

    def end(self) -> None:
        """Stop counting."""

    def stage_begins(self, name: str) -> None:
        """A part of the run begins: an asset, or all checks of one."""

    def stage_ends(self, name: str, figures: Mapping[str, object], *, failed: bool = False) -> None:
        """It has ended, and found these figures, by name of the asset and of the figure: `features.images`."""

    @contextmanager
    def counting(self, total: int, unit: str = "images") -> Iterator[None]:
        """Count within the block, and stop when it ends, also by an error."""
        self.begin(total, unit)
        try:
            yield
        finally:
            self.end()

    def __str__(self) -> str:
        return (
            f"{self.done} of {self.total} {self.unit}, {self.bad} bad, {self.rate:.0f} {self.unit}/s, "
            f"about {self.seconds_left:.0f} s left"
        )

    @property
    def seconds(self) -> float:
        """Seconds since `begin`."""
        return time.monotonic() - self._begun

    @property
    def rate(self) -> float:
        """Images, or pairs, per second since `begin`."""
        return self.done / max(self.seconds, 1e-9)

    @property
    def seconds_left(self) -> float:
        """Seconds left at this rate; 0 while nothing is done."""
        return (self.total - self.done) / self.rate if self.done else 0.0
