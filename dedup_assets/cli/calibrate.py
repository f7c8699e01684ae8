"""`dedup-assets calibrate`: what thresholds mean for a user's own images."""

import sys

import click

from dedup_assets.api.calibration import calibrate as measure


@click.command(short_help="Measure which edited copies each threshold would find.")
@click.argument("work_dir")
@click.option("--images", default=200, show_default=True, type=click.IntRange(1), help="Images that are edited.")
@click.option("--num-threads", default=-1, show_default=True, help="Images edited at once; -1: one per core.")
def calibrate(work_dir: str, *, images: int, num_threads: int) -> None:
    """Edit some images of WORK_DIR in twelve ways, and say which copies thresholds find and what else they list.

    Writes calibration.csv and calibration.html to WORK_DIR. No threshold is changed.
    """
    sys.exit(measure(work_dir, images, num_threads))
