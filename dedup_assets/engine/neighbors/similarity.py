"""Turn vectors into similarities by one rule for all metrics: 1 is identical, larger is closer.

cosine: the cosine. Others: 1 / (1 + distance), on the vectors as the model gave them. So files sort, and thresholds
cut, in the same direction for every metric.
"""

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import SearchError
from dedup_assets.engine.core.search_settings import Distance

_CHECKED_ROWS = 2048
_LARGEST = 1e16  # sums of squares of a million such values are still float32
DECIMALS = 6  # of similarity.csv; rounded here alone, so that files, thresholds and graph see the same number


def check_values(vectors: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
    """Refuse rows of vectors that are no output of a model: a damaged file is read as numbers too.

    Raises:
        SearchError: a value is not a number, or too large to compute similarities from.
    """
    for start in range(0, len(rows), _CHECKED_ROWS):
        some = rows[start : start + _CHECKED_ROWS]
        usable = np.abs(vectors[some]).max(axis=1) <= _LARGEST  # False for NaN
        if not usable.all():
            raise SearchError(
                f"row {some[np.argmin(usable)]} of the features has a value that is not a number or is larger than "
                f"{_LARGEST:g}, so that it cannot be compared; the file is damaged, or its model is: extract the "
                "features again"
            )


def normalized(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """A new (n, d) float32 array with rows of length 1; a row of zeros stays zero."""
    rows = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)


def prepared(vectors: NDArray[np.float32], distance: Distance) -> NDArray[np.float32]:
    """Vectors in the form that an index of this metric takes: (n, d) float32, contiguous, normalised for cosine."""
    return np.ascontiguousarray(normalized(vectors) if distance == "cosine" else vectors, dtype=np.float32)


def similarities(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], distance: Distance
) -> NDArray[np.float64]:
    """Exact similarity of each query to each of its candidates.

    Args:
        queries: (n, d) float32, normalised where `distance` is cosine.
        candidates: (n, m, d) float32, likewise.
        distance: the metric.

    Returns:
        (n, m) float64, rounded to 6 decimals.
    """
    if distance == "cosine":
        cosines = np.einsum("nd,nmd->nm", queries, candidates, dtype=np.float64, casting="same_kind")
        return _rounded(np.clip(cosines, -1.0, 1.0))
    difference = queries[:, None, :].astype(np.float64) - candidates
    if distance == "manhattan":
        length = np.abs(difference).sum(axis=2)
    else:
        squared = (difference**2).sum(axis=2)
        length = squared if distance == "squared_euclidean" else np.sqrt(squared)
    return _rounded(1.0 / (1.0 + length))


def _rounded(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    rounded: NDArray[np.float64] = np.round(scores, DECIMALS)
    return rounded
