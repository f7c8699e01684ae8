"""Indexes that faiss builds by name: which one a provider means, whether it fits the metric, and its parameters.

Both providers are faiss indexes (https://github.com/facebookresearch/faiss/wiki/The-index-factory):
    faiss                 `faiss_mode`, any factory string
    turi, brute_force     Flat: every pair compared
    turi, ball_tree       IVF: vectors grouped into balls around k-means centres, the nearest balls searched
    turi, lsh             LSH: random hyperplanes, Hamming distance, the best candidates compared exactly
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import SearchError
from dedup_assets.engine.core.records import SearchIndex
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.core.spelling import did_you_mean
from dedup_assets.engine.neighbors.similarity import prepared

_BLOCK_ROWS = 16_384  # vectors copied at a time
_TRAINING_ROWS = 200_000  # enough for k-means with any number of lists used here
_DETERMINISTIC_ROWS = (
    100_000  # graphs of up to this size are built by one thread, so that their bytes are always the same
)
_LSH_BITS = 1024
_BALL_ROWS = 39 * 2  # vectors per ball; faiss asks for at least 39 to train a centroid
_FEWEST_BALLS = 8  # searched at least, so that small sets are searched exactly
_BALLS_SEARCHED = 0.25  # share of the balls; gives recall@k above 0.99 on photographs
_PARAMETERS = (
    "efSearch",
    "efConstruction",
    "nprobe",
    "max_codes",
    "ht",
    "k_factor",
    "k_factor_rf",
    "quantizer_efSearch",
    "quantizer_efConstruction",
    "quantizer_nprobe",
)
_USUAL = ("auto", "Flat", "HNSW16", "HNSW32", "HNSW64", "IVF256,Flat", "IVF256,PQ32", "PQ32", "SQ8", "LSH", "NSG32")
_SYNONYMS = {"nprobes": "nprobe"}  # fastdup's spelling
_AT_LEAST_ONE = ("nprobe", "efSearch", "efConstruction", "k_factor", "k_factor_rf")  # 0 finds nothing, or fails later
_AT_MOST = {"efSearch": 100_000, "efConstruction": 100_000, "k_factor": 10_000, "k_factor_rf": 10_000}
_DEADLY = re.compile(r"(?<!\d)0+(?!\d)|(HNSW|NSG)0*1(?!\d)")  # faiss ends the process, or never ends, at such sizes
_SOURCE = re.compile(
    r"^Error in .* at \S+:\d+: (?:Error: )?", re.DOTALL
)  # the place in faiss' source, before its message


def check_named(search: SearchSettings, dimension: int) -> None:
    """See that the index that the settings name exists, serves the metric and knows the parameters.

    Raises:
        SearchError: it does not.
    """
    set_parameters(_empty_index(search, dimension, rows=_BALL_ROWS), search)


def build_named(vectors: NDArray[np.float32], search: SearchSettings, threads: int) -> SearchIndex:
    """Build the index that the settings name, over all vectors.

    Args:
        vectors: (n, d) float32, read in blocks; may be memory-mapped.
        search: provider, method, parameters and metric.
        threads: most threads that compute, see `indexes.build_index`.

    Raises:
        SearchError: the index cannot be used with this metric, or cannot be trained on so few vectors.
    """
    rows, dimension = vectors.shape
    index = _empty_index(search, dimension, rows)
    set_parameters(index, search)
    faiss.omp_set_num_threads(threads)
    try:
        if not index.is_trained:
            index.train(prepared(vectors[:: math.ceil(rows / _TRAINING_ROWS)], search.distance))
        faiss.omp_set_num_threads(1 if rows <= _DETERMINISTIC_ROWS else threads)
        for block in _blocks(rows):
            index.add(prepared(vectors[block], search.distance))
    except (RuntimeError, MemoryError) as error:
        raise SearchError(f"{index_label(search)} cannot be built on {rows} vectors: {faiss_message(error)}") from None
    return SearchIndex(index, search.distance)


def set_parameters(index: Any, search: SearchSettings) -> None:  # noqa: ANN401 - faiss is untyped
    """Set the parameters of `faiss_param` on an index.

    Raises:
        SearchError: the index does not know a parameter, and the message lists those it knows; or a value is too small
            or too large.
    """
    if search.provider != "faiss":
        return
    space = faiss.ParameterSpace()
    for name, value in search.faiss_param.items():
        parameter = _SYNONYMS.get(name, name)
        if value < 1 and parameter.removeprefix("quantizer_") in _AT_LEAST_ONE:
            raise SearchError(f"faiss_param: {name}={value:g} must be at least 1")
        if value > (most := _AT_MOST.get(parameter.removeprefix("quantizer_"), math.inf)):
            raise SearchError(f"faiss_param: {name}={value:g} must be at most {most:g}: memory grows with it")
        try:
            space.set_index_parameter(index, parameter, value)
        except RuntimeError:
            known = [parameter for parameter in _PARAMETERS if _knows(index, parameter)]
            raise SearchError(
                f"faiss_param: {name!r} is no parameter of faiss_mode={search.faiss_mode!r}"
                f"{did_you_mean(name, known)}; " + (f"it has {', '.join(known)}" if known else "it has none")
            ) from None


def _blocks(rows: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK_ROWS) for start in range(0, rows, _BLOCK_ROWS))


def _empty_index(search: SearchSettings, dimension: int, rows: int) -> Any:  # noqa: ANN401
    if search.provider == "turi" and search.nnmodel == "lsh":
        faiss.omp_set_num_threads(1)  # two threads factor its small matrix ten times slower
        return faiss.IndexLSH(dimension, _LSH_BITS)
    metric = {
        "cosine": faiss.METRIC_INNER_PRODUCT,
        "euclidean": faiss.METRIC_L2,
        "squared_euclidean": faiss.METRIC_L2,
        "manhattan": faiss.METRIC_L1,
    }[search.distance]
    factory = search.faiss_mode
    if search.provider == "turi":
        balls = max(1, rows // _BALL_ROWS)
        factory = "Flat" if search.nnmodel == "brute_force" else f"IVF{min(balls, 4 * math.isqrt(rows) + 1)},Flat"
    if _DEADLY.search(factory):
        raise SearchError(f"faiss_mode={factory!r} is not possible: one of its numbers is too small")
    try:
        index = faiss.index_factory(dimension, factory, metric)
    except (RuntimeError, MemoryError) as error:
        raise SearchError(
            f"faiss_mode={factory!r} with distance={search.distance!r} is not possible{did_you_mean(factory, _USUAL)}: "
            f"{faiss_message(error)}; use auto, or a faiss index_factory string such as HNSW32, Flat or IVF256,Flat"
        ) from None
    # faiss ends the process when a compressed index gets a metric that it does not implement.
    if metric == faiss.METRIC_L1 and not isinstance(index, faiss.IndexFlat | faiss.IndexHNSWFlat | faiss.IndexIVFFlat):
        raise SearchError(
            f"faiss_mode={factory!r} cannot search by distance='manhattan'; use HNSW32, Flat or IVF256,Flat"
        )
    if isinstance(index, faiss.IndexIVF):
        index.cp.min_points_per_centroid = 1  # faiss would warn on stderr, past Python; we measure recall@k instead
    if search.provider == "turi" and search.nnmodel == "ball_tree":
        index.nprobe = max(_FEWEST_BALLS, math.ceil(index.nlist * _BALLS_SEARCHED))  # type: ignore[attr-defined]  # an IndexIVF
    return index


def _knows(index: Any, parameter: str) -> bool:  # noqa: ANN401
    try:
        faiss.ParameterSpace().set_index_parameter(index, parameter, 16)
    except RuntimeError:
        return False
    return True


def index_label(search: SearchSettings) -> str:
    """The index of the settings as messages name it."""
    return f"faiss_mode={search.faiss_mode!r}" if search.provider == "faiss" else f"nnmodel={search.nnmodel!r}"


def faiss_message(error: Exception) -> str:
    """Faiss' message without the place in its source, in one line."""
    return " ".join(_SOURCE.sub("", str(error)).split()).strip("'")
