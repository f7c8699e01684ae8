"""Files of offset ranges are written, found and deleted."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dedup_assets.engine.core.records import Manifest, OffsetRange, Shard
from dedup_assets.engine.inputs.manifest import digest
from dedup_assets.engine.work_dir import ShardStore, WorkDir
from dedup_assets_tests.support.ledgers import unknown_columns

FIRST = OffsetRange(0, 4)


def part_of(*names: bytes, version: str = "1") -> Manifest:
    schema = {"index": pl.Int64, "filename": pl.Binary, "size_bytes": pl.Int64, "version": pl.String}
    rows = [(row, name, 10, version) for row, name in enumerate(names)]
    images = pl.DataFrame(rows, schema=schema, orient="row")
    return Manifest(images, len(names), digest(images))


def shard_of(part: Manifest, *codes: str | None) -> Shard:
    images = part.images.with_columns(
        pl.Series("error_code", codes, pl.String),
        pl.Series("error", [code and "why" for code in codes], pl.String),
        *unknown_columns(),
    )
    good = [row for row, code in enumerate(codes) if code is None]
    return Shard(images, np.array([[row, 0.1] for row in good], np.float32).reshape(-1, 2))


@pytest.fixture(params=["local", "store"])
def work_dir(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> WorkDir:
    return WorkDir(str(tmp_path / "out") if request.param == "local" else f"{store}/out")


def test_a_range_comes_back_as_it_was_written(work_dir: WorkDir) -> None:
    part = part_of(b"a\xff\n", b'"b"', b"c")
    shard = shard_of(part, None, "ERROR_CORRUPT_IMAGE", None)
    store = ShardStore(work_dir, "model")
    assert not store.has(part.digest, FIRST)
    store.write(part.digest, FIRST, shard)
    assert store.has(part.digest, FIRST)
    found = ShardStore(work_dir, "model").read(part.digest, FIRST)
    assert found.images.equals(shard.images)
    assert found.vectors.dtype == np.float32
    assert np.array_equal(found.vectors, shard.vectors)


def test_other_files_another_range_or_another_fingerprint_are_not_done(work_dir: WorkDir) -> None:
    part = part_of(b"a", b"b")
    ShardStore(work_dir, "model").write(part.digest, FIRST, shard_of(part, None, None))
    store = ShardStore(work_dir, "model")
    assert not store.has(part_of(b"a", b"c").digest, FIRST)
    assert not store.has(part_of(b"a", b"b", version="2").digest, FIRST)
    assert not store.has(part.digest, OffsetRange(4, 8))
    assert not ShardStore(work_dir, "other").has(part.digest, FIRST)
    assert len(ShardStore(work_dir, "other").known(part).rows) == 0


@pytest.mark.parametrize("code", ["ERROR_MISSING_FILE", "ERROR_UNREADABLE"])
def test_a_range_with_files_that_may_be_mended_stays_open(work_dir: WorkDir, code: str) -> None:
    part = part_of(b"a", b"b", b"c")
    store = ShardStore(work_dir, "model")
    store.write(part.digest, FIRST, shard_of(part, None, code, "ERROR_CORRUPT_IMAGE"))
    assert not store.has(part.digest, FIRST)
    assert store.read(part.digest, FIRST).images["error_code"].to_list() == [None, code, "ERROR_CORRUPT_IMAGE"]
    known = store.known(part)
    assert known.rows.tolist() == [0, 2]
    assert known.images["filename"].to_list() == [b"a", b"c"]
    assert known.vectors.tolist() == shard_of(part_of(b"a"), None).vectors.tolist()


def test_a_range_that_was_completed_is_read_from_its_last_shard(work_dir: WorkDir) -> None:
    part = part_of(b"a", b"b")
    store = ShardStore(work_dir, "model")
    store.write(part.digest, FIRST, shard_of(part, None, "ERROR_MISSING_FILE"))
    store.write(part.digest, FIRST, shard_of(part, None, None))
    assert store.read(part.digest, FIRST).images["error_code"].to_list() == [None, None]
    assert store.known(part).rows.tolist() == [0, 1]


def test_what_a_killed_run_left_half_written_is_passed_over(work_dir: WorkDir) -> None:
    part = part_of(b"a", b"b")
    store = ShardStore(work_dir, "model")
    store.write(part.digest, FIRST, shard_of(part, None, None))
    done, _ = store.names(part.digest, FIRST)
    with work_dir.publish(f"shards/.{done}.0123456789abcdef.tmp") as (file,):
        file.write(b"PAR1 half")
    assert store.known(part_of(b"b", b"c")).rows.tolist() == [0]


def test_known_vectors_of_several_ranges_get_the_positions_of_the_new_one(work_dir: WorkDir) -> None:
    store = ShardStore(work_dir, "model")
    for names in ([b"a", b"b"], [b"c", b"d"]):
        part = part_of(*names)
        store.write(part.digest, FIRST, shard_of(part, None, None))
    known = store.known(part_of(b"d", b"x", b"a"))
    assert known.rows.tolist() == [0, 2]
    assert known.images.select("index", "filename").rows() == [(0, b"d"), (2, b"a")]
    assert known.vectors.tolist() == np.array([[1, 0.1], [0, 0.1]], np.float32).tolist()


def test_keys_of_ranges_sort_in_offset_order_and_are_read_back() -> None:
    ranges = [OffsetRange(start, start + 5) for start in (0, 5, 10, 95, 100, 10**9)]
    assert sorted(offsets.key for offsets in ranges) == [offsets.key for offsets in ranges]
    assert [OffsetRange.parse(offsets.key) for offsets in ranges] == ranges
    with pytest.raises(ValueError, match="unpack"):
        OffsetRange.parse("all")
