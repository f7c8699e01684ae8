"""Exports of results to the formats of other tools. Prints what was exported and returns a code."""

import os
from collections.abc import Collection

from dedup_assets.api.arguments import path_of
from dedup_assets.api.host import run_in_this_process
from dedup_assets.api.outcomes import reported, say


def export(
    work_dir: str | os.PathLike[str],
    to: str,
    out: str | os.PathLike[str],
    keep_only: bool = False,
    only: str | Collection[str] = "exact",
) -> int:
    """Export the images of a run into a new folder, whole or not at all.

    Args:
        work_dir: the results of the run.
        to: folder, symlinks, list, csv, parquet, webdataset, hf, fiftyone or coco.
        out: the folder; it must not be there, or be empty.
        keep_only: leave out needless copies.
        only: relations to the kept image that make a copy needless, one or several of exact, pixels, copy and same.

    Returns:
        0 on success; 1 on error, with one line on stderr.
    """
    with reported() as outcome, run_in_this_process():
        from dedup_assets.engine.core.errors import ExportError
        from dedup_assets.engine.core.spelling import did_you_mean
        from dedup_assets.engine.exporting import Choice, ExportFormat, export_images
        from dedup_assets.engine.work_dir import WorkDir

        if to not in list(ExportFormat):
            raise ExportError(f"to={to!r}: must be one of {', '.join(ExportFormat)}{did_you_mean(to, ExportFormat)}")
        folder = path_of("out", out)
        choice = Choice.parse(only, keep_only=keep_only)
        done = export_images(WorkDir(path_of("work_dir", work_dir)), ExportFormat(to), folder, choice)
        total = sum(done.tags.values())
        parts = ", ".join(f"{count:,} {tag}" for tag, count in sorted(done.tags.items()))
        say(f"{total:,} {'image' if total == 1 else 'images'} ({parts}) in {folder}")
        if done.left_out:
            say(f"left out: {done.left_out:,} needless {'copy' if done.left_out == 1 else 'copies'}")
        if done.columns:
            say(f"with the columns of the data set: {', '.join(done.columns)}")
        if done.lost_columns:
            say(f"without its columns of bytes: {', '.join(done.lost_columns)}")
        for reason, count in done.skipped.items():
            say(f"not exported: {count:,}, {reason}")
    return outcome.code
