"""faiss.index: a plain faiss file, written whole and memory-mapped for reading."""

from pathlib import Path
from typing import Any

import faiss

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import SearchIndex
from dedup_assets.engine.core.search_settings import Distance
from dedup_assets.engine.work_dir import fastdup_files, index_check
from dedup_assets.engine.work_dir.identity import inode_of, open_checked_local
from dedup_assets.engine.work_dir.location import WorkDir

INDEX = "faiss.index"
_harmless: set[tuple[int, ...]] = set()  # files that this process has checked, by inode, size and change time


def write_index(work_dir: WorkDir, index: SearchIndex) -> None:
    """Write faiss.index, unless the index was read from it."""
    if index.is_stored:
        return
    with work_dir.publish(INDEX) as (file,):
        writer = faiss.PyCallbackIOWriter(file.write)  # type: ignore[attr-defined]  # not in its stubs
        faiss.write_index(index.index, writer)
        del writer  # flushes its buffer


def read_index(work_dir: WorkDir, distance: Distance) -> SearchIndex:
    """Map faiss.index (or fastdup's nnf.index) into memory, for a search by this metric; processes share the pages.

    Raises:
        WorkDirError: it is missing, is not a faiss file, is harmful, or was built for another metric.
    """
    name = work_dir.require(
        INDEX, fastdup_files.INDEX, remedy="build it first: run_mode=0 or 2, or the asset faiss_index"
    )
    try:
        index = _map_index(work_dir, name)
    except (RuntimeError, MemoryError) as error:
        raise _unusable(work_dir, name, str(error)[-200:]) from None
    built_for = {faiss.METRIC_INNER_PRODUCT: "cosine", faiss.METRIC_L2: "euclidean", faiss.METRIC_L1: "manhattan"}
    wanted = "euclidean" if distance == "squared_euclidean" else distance
    # LSH compares signs and belongs to no metric; its candidates are scored afterwards.
    if not isinstance(index, faiss.IndexLSH) and built_for.get(index.metric_type) != wanted:
        raise WorkDirError(
            f"{work_dir.path(name)!r} was built for distance={built_for.get(index.metric_type)!r}, but the settings "
            f"say {distance!r}; build it again with run_mode=2 or the asset faiss_index"
        )
    return SearchIndex(index, distance, by_fastdup=name != INDEX)


def _unusable(work_dir: WorkDir, name: str, problem: str) -> WorkDirError:
    return WorkDirError(
        f"{work_dir.path(name)!r} is not a faiss index that can be used: {problem}; build it again with run_mode=2"
    )


def _map_index(work_dir: WorkDir, name: str) -> Any:  # noqa: ANN401 - faiss is untyped
    size = work_dir.size(name)
    with open_checked_local(work_dir, name) as file:
        # A file that this run has written needs no check, and others need one.
        inode = inode_of(file)
        if not work_dir.wrote(name) and inode not in _harmless:
            if problem := index_check.check(file, size):
                raise _unusable(work_dir, name, problem)
            _harmless.add(inode)
        # faiss takes only UTF-8 paths. The path of a descriptor is UTF-8, and stays valid if the file is moved.
        file.seek(0)
        by_descriptor = f"/dev/fd/{file.fileno()}"
        return faiss.read_index(by_descriptor if Path(by_descriptor).exists() else file.name, faiss.IO_FLAG_MMAP_IFC)
