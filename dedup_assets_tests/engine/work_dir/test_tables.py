"""Parquet files that this package has not written are named, or count as a damaged cache."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import OffsetRange, RowRange
from dedup_assets.engine.work_dir import ShardStore, WorkDir, files, ledger_file, manifest_file
from dedup_assets.engine.work_dir.hashed_tables import DamagedTableError
from dedup_assets.engine.work_dir.neighbor_ranges import NeighborRanges
from dedup_assets.engine.work_dir.shards import DamagedShardError
from dedup_assets.engine.work_dir.tables import LEDGER_SCHEMA
from dedup_assets_tests.engine.work_dir.test_manifest_file import manifest_of
from dedup_assets_tests.engine.work_dir.test_shards import part_of, shard_of

FOREIGN = pl.DataFrame({"x": [1, 2], "name": ["a", "b"]})
EDGES = pl.DataFrame({"from": [0], "to": [1], "similarity": [0.5]})
EDGES = EDGES.cast({"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32})
LISTED = manifest_of(b"a", b"b").images
FACTS = {"listed": "2", "digest": "d", "images": "2", "recall_at_k": "null"}
EXISTING = OffsetRange(0, 4)


@pytest.fixture
def work_dir(tmp_path: Path) -> WorkDir:
    return WorkDir(str(tmp_path))


def plant(work_dir: WorkDir, name: str, table: pl.DataFrame, facts: dict[str, str] | None = None) -> Path:
    path = Path(work_dir.inside(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(path, metadata=facts)
    return path


@pytest.mark.parametrize(
    ("name", "read", "ours"),
    [
        (manifest_file.MANIFEST, manifest_file.read_manifest, LISTED),
        (manifest_file.MANIFEST, manifest_file.open_manifest, LISTED),
        (files.NEIGHBORS, files.read_neighbors, EDGES),
    ],
)
@pytest.mark.parametrize("spoil", ["columns", "types", "metadata", "values"])
def test_a_table_of_another_program_is_named_with_what_makes_it_again(
    work_dir: WorkDir, name: str, read: Callable[[WorkDir], object], ours: pl.DataFrame, spoil: str
) -> None:
    plant(work_dir, name, ours, FACTS)
    read(work_dir)
    if spoil == "columns":
        plant(work_dir, name, FOREIGN, FACTS)
    elif spoil == "types":
        plant(work_dir, name, ours.with_columns(pl.exclude(pl.Binary).cast(pl.String)), FACTS)
    elif spoil == "metadata":
        plant(work_dir, name, ours)
    else:
        plant(work_dir, name, ours, dict.fromkeys(FACTS, "{"))
    with pytest.raises(WorkDirError, match=rf"{name}' is damaged: .*; materialize \w+ again") as raised:
        read(work_dir)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("table", [FOREIGN, pl.DataFrame({"filename": ["a"], "error_code": [1]})])
def test_a_ledger_of_another_program_is_named(work_dir: WorkDir, table: pl.DataFrame) -> None:
    plant(work_dir, "image_ledger.parquet", table)
    with pytest.raises(WorkDirError, match=r"image_ledger\.parquet' is damaged: .*; materialize features again"):
        ledger_file.read_ledger(work_dir)


def test_some_columns_of_a_ledger_are_read_and_those_that_it_lacks_are_null(work_dir: WorkDir) -> None:
    former = {name: kind for name, kind in LEDGER_SCHEMA.items() if name not in {"content", "low_information"}}
    row = {"index": 0, "filename": b"a", "size_bytes": 1, "version": "v"}
    plant(work_dir, "image_ledger.parquet", pl.DataFrame([row], schema=former))
    columns = ledger_file.read_ledger_columns(work_dir, "content", "filename")
    assert columns.rows(named=True) == [{"content": None, "filename": b"a"}]
    assert ledger_file.read_ledger(work_dir).rows.schema == LEDGER_SCHEMA


@pytest.mark.parametrize("spoil", ["foreign", "types", "vector", "metadata"])
def test_a_shard_of_another_program_counts_as_damaged_and_is_computed_again(work_dir: WorkDir, spoil: str) -> None:
    part = part_of(b"a", b"b")
    store = ShardStore(work_dir, "model")
    store.write(part.digest, EXISTING, shard_of(part, None, None))
    name = f"shards/{store.names(part.digest, EXISTING)[0]}"
    ours = pl.read_parquet(work_dir.inside(name))
    planted = {
        "foreign": FOREIGN,
        "types": ours.with_columns(pl.col("filename").cast(pl.String), pl.col("index").cast(pl.Float64)),
        "vector": ours.with_columns(vector=pl.lit("x")),
        "metadata": ours,
    }[spoil]
    plant(work_dir, name, planted)
    assert len(ShardStore(work_dir, "model").known(part).rows) == 0
    plant(work_dir, name, planted)
    with pytest.raises(DamagedShardError):
        store.read(part.digest, EXISTING)
    store.write(part.digest, EXISTING, shard_of(part, None, None))
    assert len(ShardStore(work_dir, "model").known(part).rows) == 2


@pytest.mark.parametrize("table", [FOREIGN, EDGES, EDGES.cast({"from": pl.String}), pl.DataFrame()])
def test_searched_neighbours_of_another_program_count_as_damaged(work_dir: WorkDir, table: pl.DataFrame) -> None:
    ranges, rows = NeighborRanges(work_dir, "0123456789abcdef"), RowRange(0, 1)
    planted = plant(work_dir, ranges.name(rows), table)
    with pytest.raises(DamagedTableError):
        ranges.read(rows)
    assert not planted.exists()
    ranges.write(rows, EDGES)
    assert ranges.read(rows).equals(EDGES)
