"""Annotations of removed images, carried over to the kept ones. Prints what was written and returns a code."""

import os

from dedup_assets.api.arguments import path_of
from dedup_assets.api.host import run_in_this_process
from dedup_assets.api.outcomes import reported, say

_SHOWN = 5


def rewrite(
    plan: str | os.PathLike[str], out: str | os.PathLike[str], kind: str = "", source: str | os.PathLike[str] = ""
) -> int:
    """Write annotations for the images that a plan keeps into a new folder. The given files are only read.

    Args:
        plan: the file, or the work_dir that holds it as plan.jsonl; before or after it is applied.
        out: the folder; it must not be there, or be empty.
        kind: coco, yolo, csv or jsonl; empty for rewrite.csv alone.
        source: the COCO file, the folder of YOLO labels, or FILE:COLUMN.

    Returns:
        0 on success; 1 on error, with one line on stderr.
    """
    with reported() as outcome, run_in_this_process():
        from dedup_assets.api.cleaning import opened_plan
        from dedup_assets.engine.rewriting import rewrite as write

        made, work_dir, _ = opened_plan(path_of("plan", plan))
        folder = path_of("out", out)
        done = write(made, work_dir, folder, kind, path_of("source", source) if source else "")
        say(f"images that another one takes the place of: {done.replaced:,} ({folder}/rewrite.csv)")
        for name in done.files[:_SHOWN]:
            say(f"written: {folder}/{name}")
        if len(done.files) > _SHOWN:
            say(f"and {len(done.files) - _SHOWN:,} more files")
        if done.conflicts:
            say(f"not carried over: {len(done.conflicts):,}; look at {folder}/conflicts.csv")
    return outcome.code
