"""Images that an apply had removed and that are listed again, because somebody brought them back."""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import polars as pl

from dedup_assets.engine.core.match_records import Evidence, Groups, Role
from dedup_assets.engine.work_dir import WorkDir, ledger_file
from dedup_assets.engine.work_dir.file_names import LEDGER
from dedup_assets.engine.work_dir.removed_file import RemovedRow, read_removed

RUN_TIME = "%Y%m%d-%H%M%S-%f"
"""How the id of an apply says when it began, in UTC."""


class RemovedBefore:
    """What applies have removed.

    A copy with the same bytes may have stayed: it is behind a link, in an archive, or its line was taken out of the
    plan. It was there before the apply began, which the change time of its inode says, and has not come back.

    Args:
        rows: of removed.csv.
    """

    def __init__(self, rows: Sequence[RemovedRow]) -> None:
        self.contents = {row.content for row in rows}
        self.kept = {row.keep_content for row in rows}
        self._began: dict[str, float] = {}
        for row in rows:
            began = 0.0
            with suppress(ValueError):
                began = datetime.strptime(row.run, RUN_TIME).replace(tzinfo=UTC).timestamp()
            self._began[row.content] = max(began, self._began.get(row.content, 0.0))

    def came_back(self, name: bytes, content: str) -> bool:
        """Whether a listed file with this content was removed and is back; so it is where its times are unknown."""
        if content not in self.contents:
            return False
        try:
            return os.stat(name).st_ctime >= self._began[content]  # noqa: PTH116 - a Path of bytes does not exist
        except NotADirectoryError:  # inside of an archive, from which nothing is ever removed
            return False
        except OSError:  # on a store
            return True

    def count_back(self, images: pl.DataFrame) -> int:
        """How many of some images, with `filename` and `content`, have come back."""
        known = images.filter(pl.col("content").is_in(list(self.contents)))
        return sum(self.came_back(name, content) for name, content in known.select("filename", "content").iter_rows())


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
    removed = RemovedBefore(read_removed(work_dir))
    if not removed.contents:
        return []
    known = [evidence.images.select("filename", "content")]
    if work_dir.exists(LEDGER):
        listed = ledger_file.read_ledger_columns(work_dir, "error_code", "filename", "content")
        known.append(listed.filter(pl.col("error_code").is_null()).drop("error_code"))
    names = pl.concat(known).drop_nulls().unique()
    other = names.filter(pl.col("content").is_in(list(removed.contents - removed.kept)))
    copies = groups.rows.filter(pl.col("role") != Role.KEEP.value).select("filename")
    same = names.join(copies, on="filename").filter(pl.col("content").is_in(list(removed.contents)))
    found = pl.concat([other, same.select(other.columns)]).unique().sort("filename")
    return [name for name, content in found.iter_rows() if removed.came_back(name, content)]
