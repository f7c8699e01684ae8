"""Stages of a run: what each of them does in words, how much it has done, and one line about it.

A stage is named for its asset, or for its function where one search has two results. A new asset is a row of `_STAGES`;
without one its own name is shown.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

CHECKS = "checks"
FILES = "files"

_NARROW = 60  # columns of a terminal; below it a line says less
_BAR = 24  # characters


class Words(NamedTuple):
    """What a stage does, the figure that counts what it did, and what that figure counts."""

    doing: str
    figure: str
    counted: str


_STAGES = {
    "image_manifest": Words("listing images", "image_manifest.images", "images"),
    "features": Words("reading images", "features.images", "images"),
    "bad_images": Words("noting bad images", "bad_images.bad_images", "bad images"),
    "faiss_index": Words("building the index", "faiss_index.vectors", "vectors"),
    "nearest_neighbors": Words("searching neighbours", "similarity.pairs", "similar pairs"),
    "test_nearest_neighbors": Words("searching neighbours", "similarity.pairs", "similar pairs"),
    "components": Words("joining components", "components.components", "components"),
    "evidence": Words("comparing pairs", "evidence.compared_pairs", "pairs"),
    "groups": Words("forming groups", "groups.groups", "groups"),
    "leaks": Words("looking for leaks", "leaks.leaked_evaluation_images", "leaked images"),
    "gallery": Words("writing the gallery", "gallery.pages", "pages"),
    CHECKS: Words("checking the results", "checks.checks", "checks"),
    FILES: Words("verifying and moving files", "files.files", "files"),
}
_LABEL = 22  # columns of what it does; longer words move the rest


@dataclass
class Stage:
    """One stage.

    Attributes:
        name: of the asset.
        unit: what is counted while it works; empty: nothing.
        total: how much there is to do; 0: unknown.
        done: how much is done.
        bad: how much of it was bad.
        seconds: how long it took, once it has ended.
        failed: it ended by an error or an interrupt.
        count: what it found, once it has ended; None where nothing is counted.
    """

    name: str
    unit: str = ""
    total: int = 0
    done: int = 0
    bad: int = 0
    seconds: float | None = None
    failed: bool = False
    count: int | None = None
    _begun: float = field(default_factory=time.monotonic)

    @property
    def words(self) -> Words:
        """What it does."""
        return _STAGES.get(self.name, Words(self.name.replace("_", " "), f"{self.name}.dagster/row_count", "rows"))

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.seconds is not None

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def end(self, figures: Mapping[str, object], *, failed: bool) -> None:
        """Note that it has ended, and what it found."""
        found = figures.get(self.words.figure)
        self.count = found if isinstance(found, int) else self.done if self.unit else None
        self.seconds, self.failed = time.monotonic() - self._begun, failed

    def pieces(self, *, short: bool = False) -> list[str]:
        """What it has done, the most telling first: `1,668 images` or `1,668`, `12.3 s`, `3 bad`, `136/s`."""
        taken = time.monotonic() - self._begun if self.seconds is None else self.seconds
        rate = [f"{self.done / taken:,.0f}/s"] if self.unit and self.done and taken > 0 else []
        bad = [f"{self.bad:,} bad"] if self.bad else []
        if self.seconds is None:
            left = [f"{_clock(taken * (self.total - self.done) / self.done)} left"] if self.done else []
            return [f"{self.done:,} of {self.total:,}", *left, *rate, *bad] if self.unit else [_clock(taken)]
        if self.failed:
            done = [f"{self.done:,} of {self.total:,} {self.unit}"] if self.unit else []
            return ["stopped", *done, _span(taken), *bad]
        noun = "" if short else f" {self.words.counted.removesuffix('s') if self.count == 1 else self.words.counted}"
        counted = [f"{self.count:,}{noun}"] if self.count is not None else []
        return [*counted, _span(taken), *bad, *rate]

    def line(self, width: int, *, unicode: bool = True, frame: str = "") -> str:
        """One line about it, which fits into a width in columns.

        Args:
            width: of the terminal.
            unicode: the terminal's encoding has marks and bars.
            frame: the mark of a stage that goes on.
        """
        good, bad = ("✓", "✗") if unicode else ("ok", "--")
        mark = (bad if self.failed else good) if self.is_over else frame
        label = self.words.doing
        if width < _NARROW:
            return _cut(f"{mark} {label} {', '.join(self.pieces(short=True))}", width)
        bar = [self.bar(unicode=unicode)] if self.unit and not self.is_over else []
        return _cut(f"{mark} {label:<{_LABEL}}  {'  '.join([*bar, *self.pieces()])}", width)

    def bar(self, *, unicode: bool = True) -> str:
        """How much is done, as a row of characters."""
        full, empty = ("━", "┈") if unicode else ("#", ".")
        filled = int(_BAR * self.share)
        return full * filled + empty * (_BAR - filled)


def _cut(line: str, width: int) -> str:
    """The line, without the words that do not fit."""
    while len(line) > width and " " in line.strip():
        line = line.rpartition(" ")[0].rstrip(" ,")
    return line[:width]


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else _clock(seconds)  # noqa: PLR2004 - a minute


def _clock(seconds: float) -> str:
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
