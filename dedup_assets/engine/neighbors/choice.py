"""Which index serves so many vectors, unless the user names one, and how the large one is built and tuned.

    up to 20,000 vectors        Flat: every pair compared, exactly
    more                        an inverted file over projected 8-bit codes, searched by `lists`, re-ranked exactly
    more, distance=manhattan    HNSW32: the projection keeps no such distance
    faiss_param given           HNSW32, RUN.md's index, whose parameters its examples set

How many lists the inverted file searches for a row (nprobe) is set by what it finds: as few as reach the recall wanted
on a sample of rows, whose true neighbours are computed.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dedup_assets.engine.core.settings import AUTO, Distance, SearchSettings
from dedup_assets.engine.neighbors.lists import MOST_DIMENSIONS, MOST_LISTS, list_index, nearest_lists
from dedup_assets.engine.neighbors.recall import spread_rows
from dedup_assets.engine.neighbors.similarity import prepared

_EXACT_ROWS = 20_000
_LISTS = 2  # times the square root of the rows: finding the lists then costs about what searching them does
_TRAINING_ROWS_A_LIST = 48
_ITERATIONS = 6  # of k-means: more of them change the recall by less than one list more does
_PROJECTION_ROWS = 50_000
_ENERGY_KEPT = 0.9  # of the vectors' squared length, by the projection: what it loses, re-ranking restores
_FEWEST_DIMENSIONS = 32
_BLOCK_ROWS = 8192


def chosen(search: SearchSettings, rows: int) -> SearchSettings:
    """The settings with a factory string where one is chosen; `auto` stays where the large index is."""
    if search.provider != "faiss" or search.faiss_mode != AUTO:
        return search
    if search.faiss_param:
        return replace(search, faiss_mode="HNSW32")
    if rows <= _EXACT_ROWS:
        return replace(search, faiss_mode="Flat")
    return replace(search, faiss_mode="HNSW32") if search.distance == "manhattan" else search


def build_lists(vectors: NDArray[np.float32], distance: Distance, threads: int) -> Any:  # noqa: ANN401 - faiss is untyped
    """The large index over all vectors, read in blocks; nprobe is 1 yet.

    The same vectors give the same bytes, whatever the number of threads.
    """
    rows = len(vectors)
    lists = min(_LISTS * math.isqrt(rows), MOST_LISTS)
    sample = spread_rows(rows, max(_TRAINING_ROWS_A_LIST * lists, _PROJECTION_ROWS))
    projection = _projection(vectors, distance)
    training = np.concatenate([prepared(vectors[part], distance) @ projection.T for part in _parts(sample)])
    index = _empty(projection, lists, distance)
    inner: Any = faiss.downcast_index(index.index)
    faiss.omp_set_num_threads(threads)
    clustering = faiss.Kmeans(
        training.shape[1],
        lists,
        niter=_ITERATIONS,
        spherical=distance == "cosine",
        min_points_per_centroid=1,
        max_points_per_centroid=_TRAINING_ROWS_A_LIST,
    )
    clustering.train(training)
    inner.quantizer.add(clustering.centroids)
    inner.train(training)
    index.is_trained = True
    _add(index, vectors, distance, threads)
    return index


def _parts(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + _BLOCK_ROWS] for start in range(0, len(rows), _BLOCK_ROWS)]


def _projection(vectors: NDArray[np.float32], distance: Distance) -> NDArray[np.float32]:
    """(m, d) orthonormal rows that keep most of the vectors: as they are for cosine, around their mean for L2."""
    parts = _parts(spread_rows(len(vectors), _PROJECTION_ROWS))
    dimension = vectors.shape[1]
    total, moment = np.zeros(dimension), np.zeros((dimension, dimension))
    with threadpool_limits(1, user_api="blas"):  # last bits would depend on the number of threads
        for part in parts:
            values = prepared(vectors[part], distance).astype(np.float64)
            total += values.sum(axis=0)
            moment += values.T @ values
        if distance != "cosine":
            moment -= np.outer(total, total) / sum(map(len, parts))
        energy, axes = np.linalg.eigh(moment)
    kept = np.cumsum(energy[::-1]) / max(energy.sum(), np.finfo(np.float64).tiny)
    enough = int(np.searchsorted(kept, _ENERGY_KEPT)) + 1
    size = max(_FEWEST_DIMENSIONS, math.ceil(enough / _FEWEST_DIMENSIONS) * _FEWEST_DIMENSIONS)
    size = min(size, dimension, MOST_DIMENSIONS)
    return np.ascontiguousarray(axes[:, ::-1][:, :size].T, dtype=np.float32)


def _empty(projection: NDArray[np.float32], lists: int, distance: Distance) -> Any:  # noqa: ANN401
    size, dimension = projection.shape
    metric = faiss.METRIC_INNER_PRODUCT if distance == "cosine" else faiss.METRIC_L2
    transform: Any = faiss.LinearTransform(dimension, size, False)
    faiss.copy_array_to_vector(projection.ravel(), transform.A)
    transform.is_trained = transform.is_orthonormal = True
    quantizer: Any = faiss.IndexFlat(size, metric)
    by_residual = False
    inner: Any = faiss.IndexIVFScalarQuantizer(
        quantizer, size, lists, faiss.ScalarQuantizer.QT_8bit, metric, by_residual
    )
    index: Any = faiss.IndexPreTransform(transform, inner)
    for part in (transform, quantizer, inner):
        part.this.disown()
    inner.own_fields = index.own_fields = True
    return index


def _add(index: Any, vectors: NDArray[np.float32], distance: Distance, threads: int) -> None:  # noqa: ANN401
    lists = list_index(index)
    inner: Any = faiss.downcast_index(index.index)
    centroids, bias = lists.centroid_codes()

    def place(start: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        block = prepared(vectors[start : start + _BLOCK_ROWS], distance) @ lists.projection.T
        return block, nearest_lists(lists.quantize(block), centroids, bias, 1)[:, 0].astype(np.int64)

    starts = range(0, len(vectors), _BLOCK_ROWS)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads, thread_name_prefix="place") as pool:
        for first in range(0, len(starts), threads):  # so many blocks in memory
            some = starts[first : first + threads]
            for start, (block, nearest) in zip(some, pool.map(place, some), strict=True):
                rows = np.arange(start, start + len(block))
                inner.add_core(len(block), faiss.swig_ptr(block), faiss.swig_ptr(rows), faiss.swig_ptr(nearest))
    index.ntotal = inner.ntotal


def set_nprobe(index: Any, nprobe: int) -> None:  # noqa: ANN401
    """How many lists of the large index are searched for a row; kept in its file."""
    inner: Any = faiss.downcast_index(index.index)
    inner.nprobe = nprobe
