"""`dedup-assets plan`: what would happen to the copies that a run found, as a table and as a file."""

import sys

import click

from dedup_assets import api
from dedup_assets.engine.core.plan_records import Action


@click.command()
@click.argument("work_dir")
@click.option(
    "--action",
    default=Action.TRASH.value,
    show_default=True,
    metavar="|".join(Action),
    help="What is done to each copy. Trash is a folder of the input, .dedup-trash, from which undo brings all back.",
)
@click.option(
    "--only",
    default=None,
    metavar="RELATIONS",
    help="Relations to the kept file that are planned, with commas between them: exact, pixels, copy, same (by a "
    "verdict); and review, for copies that may have what the kept file lacks. A copy by its pixels may be another "
    "picture: look before you plan it.  [default: exact; with --marked all]",
)
@click.option(
    "--marked",
    default=None,
    metavar="LIST",
    help="Plan just the files in this list, which the gallery has saved, in any of its formats: copies of all "
    "relations, also those for review. Files that are no copies, and kept images, are named and left.",
)
@click.option("--to", default="", metavar="FOLDER", help="Where the action move puts files.")
@click.option("--out", default="", metavar="FILE", help="Where the plan is written  [default: WORK_DIR/plan.jsonl]")
def plan(work_dir: str, action: str, only: str | None, marked: str | None, to: str, out: str) -> None:
    """Plan what happens to the copies that the run in WORK_DIR found. Nothing happens to them yet."""
    sys.exit(api.plan(work_dir, action, only, to, out, marked))
