"""What a terminal shows: a progress bar while images are read, and a summary at the end."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.redaction import redacted
from dedup_assets.engine.core.settings import Settings
from dedup_assets.pipeline.run_facts import RunFacts

_SHOWN_SECONDS = 0.05  # quicker steps are left out of the summary


class ConsoleProgress(ProgressReporter):
    """A bar with images/s and time left on a terminal; silent where stderr is a file or a pipe."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("reading images"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.0f} images/s"),
            TextColumn("{task.fields[bad]} bad"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, total: int) -> None:
        """Show the bar."""
        super().begin(total)
        self._bar.start()
        self._task = self._bar.add_task("", total=total, rate=0.0, bad=0)

    def advance(self, done: int, bad: int) -> None:
        """Move the bar."""
        super().advance(done, bad)
        if self._task is not None:
            self._bar.update(self._task, completed=self.done, rate=self.rate, bad=self.bad)

    def end(self) -> None:
        """Stop the bar and leave it visible."""
        self._bar.stop()


def print_summary(facts: RunFacts, settings: Settings) -> None:
    """Print what a run found: counts, seconds per step, warnings, and the path of the gallery."""
    console = Console(soft_wrap=True, highlight=False)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    for label, asset, key in (
        ("images good", "bad_images", "good_images"),
        ("images bad", "bad_images", "bad_images"),
        ("similar pairs", "similarity", "pairs"),
        ("components", "components", "components"),
        ("largest component", "components", "largest_component"),
        ("outliers", "outliers", "outliers"),
    ):
        value = facts.number(asset, key)
        if value is not None:
            table.add_row(label, f"{value:,.0f}")
    for label, value, form in (
        ("images that show nothing", facts.number("bad_images", "low_information_images"), ",.0f"),
        ("images computed", facts.number("features", "computed_images"), ",.0f"),
        ("other names of the same files", facts.number("image_manifest", "links"), ",.0f"),
        ("images/s", facts.number("features", "images_per_second"), ",.0f"),
        ("recall@k of the index", facts.number("similarity", "recall_at_k"), ".4f"),
    ):
        if value:
            table.add_row(label, format(value, form))
    console.print(table)
    if facts.number("image_manifest", "left_out"):
        console.print(f"left out: {facts.metadata['image_manifest']['left_out_kinds']}", markup=False)
    steps = ", ".join(f"{step} {took:.1f}" for step, took in facts.seconds.items() if took >= _SHOWN_SECONDS)
    console.print(f"seconds: {steps}", markup=False)
    for warning in facts.warnings:
        console.print(f"warning: {warning}", markup=False)
    opened = facts.metadata.get("gallery", {}).get("open")
    console.print(f"gallery: {opened}" if opened else f"results: {redacted(settings.work_dir)}", markup=False)
