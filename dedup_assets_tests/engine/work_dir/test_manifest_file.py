"""The file of a listing is read as a whole or range by range."""

from pathlib import Path

import polars as pl
import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import Manifest, OffsetRange
from dedup_assets.engine.inputs.manifest import count_inside, part, ranges
from dedup_assets.engine.work_dir import WorkDir, manifest_file


@pytest.fixture
def work_dir(tmp_path: Path) -> WorkDir:
    return WorkDir(str(tmp_path))


def manifest_of(*names: bytes, first: int = 0) -> Manifest:
    schema = {"index": pl.Int64, "filename": pl.Binary, "size_bytes": pl.Int64, "version": pl.String}
    rows = [(first + row, name, row, "1") for row, name in enumerate(names)]
    return Manifest(pl.DataFrame(rows, schema=schema, orient="row"), 50_000, "digest")


def test_a_stored_listing_gives_each_of_its_ranges_as_the_whole_one_does(work_dir: WorkDir) -> None:
    whole = manifest_of(*(b"%06d.jpg" % row for row in range(40_000)), first=7)  # three row groups
    manifest_file.write_manifest(work_dir, whole)
    stored = manifest_file.open_manifest(work_dir)
    assert (len(stored), stored.listed, stored.digest) == (40_000, 50_000, "digest")
    assert ranges(stored, 9000) == ranges(whole, 9000)
    for offsets in [*ranges(whole, 9000), OffsetRange(40_000, 40_100), OffsetRange(60_000, 70_000)]:
        assert part(stored, offsets).images.equals(part(whole, offsets).images)
        assert part(stored, offsets).digest == part(whole, offsets).digest
        assert count_inside(stored, offsets) == count_inside(whole, offsets) == len(part(whole, offsets))


def test_a_stored_listing_that_is_replaced_meanwhile_goes_on_as_it_was(work_dir: WorkDir) -> None:
    manifest_file.write_manifest(work_dir, manifest_of(b"a", b"b"))
    stored = manifest_file.open_manifest(work_dir)
    manifest_file.write_manifest(work_dir, manifest_of(b"c"))
    assert stored.read(OffsetRange(0, 2))["filename"].to_list() == [b"a", b"b"]


def test_an_empty_stored_listing_has_no_range(work_dir: WorkDir) -> None:
    manifest_file.write_manifest(work_dir, manifest_of())
    stored = manifest_file.open_manifest(work_dir)
    assert not len(stored)
    assert ranges(stored, 10) == []


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more PAR1"])
def test_a_damaged_listing_is_named_before_a_range_of_it_is_read(
    work_dir: WorkDir, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / manifest_file.MANIFEST).write_bytes(content)
    with pytest.raises(
        WorkDirError, match=r"image_manifest\.parquet.* is damaged: .*; materialize image_manifest again"
    ):
        manifest_file.open_manifest(work_dir)


def test_a_listing_with_a_gap_is_named_when_that_range_is_read(work_dir: WorkDir) -> None:
    whole = manifest_of(*(b"%06d.jpg" % row for row in range(100)))
    with_gap = Manifest(whole.images.filter(pl.col("index") != 7), whole.listed, whole.digest)
    manifest_file.write_manifest(work_dir, with_gap)
    stored = manifest_file.open_manifest(work_dir)
    with pytest.raises(
        WorkDirError, match=r"image_manifest\.parquet.* is damaged: .*; materialize image_manifest again"
    ):
        stored.read(OffsetRange(0, 50))
