"""`dedup-assets review`: pairs side by side in a browser, and decisions about them."""

import sys

import click


@click.command(short_help="Look at pairs in a browser, and decide.")
@click.argument("work_dir")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="a free one",
    help="Port of the page, on this machine only.",
)
def review(work_dir: str, port: int) -> None:
    """Show the pairs that a run found in WORK_DIR, in a browser, and take decisions.

    Keys: s same, d different, v variant, k keep the other, p protect, u undo. Each decision is in the file of verdicts
    at once; groups honour it from the next run on. Nothing is moved or deleted.
    """
    from dedup_assets.service.review import review as serve

    sys.exit(serve(work_dir, port))
