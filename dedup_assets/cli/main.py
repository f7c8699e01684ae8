"""The command line: one group, with the commands that the other modules of this folder define.

A new command needs a module in this folder, and its name in the last lines of this one.
"""

import os
import sys
import traceback
from contextlib import suppress
from typing import Any, NoReturn

import click

from dedup_assets.api.explaining import explain
from dedup_assets.api.outcomes import ERROR, refused, report
from dedup_assets.cli.apply import apply
from dedup_assets.cli.calibrate import calibrate
from dedup_assets.cli.demo import demo
from dedup_assets.cli.export import export
from dedup_assets.cli.plan import plan
from dedup_assets.cli.query import query
from dedup_assets.cli.review import review
from dedup_assets.cli.rewrite import rewrite
from dedup_assets.cli.run import run
from dedup_assets.cli.serve import serve
from dedup_assets.cli.ui import ui
from dedup_assets.cli.undo import undo
from dedup_assets.cli.verdict import verdict
from dedup_assets.engine.core.errors import CleaningInterrupt, DedupError, OutputError, PublishedInterrupt
from dedup_assets.engine.core.interrupts import INTERRUPTED, begin_work, end_work, was_interrupted
from dedup_assets.engine.core.package_version import DISTRIBUTION, package_version

_UNCHANGED = "interrupted; the last good result is unchanged; run the same command again to go on"


class _Commands(click.Group):
    """Commands whose expected failures end in one line on stderr and an exit code."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401 - as click has it
        """Read what stands before the name of the command."""
        try:
            return super().make_context(*args, **extra)
        except click.UsageError as error:
            raise _in_a_line(error) from None
        except OSError as error:
            if (said := _of_output(error)) is None:
                raise
            report(said)
            _settle_streams()
            sys.exit(ERROR)

    def invoke(self, context: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run the chosen command. A second Ctrl-C ends the process immediately, even if it still waits."""
        _open_missing_streams()
        try:
            begin_work()
            return super().invoke(context)
        except click.UsageError as error:
            raise _in_a_line(error) from None
        except Exception as error:
            if was_interrupted():
                _end_interrupted(_UNCHANGED)
            said = error if isinstance(error, DedupError) else _of_output(error) or explain(error)
            if not said:
                raise
            report(said)
            sys.exit(ERROR)
        except PublishedInterrupt:
            _end_interrupted("interrupted while the new result was published; it is complete and replaced the last one")
        except CleaningInterrupt as interrupt:
            _end_interrupted(str(interrupt))
        except KeyboardInterrupt:
            _end_interrupted(_UNCHANGED)
        finally:
            end_work()
            _settle_streams()


class _UsageLine(click.UsageError):
    """A command line that cannot be read: one line on stderr, which says how to get help. Its exit code is 2."""

    def show(self, file: Any = None) -> None:  # noqa: ANN401 - as click has it
        """Write the line."""
        said = self.format_message()
        command = "" if self.ctx is None or self.ctx.parent is None else f" {self.ctx.info_name}"
        end = "" if said.endswith((".", "?", "!")) else "."
        report(f"{said}{end} See: dedup-assets{command} --help")


def _of_output(error: Exception) -> OutputError | None:
    """What is said of an error if it came from stdout, to which click itself writes help and version."""
    *_, (innermost, _) = traceback.walk_tb(error.__traceback__)
    is_of_click = innermost.f_globals.get("__name__") == "click.utils"
    return refused(error) if isinstance(error, OSError) and is_of_click else None


def _in_a_line(error: click.UsageError) -> click.UsageError:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error
    return _UsageLine(error.format_message(), error.ctx)


def _end_interrupted(said: str) -> NoReturn:
    end_work(interrupted=True)
    report(said)
    sys.exit(INTERRUPTED)


def _open_missing_streams() -> None:
    """Open /dev/null for closed standard streams, because the next opened file would get their descriptor."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor, which is this one


def _settle_streams() -> None:
    """Drop text that a full disk or a closed pipe refuses; otherwise the interpreter would end with code 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_version(), package_name=DISTRIBUTION)
def main() -> None:
    """Find duplicates, near-duplicates, outliers and broken files in image collections."""


for command in (run, query, serve, calibrate, review, verdict, plan, apply, undo, export, rewrite, demo, ui):
    main.add_command(command)
