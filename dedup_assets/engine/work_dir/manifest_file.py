"""image_manifest.parquet: the listing, read as a whole or, for extraction, range by range."""

import io

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import Manifest, OffsetRange, StoredManifest
from dedup_assets.engine.work_dir.identity import open_checked
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import read_parquet, told_damage

MANIFEST = "image_manifest.parquet"
_GROUP_ROWS = 1 << 14  # read together: a few ranges, and not the listing, for one of them
_REMEDY = "materialize image_manifest"


def write_manifest(work_dir: WorkDir, manifest: Manifest) -> None:
    """image_manifest.parquet: the listing, with how many images the full one has."""
    facts = {"listed": str(manifest.listed), "digest": manifest.digest, "listing": manifest.listing}
    with work_dir.publish(MANIFEST) as (file,):
        manifest.images.write_parquet(file, metadata=facts, row_group_size=_GROUP_ROWS)


def read_manifest(work_dir: WorkDir) -> Manifest:
    """Read image_manifest.parquet. Raises WorkDirError if it is not there, or damaged."""
    images, facts = read_parquet(work_dir, MANIFEST, remedy=_REMEDY)
    return Manifest(images, int(facts["listed"]), facts["digest"], facts.get("listing", ""))


def open_manifest(work_dir: WorkDir) -> StoredManifest:
    """The same, to be read range by range. The file is held as it is, compressed: another run may replace it.

    Raises:
        WorkDirError: it is not there, or damaged; also when a range is read.
    """
    work_dir.require(MANIFEST, remedy=f"{_REMEDY} first")
    with open_checked(work_dir, MANIFEST) as file:
        content = file.read()
    with told_damage(work_dir, MANIFEST, _REMEDY):
        facts = pl.read_parquet_metadata(io.BytesIO(content))
        rows = pl.scan_parquet(content)
        first, size = rows.select(pl.col("index").min(), pl.len()).collect().row(0)

    positions = OffsetRange(first or 0, (first or 0) + size)

    def read(offsets: OffsetRange) -> pl.DataFrame:
        with told_damage(work_dir, MANIFEST, _REMEDY):
            wanted = pl.col("index").is_between(offsets.min_offset, offsets.max_offset, closed="left")
            found = rows.filter(wanted).collect()
        low, high = max(offsets.min_offset, positions.min_offset), min(offsets.max_offset, positions.max_offset)
        if found.height != max(high - low, 0):
            raise WorkDirError(f"{work_dir.path(MANIFEST)!r} is damaged: positions are missing; {_REMEDY} again")
        return found

    return StoredManifest(read, positions, int(facts["listed"]), facts["digest"], facts.get("listing", ""))
