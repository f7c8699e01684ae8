"""Progress of a run where a person sees it: in a terminal, in a notebook, or as lines in a log.

`ConsoleProgress` follows the stages of a run (`stages`) and hands each to a view. Each stage ends as one line with what
it did. In a terminal the stage under way is a line that moves; in a notebook a table is replaced; elsewhere a line is
written every ten seconds.
"""

import os
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from html import escape
from types import TracebackType
from typing import Any, Protocol, Self

from dedup_assets.api.notebook import Display, in_notebook
from dedup_assets.api.outcomes import say
from dedup_assets.api.stages import CHECKS, FILES, Stage
from dedup_assets.api.terminal import Console, ConsoleOptions, Live, Text
from dedup_assets.engine.core.progress import ProgressReporter

LOG_SECONDS = 10.0
_FRAMES_A_SECOND = 8
_NOTEBOOK_SECONDS = 0.25  # between two changes of a notebook's output
_WITHOUT_MOVING = {"dumb", "unknown"}  # values of TERM
_STAGE_OF = {"images": "features", "pairs": "evidence", "files": FILES}
"""The stage of what is counted, where nobody says which stage it is."""


class StageView(Protocol):
    """Where stages are shown."""

    def show(self, stage: Stage) -> None:
        """A stage began, or has done more."""

    def ended(self, stage: Stage) -> None:
        """A stage has ended."""

    def close(self) -> None:
        """Nothing more comes."""


class ConsoleProgress(ProgressReporter):
    """The stages of a run, each with its count and time, in the way that fits where the run was started."""

    watches_stages = True

    def __init__(self) -> None:
        self._view = _choose_view(self)
        self._stage: Stage | None = None
        self._checks = 0
        self._check_seconds = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stage is not None:
            self._finish({}, failed=error is not None)
        if self._checks:
            checked = Stage(CHECKS, count=self._checks, seconds=self._check_seconds)
            self._view.ended(checked)
        self._view.close()

    def stage_begins(self, name: str) -> None:
        """Show a stage."""
        self._stage = Stage(name)
        self._view.show(self._stage)

    def stage_ends(self, name: str, figures: Mapping[str, object], *, failed: bool = False) -> None:
        """Tick it off. All checks together are one stage, which ends with the run."""
        if self._stage is None:
            return
        if name == CHECKS and not failed:
            self._stage.end(figures, failed=False)
            self._checks += self._stage.count or 0
            self._check_seconds += self._stage.seconds or 0.0
            self._stage = None
        else:
            self._finish(figures, failed=failed)

    def begin(self, total: int, unit: str = "images") -> None:
        """Count in the stage under way."""
        super().begin(total, unit)
        stage = self._stage or Stage(_STAGE_OF[unit])
        stage.unit, stage.total, stage.done, stage.bad = unit, total, 0, 0
        self._stage = stage
        self._view.show(stage)

    def advance(self, done: int, bad: int) -> None:
        """Count."""
        super().advance(done, bad)
        if self._stage is not None:
            self._stage.total, self._stage.done, self._stage.bad = self.total, self.done, self.bad
            self._view.show(self._stage)

    def end(self) -> None:
        """A stage that is named ends later; files that are moved are a stage of their own."""
        if self._stage is not None and self._stage.name == FILES:
            self._finish({}, failed=sys.exception() is not None)

    def _finish(self, figures: Mapping[str, object], *, failed: bool) -> None:
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.end(figures, failed=failed)
            self._view.ended(stage)


def _choose_view(progress: ProgressReporter) -> StageView:
    if in_notebook():
        return NotebookView()
    if sys.stderr is None or not sys.stderr.isatty():
        return LogView(progress, ticks=False)
    if os.environ.get("TERM", "").lower() in _WITHOUT_MOVING:
        return LogView(progress, ticks=True)
    return TerminalView()


