"""Row ranges that are searched by one process or many give the same result as one search of all rows."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import SearchError, WorkDirError
from dedup_assets.engine.core.records import RowRange, SearchIndex
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors import build_index, find_neighbors, find_or_build_index
from dedup_assets.engine.neighbors.row_ranges import RowRangeSearcher
from dedup_assets.engine.work_dir import WorkDir, files, index_file
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.identity import Result, file_records, read_config, record_results

ROWS = 250


def some_vectors(seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(ROWS, 16)).astype(np.float32)


def store(folder: Path, vectors: NDArray[np.float32], **values: Any) -> Settings:
    """Write features and index to a work_dir; return the settings that they are made with."""
    settings = Settings.parse(work_dir=str(folder), num_threads=1, **({"search_range_size": 100} | values))
    work_dir = WorkDir(str(folder))
    files.save_features(work_dir, [b"%d.jpg" % row for row in range(len(vectors))], vectors)
    write_index(work_dir, build_index(vectors, settings.search, 1))
    return settings


def write_index(work_dir: WorkDir, index: SearchIndex) -> None:
    """Publish an index without a record of it."""
    with generation(work_dir, "a run") as view:
        index_file.write_index(view, index)


@pytest.mark.parametrize("mode", ["HNSW32", "Flat", "IVF4,Flat"])
def test_ranges_searched_in_any_order_by_any_process_are_the_search_of_all(tmp_path: Path, mode: str) -> None:
    settings = store(tmp_path, some_vectors(), faiss_mode=mode)
    ranges = RowRangeSearcher(settings).cut()
    assert ranges == [RowRange(0, 100), RowRange(100, 200), RowRange(200, 250)]
    for rows in reversed(ranges):
        RowRangeSearcher(settings).complete(rows)  # opens index and features again, as another process does
    merged = RowRangeSearcher(settings).merge()
    whole = find_neighbors(some_vectors(), build_index(some_vectors(), settings.search, 1), settings.search, 1)
    assert merged.edges.equals(whole.edges)
    assert merged.recall_at_k == whole.recall_at_k
    assert merged.images == ROWS


def test_a_range_is_searched_once(tmp_path: Path) -> None:
    settings = store(tmp_path, some_vectors())
    first = RowRangeSearcher(settings)
    assert [first.complete(rows).searched for rows in first.cut()] == [100, 100, 50]
    again = RowRangeSearcher(settings)
    assert [again.complete(rows).found for rows in again.cut()] == [100, 100, 50]


def test_neighbours_of_another_index_of_other_vectors_or_settings_are_not_used(tmp_path: Path) -> None:
    settings = store(tmp_path, some_vectors())
    before = RowRangeSearcher(settings)
    before.complete(before.cut()[0])
    for changed in (
        store(tmp_path, some_vectors(seed=1)),
        store(tmp_path, some_vectors(seed=1)).model_copy(update={"nearest_neighbors_k": 3}),
        store(tmp_path, some_vectors(seed=1), faiss_param="efSearch=20"),
    ):
        searcher = RowRangeSearcher(changed)
        assert searcher.complete(searcher.cut()[0]).searched == 100


def test_a_missing_range_is_named_and_a_damaged_one_is_searched_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = store(tmp_path, some_vectors())
    searcher = RowRangeSearcher(settings)
    with pytest.raises(WorkDirError, match=r"000000000000-000000000100.parquet; search this range first"):
        searcher.merge()
    for rows in searcher.cut():
        searcher.complete(rows)
    before = searcher.merge().edges
    (damaged,) = tmp_path.glob("neighbors/*/000000000200-000000000250.parquet")
    damaged.write_bytes(b"PAR1")
    assert searcher.merge().edges.equals(before)
    assert "000000000200-000000000250.parquet' is damaged" in caplog.text


def test_ranges_of_the_last_four_runs_stay_and_older_ones_are_deleted(tmp_path: Path) -> None:
    kept = 8  # a run searches twice: for pairs, and for candidates of evidence
    for seed in range(kept + 1):
        searcher = RowRangeSearcher(store(tmp_path, some_vectors(seed)))
        for rows in searcher.cut():
            searcher.complete(rows)
        assert searcher.prune() == (3 if seed == kept else 0)
    assert len([path for path in (tmp_path / "neighbors").iterdir() if path.is_dir()]) == kept
    again = RowRangeSearcher(store(tmp_path, some_vectors(seed=1)))
    assert again.complete(again.cut()[0]).found == 100
    first = RowRangeSearcher(store(tmp_path, some_vectors(seed=0)))
    assert first.complete(first.cut()[0]).found == 0


def test_a_range_outside_of_the_cut_and_an_index_of_other_vectors_are_refused(tmp_path: Path) -> None:
    settings = store(tmp_path, some_vectors())
    with pytest.raises(ValueError, match="must be one of cut"):
        RowRangeSearcher(settings).complete(RowRange(0, 50))
    index_file.write_index(WorkDir(str(tmp_path)), build_index(some_vectors()[:200], settings.search, 1))
    with pytest.raises(SearchError, match="holds 200 vectors"):
        RowRangeSearcher(settings)


def test_the_order_of_edges_is_that_of_neighbors(tmp_path: Path) -> None:
    searcher = RowRangeSearcher(store(tmp_path, some_vectors()))
    for rows in searcher.cut():
        searcher.complete(rows)
    edges = searcher.merge().edges
    assert edges.equals(edges.sort("from", "similarity", "to", descending=[False, True, False]))
    assert dict(edges.schema) == {"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32}


def test_recall_is_measured_once(tmp_path: Path) -> None:
    searcher = RowRangeSearcher(store(tmp_path, some_vectors()))
    for rows in searcher.cut():
        searcher.complete(rows)
    first = searcher.merge().recall_at_k
    (kept,) = tmp_path.glob("neighbors/*/recall.json")
    assert searcher.merge().recall_at_k == first == json.loads(kept.read_text())["recall_at_k"]
    for damaged in ("{", "[]", '{"recall_at_k": "x"}', '{"recall_at_k": 7}'):
        kept.write_text(damaged)
        assert searcher.merge().recall_at_k == first


def keep(work_dir: WorkDir, index: SearchIndex) -> None:
    """Write and record an index, as a run does."""
    with generation(work_dir, "a run") as view:
        index_file.write_index(view, index)
        recorded = file_records(view.written) or read_config(view).result("faiss_index").files
        record_results(view, {"faiss_index": Result(files=recorded, made_of=index.made_of)}, {}, {})


def test_an_index_of_the_same_features_and_settings_is_found_and_any_other_is_built(tmp_path: Path) -> None:
    settings, work_dir = store(tmp_path, some_vectors()), WorkDir(str(tmp_path))
    features = files.read_features(work_dir)
    assert not find_or_build_index(settings, features, work_dir).is_stored  # no record says what it is made from
    keep(work_dir, find_or_build_index(settings, features, work_dir))
    found = find_or_build_index(settings, features, work_dir)
    assert found.is_stored
    before = (tmp_path / "faiss.index").stat().st_mtime_ns
    keep(work_dir, found)
    assert (tmp_path / "faiss.index").stat().st_mtime_ns == before
    files.save_features(work_dir, [b"%d.jpg" % row for row in range(ROWS)], some_vectors())  # the same bytes again
    assert find_or_build_index(settings, files.read_features(work_dir), work_dir).is_stored
    other = settings.model_copy(update={"faiss_mode": "HNSW16"})
    assert not find_or_build_index(other, features, work_dir).is_stored
    files.save_features(work_dir, [b"%d.jpg" % row for row in range(ROWS)], some_vectors(seed=1))
    assert not find_or_build_index(settings, files.read_features(work_dir), work_dir).is_stored


@pytest.mark.parametrize("damage", ["replaced", "one bit", "cut off", "random"])
def test_an_index_that_is_not_what_was_recorded_is_built_again(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings, work_dir = store(tmp_path, some_vectors()), WorkDir(str(tmp_path))
    features = files.read_features(work_dir)
    keep(work_dir, find_or_build_index(settings, features, work_dir))
    path = tmp_path / "faiss.index"
    content, facts = path.read_bytes(), path.stat()
    if damage == "replaced":
        write_index(work_dir, build_index(some_vectors(seed=1), settings.search, 1))
    else:
        rotten = {"one bit": content[:-9] + bytes([content[-9] ^ 4]) + content[-8:], "cut off": content[:99]}
        path.write_bytes(rotten.get(damage, bytes(range(256)) * 40))
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    built = find_or_build_index(settings, features, work_dir)
    assert not built.is_stored
    assert "faiss.index' is not the file that this tool wrote" in caplog.text
    keep(work_dir, built)
    assert path.read_bytes() == content


def test_a_range_in_which_a_bit_has_rotted_is_searched_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    searcher = RowRangeSearcher(store(tmp_path, some_vectors()))
    for rows in searcher.cut():
        searcher.complete(rows)
    merged = searcher.merge().edges
    (path,) = tmp_path.glob("neighbors/*/000000000100-000000000200.parquet")
    similarity = merged.filter(pl.col("from") == 150)["similarity"].to_numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(similarity)] ^= 8
    path.write_bytes(bytes(content))
    assert searcher.merge().edges.equals(merged)
    assert "its content is not what was written): deleted, its range is searched again" in caplog.text
