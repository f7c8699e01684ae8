"""What changed in a collection since an earlier run, by content: a file that was renamed is neither new nor gone."""

from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.records import ImageLedger


@dataclass(frozen=True)
class ImageChanges:
    """Numbers of images, between an earlier run and this one.

    Attributes:
        added: under a name that the earlier run did not have, with bytes that no image that is gone had.
        changed: under the same name with other bytes.
        moved: under a name that the earlier run did not have, with the bytes of an image that is gone.
        removed: of the earlier run, neither there nor moved.
        unchanged: under the same name with the same bytes.
    """

    added: int
    changed: int
    moved: int
    removed: int
    unchanged: int

    def __str__(self) -> str:
        names = ("added", "changed", "moved", "removed", "unchanged")
        return ", ".join(f"{getattr(self, name):,} {name}" for name in names)


def find_changes(former: ImageLedger, now: ImageLedger) -> ImageChanges:
    """Compare two ledgers of one collection.

    Where the content of an image is unknown, its size and version decide whether it changed.
    """
    columns = ["filename", "content", "size_bytes", "version"]
    before, after = (ledger.rows.select(columns).unique("filename") for ledger in (former, now))
    both = after.join(before, on="filename", suffix="_before")
    same_file = (pl.col("size_bytes") == pl.col("size_bytes_before")) & (pl.col("version") == pl.col("version_before"))
    is_same = (pl.col("content") == pl.col("content_before")).fill_null(same_file)
    unchanged = both.filter(is_same).height
    new = after.join(before, on="filename", how="anti").drop_nulls("content").group_by("content").len()
    gone = before.join(after, on="filename", how="anti").drop_nulls("content").group_by("content").len("gone")
    moved = new.join(gone, on="content").select(pl.min_horizontal("len", "gone").sum()).item()
    return ImageChanges(
        added=after.height - both.height - moved,
        changed=both.height - unchanged,
        moved=moved,
        removed=before.height - both.height - moved,
        unchanged=unchanged,
    )
