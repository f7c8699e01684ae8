"""Build the inverted file: learn a projection and centroids from samples, then add all vectors as 8-bit codes."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dedup_assets.engine.core.search_settings import Distance
from dedup_assets.engine.neighbors.inverted_file.candidates import nearest_lists
from dedup_assets.engine.neighbors.inverted_file.layout import MOST_DIMENSIONS, MOST_LISTS, inverted_file_of
from dedup_assets.engine.neighbors.inverted_file.splitting import split_long_lists
from dedup_assets.engine.neighbors.recall import evenly_spread
from dedup_assets.engine.neighbors.similarity import prepared

_LISTS = 2  # times the square root of the rows: finding the lists then costs about as much as searching them
_TRAINING_ROWS_PER_LIST = 48
_ITERATIONS = 6  # of k-means: more of them change the recall by less than one more list does
_PROJECTION_ROWS = 50_000
_ENERGY_KEPT = 0.9  # share of the vectors' squared length in the projection; re-ranking makes up for the rest
_FEWEST_DIMENSIONS = 32
_NO_ENERGY = 1e-9  # share of the largest energy of a dimension; less is rounding
_BLOCK_ROWS = 8192


def build_inverted_file(vectors: NDArray[np.float32], distance: Distance, threads: int) -> Any:  # noqa: ANN401 - faiss is untyped
    """Build the inverted file over all vectors, with nprobe 1.

    The same vectors give the same bytes for any number of threads.

    Args:
        vectors: (n, d) float32, read in blocks; may be memory-mapped.
        distance: cosine or one of the L2 distances.
        threads: most threads that compute.
    """
    rows = len(vectors)
    lists = min(_LISTS * math.isqrt(rows), MOST_LISTS)
    sample = evenly_spread(rows, max(_TRAINING_ROWS_PER_LIST * lists, _PROJECTION_ROWS))
    projection = _projection(vectors, distance)
    training = np.concatenate([prepared(vectors[part], distance) @ projection.T for part in _parts(sample)])
    index = empty_index(projection, lists, distance)
    inner: Any = faiss.downcast_index(index.index)
    faiss.omp_set_num_threads(threads)
    clustering = faiss.Kmeans(
        training.shape[1],
        lists,
        niter=_ITERATIONS,
        spherical=distance == "cosine",
        min_points_per_centroid=1,
        max_points_per_centroid=_TRAINING_ROWS_PER_LIST,
    )
    with threadpool_limits(1, user_api="blas"):  # equally near centroids would depend on the number of threads
        clustering.train(training)
    inner.quantizer.add(clustering.centroids)
    inner.train(training)
    index.is_trained = True
    add_rows(index, vectors, np.arange(rows), distance, threads)
    split_long_lists(index)
    return index


def _parts(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + _BLOCK_ROWS] for start in range(0, len(rows), _BLOCK_ROWS)]


def _projection(vectors: NDArray[np.float32], distance: Distance) -> NDArray[np.float32]:
    """(m, d) orthonormal rows that keep most of the vectors: around zero for cosine, around their mean for L2."""
    parts = _parts(evenly_spread(len(vectors), _PROJECTION_ROWS))
    dimension = vectors.shape[1]
    total, moment = np.zeros(dimension), np.zeros((dimension, dimension))
    with threadpool_limits(1, user_api="blas"):  # the last bits would depend on the number of threads
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
    varied = int((energy > _NO_ENERGY * energy[-1]).sum())  # others would be constant: a code could not tell them apart
    size = min(size, dimension, MOST_DIMENSIONS, max(varied, 1))
    return np.ascontiguousarray(axes[:, ::-1][:, :size].T, dtype=np.float32)


def empty_index(projection: NDArray[np.float32], lists: int, distance: Distance) -> Any:  # noqa: ANN401
    """An inverted file without centroids and rows, for (m, d) orthonormal rows of a projection."""
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


def add_rows(
    index: Any,  # noqa: ANN401
    vectors: NDArray[np.float32],
    rows: NDArray[np.int64],
    distance: Distance,
    threads: int,
) -> None:
    """Add some rows, ascending, of (n, d) float32 vectors to a trained inverted file."""
    layout = inverted_file_of(index)
    inner: Any = faiss.downcast_index(index.index)
    centroids, bias = layout.centroid_codes()

    def assign(start: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        block = prepared(vectors[rows[start : start + _BLOCK_ROWS]], distance) @ layout.projection.T
        return block, nearest_lists(layout.quantize(block), centroids, bias, 1)[:, 0].astype(np.int64)

    starts = range(0, len(rows), _BLOCK_ROWS)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads, thread_name_prefix="assign") as pool:
        for first in range(0, len(starts), threads):  # one block per thread in memory
            now = starts[first : first + threads]
            for start, (block, nearest) in zip(now, pool.map(assign, now), strict=True):
                some = rows[start : start + len(block)]
                inner.add_core(len(block), faiss.swig_ptr(block), faiss.swig_ptr(some), faiss.swig_ptr(nearest))
    index.ntotal = inner.ntotal
