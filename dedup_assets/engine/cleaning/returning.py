"""Images that an apply had removed and that are listed again, because somebody brought them back."""

import polars as pl

from dedup_assets.engine.core.match_records import Evidence, Groups, Role
from dedup_assets.engine.work_dir import WorkDir, files
from dedup_assets.engine.work_dir.file_names import LEDGER
from dedup_assets.engine.work_dir.removed_file import read_removed


def find_returned(work_dir: WorkDir, groups: Groups, evidence: Evidence) -> list[bytes]:
    """Names of listed images whose content is in removed.csv, sorted.

    The kept image has the bytes of the exact copies that went, so that of such a content only copies count.

    Args:
        work_dir: with removed.csv, if applies have removed files.
        groups: images that are one picture.
        evidence: with the content of each image that was looked at.

    Raises:
        WorkDirError: a file is damaged.
    """
    removed = read_removed(work_dir)
    if not removed:
        return []
    known = [evidence.images.select("filename", "content")]
    if work_dir.exists(LEDGER):
        good = pl.col("error_code").is_null()
        known.append(files.read_ledger(work_dir).rows.filter(good).select("filename", "content"))
    names = pl.concat(known).drop_nulls().unique()
    kept = {row.keep_content for row in removed}
    other = names.filter(pl.col("content").is_in([row.content for row in removed if row.content not in kept]))
    copies = groups.rows.filter(pl.col("role") != Role.KEEP.value).select("filename")
    same = names.join(copies, on="filename").filter(pl.col("content").is_in([row.content for row in removed]))
    return pl.concat([other["filename"], same["filename"]]).unique().sort().to_list()
