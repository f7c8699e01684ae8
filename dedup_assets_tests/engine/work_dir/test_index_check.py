"""A faiss file that would end the process or fill its memory is an error of one line."""

import random
import shlex
import struct
import sys
from pathlib import Path

import faiss
import numpy as np
import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir import WorkDir, index_check, index_file

DIMENSION = 16


def built(factory: str, rows: int = 400) -> faiss.Index:
    index = faiss.index_factory(DIMENSION, factory, faiss.METRIC_INNER_PRODUCT)
    vectors = np.random.default_rng(0).normal(size=(rows, DIMENSION)).astype(np.float32)
    index.train(vectors)
    index.add(vectors)
    return index


def refused(folder: Path, content: bytes) -> str:
    """The error of reading a file of this content; empty if it is accepted."""
    (folder / "faiss.index").write_bytes(content)
    try:
        index_file.read_index(WorkDir(str(folder)), "cosine")
    except WorkDirError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("factory", ["Flat", "HNSW16", "IVF4,Flat", "IVF4,SQ8", "PCA8,Flat", "SQ8", "IVF4,PQ4x4"])
def test_an_index_of_any_kind_that_is_whole_is_taken(tmp_path: Path, factory: str) -> None:
    assert refused(tmp_path, faiss.serialize_index(built(factory)).tobytes()) == ""


def test_a_graph_that_leads_out_of_the_index_is_refused(tmp_path: Path) -> None:
    index = built("HNSW16")
    neighbors = faiss.vector_to_array(index.hnsw.neighbors)
    neighbors[neighbors >= 0] += 1_000_000_000
    faiss.copy_array_to_vector(neighbors, index.hnsw.neighbors)
    assert refused(tmp_path, faiss.serialize_index(index).tobytes())


def test_lists_in_another_file_are_not_followed(tmp_path: Path) -> None:
    index = built("IVF4,Flat")
    (tmp_path / "lists").touch()
    lists = faiss.OnDiskInvertedLists(index.nlist, index.code_size, str(tmp_path / "lists"))
    lists.merge_from_1(index.invlists)
    index.replace_invlists(lists)
    content = faiss.serialize_index(index).tobytes()
    assert "in another file" in refused(tmp_path, content)
    assert refused(tmp_path, content.replace(b"lists", b"other"))


def test_ids_of_rows_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    index = faiss.IndexIDMap(faiss.IndexFlatIP(DIMENSION))
    index.add_with_ids(np.eye(DIMENSION, dtype=np.float32), np.arange(DIMENSION) + 10**9)
    assert "it finds row 1000000" in refused(tmp_path, faiss.serialize_index(index).tobytes())


@pytest.mark.parametrize("claim", [(-1, 10), (0, 10), (DIMENSION, -5), (DIMENSION, 1 << 60), (1 << 30, 400)])
def test_sizes_that_do_not_fit_the_file_are_refused_before_faiss_sees_them(
    tmp_path: Path, claim: tuple[int, int]
) -> None:
    content = bytearray(faiss.serialize_index(built("Flat")).tobytes())
    struct.pack_into("<iq", content, 4, *claim)
    assert f"{claim[1]} vectors of {claim[0]} values" in refused(tmp_path, bytes(content))


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\x93NUMPY" + b"\0" * 99, b"\x80\x04\x95" + b"pickle" * 20, b"a" * 999]
)
def test_what_is_no_index_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "is not a faiss index" in refused(tmp_path, content)


def test_a_binary_index_is_refused(tmp_path: Path) -> None:
    index = faiss.IndexBinaryFlat(64)
    index.add(np.zeros((4, 8), np.uint8))
    assert refused(tmp_path, faiss.serialize_index_binary(index).tobytes())


def test_a_size_inside_the_file_that_no_memory_could_hold_is_an_error(tmp_path: Path) -> None:
    content = faiss.serialize_index(built("Flat")).tobytes()
    for place in range(33, len(content) - 8):
        if content[place : place + 8] == struct.pack("<Q", 400 * DIMENSION):
            huge = content[:place] + struct.pack("<Q", 1 << 38) + content[place + 8 :]
            assert refused(tmp_path, huge)
            return
    pytest.fail("the size of the vectors was not found in the file")


@pytest.mark.parametrize("factory", ["HNSW16", "IVF4,Flat"])
def test_whatever_bytes_are_changed_reading_ends_with_a_result_or_an_error(tmp_path: Path, factory: str) -> None:
    """Six examples only, because each check starts a process, which takes half a second."""
    chance = random.Random(factory)  # noqa: S311 - places, no secret
    whole = faiss.serialize_index(built(factory, rows=60)).tobytes()
    for _ in range(6):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(min(len(content), 4000) if chance.random() < 0.5 else len(content))
            content[place] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        refused(tmp_path, bytes(content))


def test_the_check_imports_what_this_process_imports_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a Python finds no library by itself, as after `pip install --user` or with PYTHONPATH."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    assert refused(tmp_path, faiss.serialize_index(built("SQ8")).tobytes()) == ""


def test_files_in_the_working_folder_named_like_libraries_are_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("faiss", "numpy", "json", "packaging"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert refused(tmp_path, faiss.serialize_index(built("SQ8")).tobytes()) == ""


@pytest.mark.parametrize("metric", [faiss.METRIC_INNER_PRODUCT, faiss.METRIC_L2])
def test_a_flat_index_whose_sizes_fit_is_taken_without_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: int
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    index = faiss.IndexFlat(DIMENSION, metric)
    index.add(np.eye(DIMENSION, dtype=np.float32))
    (tmp_path / "faiss.index").write_bytes(faiss.serialize_index(index).tobytes())
    distance = "cosine" if metric == faiss.METRIC_INNER_PRODUCT else "euclidean"
    assert index_file.read_index(WorkDir(str(tmp_path)), distance).index.ntotal == DIMENSION


def test_a_flat_index_that_is_taken_so_is_harmless_whatever_byte_is_changed() -> None:
    index = built("Flat", rows=3)
    content = faiss.serialize_index(index).tobytes()
    taken = 0
    for place in range(64):
        for value in {0, 1, 2, 0x7F, 0x80, 0xFF} - {content[place]}:
            changed = content[:place] + bytes([value]) + content[place + 1 :]
            if index_check.is_whole_and_flat(changed[:64], len(changed)):
                taken += 1
                read = faiss.deserialize_index(np.frombuffer(changed, np.uint8))
                assert (read.ntotal, read.d) == (3, DIMENSION)
                assert read.search(np.ones((1, DIMENSION), np.float32), 2)[1].max() < 3
    assert taken  # bytes that mean nothing, and vectors


@pytest.mark.parametrize("size", [0, 40, 44, 45, 45 + 4 * 3 * DIMENSION - 1, 45 + 4 * 3 * DIMENSION + 1])
def test_a_flat_index_that_is_cut_or_too_long_is_not_taken_so(size: int) -> None:
    content = faiss.serialize_index(built("Flat", rows=3)).tobytes() + b"x"
    assert not index_check.is_whole_and_flat(content[:size], size)


def test_the_check_costs_little_where_the_header_tells(tmp_path: Path) -> None:
    assert index_check.check_header(b"IxFI", 4) == "it has 4 bytes"


def test_limits_on_one_file_do_not_hold_for_what_the_process_reads_later(tmp_path: Path) -> None:
    assert refused(tmp_path, faiss.serialize_index(built("Flat", rows=2)).tobytes()) == ""
    large = faiss.serialize_index(built("Flat", rows=200_000))
    assert faiss.deserialize_index(large).ntotal == 200_000
