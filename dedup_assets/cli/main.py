"""The command line, assembled: one group, and the commands that the modules beside it define.

A new command is a module here and a line at the end. What a command does belongs in `api` or in its own module.
"""

import signal
import sys
from typing import Any

import click

from dedup_assets.api.outcomes import ERROR, report
from dedup_assets.cli.demo import demo
from dedup_assets.cli.run import run
from dedup_assets.cli.ui import ui
from dedup_assets.engine.core.errors import DedupError, PublishedInterrupt

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class _Commands(click.Group):
    """Commands whose expected failures end in one line on stderr and an exit code."""

    def invoke(self, context: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run the chosen command. A second Ctrl-C ends the process at once, whatever it still waits for."""
        try:
            return super().invoke(context)
        except DedupError as error:
            report(error)
            sys.exit(ERROR)
        except PublishedInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            report("interrupted while the new result was published; it is complete and has replaced the last one")
            sys.exit(_INTERRUPTED)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            report("interrupted; the last good result is unchanged; run the same command again to go on")
            sys.exit(_INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="dedup-assets")
def main() -> None:
    """Find duplicates, near-duplicates, outliers and broken files in image collections."""


for command in (run, demo, ui):
    main.add_command(command)
