"""The door to an index: plan which one serves, check it, build it, find the stored one, and see that it fits.

up to 20,000 vectors        Flat: every pair compared, exactly
more                        `inverted_file`, tuned to `recall_target`
more, distance=manhattan    HNSW32: the projection of an inverted file does not keep this distance
faiss_param given           HNSW32: fastdup's index, whose parameters its examples set
anything else named         `factory`
"""

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import SearchError, WorkDirError
from dedup_assets.engine.core.records import Features, SearchIndex
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.core.setting_fields import AUTO
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.neighbors.factory import build_named, check_named
from dedup_assets.engine.neighbors.index_increment import extend_index
from dedup_assets.engine.neighbors.inverted_file.building import build_inverted_file
from dedup_assets.engine.neighbors.similarity import check_values, prepared
from dedup_assets.engine.neighbors.tuning import tune
from dedup_assets.engine.work_dir import WorkDir, index_file
from dedup_assets.engine.work_dir.file_names import FEATURES
from dedup_assets.engine.work_dir.identity import library_versions, origin, read_config
from dedup_assets.engine.work_dir.neighbor_ranges import features_sha256
from dedup_assets.engine.workers import thread_count

_LOG = logging.getLogger(__name__)
_RESULT = "faiss_index"
_EXACT_ROWS = 20_000
_SAMPLE_ROWS = 32
_TOLERANCE = 1e-3


def planned(search: SearchSettings, rows: int) -> SearchSettings:
    """The settings with the factory string of the index that serves; `auto` stays if that is the inverted file."""
    if search.provider != "faiss" or search.faiss_mode != AUTO:
        return search
    if search.faiss_param:
        return replace(search, faiss_mode="HNSW32")
    if rows <= _EXACT_ROWS:
        return replace(search, faiss_mode="Flat")
    return replace(search, faiss_mode="HNSW32") if search.distance == "manhattan" else search


def _is_inverted(search: SearchSettings, rows: int) -> bool:
    search = planned(search, rows)
    return search.provider == "faiss" and search.faiss_mode == AUTO


def check_search(search: SearchSettings, dimension: int) -> None:
    """See that index, metric and parameters fit together, before any work is done.

    Args:
        search: what the user asked for.
        dimension: values in one vector.

    Raises:
        SearchError: the factory string is not one, cannot serve the metric, or does not know a parameter.
    """
    check_named(planned(search, rows=0), dimension)


def build_index(vectors: NDArray[np.float32], search: SearchSettings, threads: int) -> SearchIndex:
    """Build the index of the settings over all vectors.

    Args:
        vectors: (n, d) float32, read in blocks; may be memory-mapped.
        search: provider, method, parameters, metric, and the recall wanted.
        threads: most threads that compute. A graph of up to 100,000 rows is built by one thread, because faiss'
            locking would make its bytes differ from run to run.

    Raises:
        SearchError: the index cannot be used with this metric, or cannot be trained on so few vectors; a vector has a
            value that no similarity can be computed from.
    """
    if not len(vectors):
        raise SearchError("there is no vector to search: none of the images could be used; features.bad.csv says why")
    check_values(vectors, np.arange(len(vectors)))
    search = planned(search, len(vectors))
    if search.provider != "faiss" or search.faiss_mode != AUTO:
        return build_named(vectors, search, threads)
    index = SearchIndex(build_inverted_file(vectors, search.distance, threads), search.distance)
    tune(index, vectors, search, threads)
    return index


def find_or_build_index(settings: Settings, features: Features, work_dir: WorkDir) -> SearchIndex:
    """The index of the settings over these features: faiss.index if it is that one already, else a new one.

    Args:
        settings: method, metric and threads.
        features: of the work_dir.
        work_dir: its config.json says what faiss.index was made of.

    Raises:
        SearchError: the index cannot be built.
        WorkDirError: config.json is damaged. A damaged faiss.index is built again, with a warning.
    """
    sources = {FEATURES: features_sha256(work_dir)}
    made_of = origin(_RESULT, settings, library_versions(_RESULT), sources)
    if made_of and read_config(work_dir).result(_RESULT).made_of == made_of and work_dir.exists(index_file.INDEX):
        try:
            return replace(index_file.read_index(work_dir, settings.distance), made_of=made_of, is_stored=True)
        except WorkDirError as error:
            _LOG.warning("%s: it is built again", error)
    search, threads = settings.search, thread_count(settings.num_threads)
    index = (
        extend_index(settings, features, work_dir, sources[FEATURES]) if _is_inverted(search, len(features)) else None
    )
    return replace(index or build_index(features.vectors, search, threads), made_of=made_of)


def usable_index(index: SearchIndex, vectors: NDArray[np.float32], search: SearchSettings, threads: int) -> SearchIndex:
    """The index itself, or a new one in memory where fastdup's index does not hold these vectors.

    fastdup's nnf.index has a row of zeros for each bad file, and normalised vectors whatever the metric. Its rows are
    then not those of the features, and its neighbours not those of the metric.

    Args:
        index: as it was read.
        vectors: (n, d) float32 that it should hold.
        search: how an index is built.
        threads: most threads that build it.

    Raises:
        SearchError: an index cannot be built with these settings.
    """
    if not index.by_fastdup or _holds(index, vectors, search):
        return index
    return build_index(vectors, search, threads)


def _holds(index: SearchIndex, vectors: NDArray[np.float32], search: SearchSettings) -> bool:
    if len(index) != len(vectors) or index.index.d != vectors.shape[1]:
        return False
    rows = np.unique(np.linspace(0, len(vectors) - 1, _SAMPLE_ROWS).astype(np.int64))
    try:
        held = np.stack([index.index.reconstruct(int(row)) for row in rows])
    except RuntimeError:  # an index that cannot reconstruct vectors: equal size must be enough
        return True
    return bool(np.allclose(held, prepared(vectors[rows], search.distance), atol=_TOLERANCE))
