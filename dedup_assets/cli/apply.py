"""`dedup-assets apply`: what a plan says is shown, and with `--yes` done."""

import sys

import click

from dedup_assets import api
from dedup_assets.engine.core.defaults import MAX_REMOVED_SHARE


@click.command()
@click.argument("plan")
@click.option("--yes", is_flag=True, help="Do what the plan says. Without it, it is only shown.")
@click.option(
    "--max-removed-share",
    type=float,
    default=MAX_REMOVED_SHARE,
    show_default=True,
    help="The most images that may be removed, of all and of each input, 0 to 1.",
)
def apply(plan: str, yes: bool, max_removed_share: float) -> None:
    """Show what PLAN (a plan.jsonl, or the folder of results that holds it) does to files; with --yes, do it.

    Before anything happens to a group, all its files are read again and compared with the plan, and the kept file is
    decoded. A group with a file that has changed is left as it is. Ends with 0, or 3 if groups were left, or 1.
    """
    sys.exit(api.apply(plan, yes, max_removed_share))
