"""Isotonic regression by pooling adjacent violators (Ayer et al. 1955): the nearest ascending values."""

import numpy as np
from numpy.typing import NDArray


def fit_ascending(places: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ascending values that are nearest to the given ones by least squares.

    Args:
        places: (n,) where each value was seen, in any order; equal places share one value.
        values: (n,)

    Returns:
        (n,) float64, in the order given.
    """
    unique, inverse, counts = np.unique(places, return_inverse=True, return_counts=True)
    means = np.bincount(inverse, values) / counts
    sums: list[float] = []
    weights: list[int] = []
    lengths: list[int] = []
    for mean, count in zip(means.tolist(), counts.tolist(), strict=True):
        sums.append(mean * count)
        weights.append(count)
        lengths.append(1)
        while len(sums) > 1 and sums[-2] / weights[-2] >= sums[-1] / weights[-1]:
            for column in (sums, weights, lengths):
                last = column.pop()
                column[-1] += last  # type: ignore[assignment]  # an int where the column has ints
    fitted = np.repeat(np.divide(sums, weights), lengths) if len(unique) else np.empty(0)
    ascending: NDArray[np.float64] = fitted[inverse]
    return ascending
