"""image_manifest.parquet: the listing, read whole or (for extraction) by ranges; links.csv: further names of files."""

import io
import json
import logging
from collections.abc import Iterator, Mapping

import polars as pl

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import Manifest, OffsetRange, StoredManifest
from dedup_assets.engine.work_dir.csv_rows import field, read_table, write_rows
from dedup_assets.engine.work_dir.identity import open_checked
from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.tables import check_columns, fact, naming_damage, read_parquet

_LOG = logging.getLogger(__name__)

MANIFEST = "image_manifest.parquet"
LINKS = "links.csv"
_GROUP_ROWS = 1 << 14  # rows that are read together; reading one range then does not read the whole listing
_COLUMNS = {"index": pl.Int64, "filename": pl.Binary, "size_bytes": pl.Int64, "version": pl.String}
_OF_CONTAINERS = {"container": pl.Binary, "place": pl.Int64}
_REMEDY = "materialize image_manifest"


def write_manifest(work_dir: WorkDir, manifest: Manifest) -> None:
    """Write image_manifest.parquet (the listing, and the size of the full one) and links.csv (names of same files)."""
    facts = {
        "listed": str(manifest.listed),
        "digest": manifest.digest,
        "listing": manifest.listing,
        "left_out": json.dumps(dict(manifest.left_out)),
    }
    with work_dir.publish(MANIFEST, LINKS) as (file, table):
        manifest.images.write_parquet(file, metadata=facts, row_group_size=_GROUP_ROWS)
        write_rows(table, "filename,same_as,kind", _link_rows(manifest))


def _link_rows(manifest: Manifest) -> Iterator[bytes]:
    if manifest.links is not None:
        for name, same_as, kind in manifest.links.select("filename", "same_as", "kind").iter_rows():
            yield b"%b,%b,%b" % (field(name), field(same_as), kind.encode())


def read_manifest(work_dir: WorkDir) -> Manifest:
    """Read image_manifest.parquet and links.csv, which earlier versions did not write.

    Raises:
        WorkDirError: the manifest does not exist, or one of the files is damaged.
    """
    images, facts = read_parquet(work_dir, MANIFEST, _REMEDY, _COLUMNS, _OF_CONTAINERS)
    links = read_links(work_dir)
    with naming_damage(work_dir, MANIFEST, _REMEDY):
        left_out = json.loads(facts.get("left_out", "{}"))
        return Manifest(images, *_figures(facts), links, left_out)


def read_links(work_dir: WorkDir) -> pl.DataFrame | None:
    """Read links.csv, `Manifest.links`; None if there is none. Raises WorkDirError if it is damaged."""
    if not work_dir.exists(LINKS):
        return None
    with work_dir.open(LINKS) as file:
        columns = dict.fromkeys(("filename", "same_as", "kind"), pl.Binary)
        return read_table(file, work_dir.path(LINKS), columns).cast({"kind": pl.String})


def read_former_listing(work_dir: WorkDir) -> pl.DataFrame | None:
    """The images of the listing that the last run has published; None if there is none, or if it cannot be used.

    On a store there is none: a run would fetch it once more for a few numbers.
    """
    published = work_dir.in_generation("") if work_dir.wrote(MANIFEST) else work_dir
    if not (work_dir.is_local and published.exists(MANIFEST)):
        return None
    try:
        return read_parquet(published, MANIFEST, _REMEDY, _COLUMNS, _OF_CONTAINERS)[0]
    except WorkDirError as error:
        _LOG.warning("%s: what changed since the last listing is not known", error)
        return None


def open_manifest(work_dir: WorkDir) -> StoredManifest:
    """Open image_manifest.parquet for reading by ranges.

    The compressed file is kept in memory, because another run may replace it meanwhile.

    Raises:
        WorkDirError: it does not exist or is damaged. Reading a range may raise it too.
    """
    work_dir.require(MANIFEST, remedy=f"run the pipeline first ({_REMEDY})")
    with open_checked(work_dir, MANIFEST) as file:
        content = file.read()
    with naming_damage(work_dir, MANIFEST, _REMEDY):
        facts = pl.read_parquet_metadata(io.BytesIO(content))
        rows = pl.scan_parquet(content)
        check_columns(rows.collect_schema(), _COLUMNS, _OF_CONTAINERS)
        listed, digest, listing = _figures(facts)
        first, size = rows.select(pl.col("index").min(), pl.len()).collect().row(0)

    positions = OffsetRange(first or 0, (first or 0) + size)

    def read(offsets: OffsetRange) -> pl.DataFrame:
        with naming_damage(work_dir, MANIFEST, _REMEDY):
            wanted = pl.col("index").is_between(offsets.min_offset, offsets.max_offset, closed="left")
            found = rows.filter(wanted).collect()
        low, high = max(offsets.min_offset, positions.min_offset), min(offsets.max_offset, positions.max_offset)
        if found.height != max(high - low, 0):
            raise WorkDirError(f"{work_dir.path(MANIFEST)!r} is damaged: positions are missing; {_REMEDY} again")
        return found

    return StoredManifest(read, positions, listed, digest, listing)


def _figures(facts: Mapping[str, str]) -> tuple[int, str, str]:
    """`listed`, `digest` and `listing` of a manifest."""
    return int(fact(facts, "listed")), fact(facts, "digest"), facts.get("listing", "")