class LogView:
    """A line every ten seconds.

    Args:
        progress: says what the line says.
        ticks: also write one for each stage that has ended, because a person looks on.
    """

    def __init__(self, progress: ProgressReporter, *, ticks: bool) -> None:
        self._progress, self._ticks = progress, ticks
        self._logged = time.monotonic()

    def show(self, stage: Stage) -> None:
        """Write a line, if it is time."""
        if stage.unit and time.monotonic() - self._logged >= LOG_SECONDS:
            self._logged = time.monotonic()
            say(f"dedup-assets: {self._progress}", to_stderr=True)

    def ended(self, stage: Stage) -> None:
        """Write a line, if a person looks on."""
        if self._ticks:
            say(stage.line(shutil.get_terminal_size().columns, unicode=_has_unicode(sys.stderr)), to_stderr=True)

    def close(self) -> None:
        """Nothing."""


class TerminalView:
    """Ended stages stay as lines; that under way is a line that moves."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._unicode = _has_unicode(sys.stderr)
        self._live = Live(
            _Moving(self, self._unicode), console=self._console, transient=True, refresh_per_second=_FRAMES_A_SECOND
        )
        self._started = False
        self.stage: Stage | None = None

    def show(self, stage: Stage) -> None:
        """Let the line tell of a stage."""
        self.stage = stage
        if not self._started:
            self._started = True
            self._live.start()

    def ended(self, stage: Stage) -> None:
        """Leave a line."""
        self.stage = None
        line = Text(stage.line(self._console.width, unicode=self._unicode), no_wrap=True, overflow="crop")
        line.stylize("red" if stage.failed else "green", 0, line.plain.index(" "))
        with suppress(OSError, ValueError):  # the terminal is gone
            self._console.print(line)

    def close(self) -> None:
        """Take the moving line away."""
        self.stage = None
        if self._started:
            with suppress(OSError, ValueError):
                self._live.stop()


class _Moving:
    """The line of the stage under way, made anew for each frame, in the width that the terminal then has."""

    def __init__(self, view: TerminalView, unicode: bool) -> None:
        self._view, self._unicode = view, unicode

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Any:  # noqa: ANN401 - as rich has it
        stage = self._view.stage
        if stage is None:
            return
        frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if self._unicode else "|/-\\"
        frame = frames[int(time.monotonic() * _FRAMES_A_SECOND) % len(frames)]
        line = stage.line(options.max_width - 1, unicode=self._unicode, frame=frame)
        yield Text(line, no_wrap=True, overflow="crop")


class NotebookView:
    """A table in the output of the running cell; the last state stays."""

    def __init__(self) -> None:
        self._display = Display()
        self._ended: list[Stage] = []
        self._shown = 0.0
        self._lock = threading.Lock()

    def show(self, stage: Stage) -> None:
        """Show all stages, if it is time."""
        if time.monotonic() - self._shown >= _NOTEBOOK_SECONDS:
            self._draw(stage)

    def ended(self, stage: Stage) -> None:
        """Show all stages."""
        self._ended.append(stage)
        self._draw(None)

    def close(self) -> None:
        """Nothing: the last state stays."""

    def _draw(self, moving: Stage | None) -> None:
        with self._lock:
            self._shown = time.monotonic()
            stages = [*self._ended, *([moving] if moving else [])]
            rows = "".join(map(_row, stages))
            text = "\n".join(stage.line(100, frame="…") for stage in stages)
            self._display.show(f'<table style="font-variant-numeric:tabular-nums">{rows}</table>', text)


def _row(stage: Stage) -> str:
    mark = ("✗" if stage.failed else "✓") if stage.is_over else "…"
    bar = ""
    if stage.unit and not stage.is_over:
        bar = f'<progress value="{stage.done}" max="{max(stage.total, 1)}"></progress> '
    cells = [mark, escape(stage.words.doing), bar + escape(", ".join(stage.pieces()))]
    shown = "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells)
    return f"<tr>{shown}</tr>"


def _has_unicode(stream: Any) -> bool:  # noqa: ANN401 - a text stream
    try:
        "✓━┈⠋".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
