"""A manifest and its parts: the ranges that cover it, their rows, and what makes two of them equal."""

import hashlib

import polars as pl

from dedup_assets.engine.core.records import Manifest, OffsetRange, StoredManifest

_ROWS_AT_ONCE = 1 << 16

IDENTITY = {"index": pl.Int64, "filename": pl.Binary, "size_bytes": pl.Int64, "version": pl.String}
"""The columns that say which files a manifest lists."""

SCHEMA = {**IDENTITY, "container": pl.Binary, "place": pl.Int64}
"""All columns of `Manifest.images`."""


def ranges(manifest: Manifest | StoredManifest, shard_size: int) -> list[OffsetRange]:
    """The offset ranges that cover a manifest, aligned to multiples of `shard_size`.

    Keys never change when images are added: the last range has its full width even where the listing ends before it.
    """
    covered = positions(manifest)
    starts = range(covered.min_offset - covered.min_offset % shard_size, covered.max_offset, shard_size)
    return [OffsetRange(start, start + shard_size) for start in starts] if len(manifest) else []


def positions(manifest: Manifest | StoredManifest) -> OffsetRange:
    """From the first position of a manifest to the one after its last."""
    if isinstance(manifest, StoredManifest):
        return manifest.positions
    index = manifest.images["index"]
    return OffsetRange(int(index[0]), int(index[-1]) + 1) if len(index) else OffsetRange(0, 0)


def count_inside(manifest: Manifest | StoredManifest, offsets: OffsetRange) -> int:
    """How many rows of a manifest lie in an offset range."""
    covered = positions(manifest)
    return max(min(covered.max_offset, offsets.max_offset) - max(covered.min_offset, offsets.min_offset), 0)


def part(manifest: Manifest | StoredManifest, offsets: OffsetRange) -> Manifest:
    """The rows of a manifest that lie in an offset range; empty where the listing ends before it."""
    if isinstance(manifest, StoredManifest):
        inside = manifest.read(offsets)
    else:
        wanted = pl.col("index").is_between(offsets.min_offset, offsets.max_offset, closed="left")
        inside = manifest.images.filter(wanted)
    return Manifest(inside, manifest.listed, digest(inside), manifest.listing)


def digest(images: pl.DataFrame) -> str:
    """SHA-256 over positions, names, sizes and versions: the identity of a manifest or a part of it."""
    sha = hashlib.sha256()
    for index, name, size_bytes, version in images.select(*IDENTITY).iter_rows():
        sha.update(b"%d\0%b\0%d\0%b\0" % (index, name, size_bytes, version.encode()))
    return sha.hexdigest()


def names_digest(names: pl.Series) -> str:
    """SHA-256 over all names of a listing, in hex: equal ones mean that a position is the same name in both.

    Args:
        names: (n,) binary, in the order of the listing.
    """
    sha = hashlib.sha256()
    for start in range(0, len(names), _ROWS_AT_ONCE):
        sha.update(b"\0".join(names.slice(start, _ROWS_AT_ONCE)) + b"\0")
    return sha.hexdigest()
