"""faiss.index, written and mapped into memory."""

from pathlib import Path

import faiss
import numpy as np
import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import SearchIndex
from dedup_assets.engine.work_dir import WorkDir, index_file


@pytest.fixture
def work_dir(tmp_path: Path) -> WorkDir:
    return WorkDir(str(tmp_path))


@pytest.mark.parametrize("name", ["n\udcff", "plain"])
def test_the_index_is_a_plain_faiss_file_in_a_work_dir_of_any_name(tmp_path: Path, name: str) -> None:
    index = faiss.index_factory(8, "HNSW8", faiss.METRIC_L2)
    index.add(np.eye(8, dtype=np.float32))
    work_dir = WorkDir(str(tmp_path / name))
    index_file.write_index(work_dir, SearchIndex(index, "euclidean"))
    assert len(index_file.read_index(work_dir, "squared_euclidean")) == 8
    (tmp_path / "copy").write_bytes((tmp_path / name / "faiss.index").read_bytes())
    assert faiss.read_index(str(tmp_path / "copy")).ntotal == 8


def test_an_index_of_another_metric_is_refused_with_both(work_dir: WorkDir) -> None:
    index = faiss.index_factory(8, "Flat", faiss.METRIC_L2)
    index_file.write_index(work_dir, SearchIndex(index, "euclidean"))
    with pytest.raises(WorkDirError, match=r"distance='euclidean', but the settings say 'cosine'"):
        index_file.read_index(work_dir, "cosine")


@pytest.mark.parametrize("cut", [0, 1, 4, 20, -1])
def test_a_cut_index_is_an_error_of_ours(work_dir: WorkDir, tmp_path: Path, cut: int) -> None:
    index = faiss.index_factory(8, "HNSW8", faiss.METRIC_L2)
    index.add(np.eye(8, dtype=np.float32))
    index_file.write_index(work_dir, SearchIndex(index, "euclidean"))
    (tmp_path / "faiss.index").write_bytes((tmp_path / "faiss.index").read_bytes()[:cut])
    with pytest.raises(WorkDirError, match=r"faiss\.index' is not a faiss index"):
        index_file.read_index(work_dir, "euclidean")


def test_an_index_that_was_read_from_its_file_is_not_written_again(work_dir: WorkDir, tmp_path: Path) -> None:
    index = faiss.index_factory(8, "Flat", faiss.METRIC_L2)
    index_file.write_index(work_dir, SearchIndex(index, "euclidean"))
    before = (tmp_path / "faiss.index").stat().st_ino
    index_file.write_index(work_dir, SearchIndex(index, "euclidean", is_stored=True))
    assert (tmp_path / "faiss.index").stat().st_ino == before


def test_a_replaced_file_leaves_an_index_that_is_in_use_as_it_was(work_dir: WorkDir) -> None:
    first = faiss.index_factory(8, "Flat", faiss.METRIC_L2)
    first.add(np.eye(8, dtype=np.float32))
    index_file.write_index(work_dir, SearchIndex(first, "euclidean"))
    used = index_file.read_index(work_dir, "euclidean")
    index_file.write_index(work_dir, SearchIndex(faiss.index_factory(8, "Flat", faiss.METRIC_L2), "euclidean"))
    assert used.index.search(np.eye(8, dtype=np.float32), 1)[1][:, 0].tolist() == list(range(8))
