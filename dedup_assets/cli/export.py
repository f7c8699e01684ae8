"""`dedup-assets export`: the images of a run for other tools, in a new folder."""

import sys

import click

from dedup_assets import api

_TARGETS = "folder|symlinks|list|csv|parquet|webdataset|hf|fiftyone|coco"


@click.command()
@click.argument("work_dir")
@click.argument("out")
@click.option("--to", required=True, metavar=_TARGETS, help="The format. Nothing but new files in OUT is written.")
@click.option("--keep-only", is_flag=True, help="Leave out copies that the kept image of their group makes needless.")
@click.option(
    "--only",
    default="exact",
    show_default=True,
    metavar="RELATIONS",
    help="Relations to the kept image that make a copy needless, with commas between them: exact, pixels, copy, same.",
)
def export(work_dir: str, out: str, to: str, keep_only: bool, only: str) -> None:
    """Export the images of the run in WORK_DIR to OUT, a new folder, which appears whole or not at all.

    Each image has a tag: unique, keep, dup (needless), copy (of another relation than --only names), review, protected.
    A folder takes along sidecars (.xmp and the like), raw files and films; other formats do not.
    """
    sys.exit(api.export(work_dir, to, out, keep_only, only))
