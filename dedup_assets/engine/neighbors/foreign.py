"""An index that another program built: used where it holds the vectors it should, built anew where it does not.

fastdup's nnf.index has a row of zeros for each bad file, and normalised vectors whatever the metric; its rows are then
not those of the features, and its neighbours not those of the metric.
"""

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.records import SearchIndex
from dedup_assets.engine.core.settings import SearchSettings
from dedup_assets.engine.neighbors.building import build_index
from dedup_assets.engine.neighbors.similarity import prepared

_SAMPLE_ROWS = 32
_TOLERANCE = 1e-3


def trusted_index(
    index: SearchIndex, vectors: NDArray[np.float32], search: SearchSettings, threads: int
) -> SearchIndex:
    """The index itself where it is ours or holds these vectors; one in memory where it is fastdup's and does not.

    Args:
        index: as it was read.
        vectors: (n, d) float32, what it should hold.
        search: how an index is built.
        threads: how many may build it.

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
    except RuntimeError:  # an index that does not give its vectors back: its size must do
        return True
    return bool(np.allclose(held, prepared(vectors[rows], search.distance), atol=_TOLERANCE))
