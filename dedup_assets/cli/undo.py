"""`dedup-assets undo`: what an apply moved or replaced is put back."""

import sys

import click

from dedup_assets import api


@click.command()
@click.argument("run", default="")
@click.option(
    "--work-dir",
    default=".",
    show_default=True,
    metavar="WORK_DIR",
    help="The results that the plan was made from, where RUN is an id or is not given.",
)
def undo(run: str, work_dir: str) -> None:
    """Put back all that an apply moved or replaced. RUN is its folder in .dedup-trash, or its id.

    Without RUN, the applies that can be undone are listed, and nothing happens: code 0, also where there are none.

    Names, times and permissions are as before. Nothing is overwritten: a file whose place is taken stays in the trash
    and is named. Ends with 0, or 3 if some files could not be put back, or 1.
    """
    sys.exit(api.undo(run, work_dir))
