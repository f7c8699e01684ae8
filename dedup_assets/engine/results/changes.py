"""What changed in a collection since an earlier run: in its listing by names, and by content.

By content a file that was renamed is neither new nor gone.
"""

from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.core.records import ImageLedger


@dataclass(frozen=True)
class ListingChanges:
    """Numbers of names, between an earlier listing and this one.

    Attributes:
        added: that the earlier one did not have.
        changed: with another size, or changed since by what the file system or store says.
        gone: that this one does not have.
        unchanged: as before.
    """

    added: int
    changed: int
    gone: int
    unchanged: int

    def __str__(self) -> str:
        return f"{self.added:,} added, {self.changed:,} changed, {self.gone:,} gone, {self.unchanged:,} as before"


def find_listing_changes(former: pl.DataFrame, now: pl.DataFrame) -> ListingChanges:
    """Compare two listings by `filename`, `size_bytes` and `version`; an empty version says nothing."""
    both = now.select("filename", "size_bytes", "version").join(
        former.select("filename", "size_bytes", "version"), on="filename", suffix="_before"
    )
    is_same = (pl.col("size_bytes") == pl.col("size_bytes_before")) & (pl.col("version") == pl.col("version_before"))
    unchanged = both.filter(is_same).height
    return ListingChanges(now.height - both.height, both.height - unchanged, former.height - both.height, unchanged)


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
    before, after = (ledger.rows.select(columns) for ledger in (former, now))
    if before.equals(after):
        return ImageChanges(0, 0, 0, 0, after["filename"].n_unique())
    before, after = before.unique("filename"), after.unique("filename")
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
