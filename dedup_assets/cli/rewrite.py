"""`dedup-assets rewrite`: annotations of removed images, carried over to the kept ones, in new files."""

import sys

import click

from dedup_assets import api


@click.command()
@click.argument("plan")
@click.argument("out")
@click.option("--coco", metavar="FILE", help="Boxes, polygons and keypoints of COCO; captions, too.")
@click.option("--yolo", metavar="FOLDER", help="Labels of YOLO: boxes and polygons, one text file per image.")
@click.option("--csv", metavar="FILE:COLUMN", help="A CSV file whose column names images.")
@click.option("--jsonl", metavar="FILE:FIELD", help="JSON lines whose field names images.")
def rewrite(plan: str, out: str, **given: str | None) -> None:
    """Write annotations for the images that PLAN keeps to OUT, a new folder. The given files are only read.

    OUT gets rewrite.csv, which says which image takes the place of which; the annotations; and conflicts.csv, with what
    is not carried over and why. PLAN is a plan.jsonl, or the folder of results that holds it, applied or not.
    """
    named = [(kind, source) for kind, source in given.items() if source is not None]
    if len(named) > 1:
        raise click.UsageError("give one of --coco, --yolo, --csv and --jsonl")
    sys.exit(api.rewrite(plan, out, *(named[0] if named else ())))
