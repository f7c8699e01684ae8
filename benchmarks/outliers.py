"""Compares ways to rank images by how isolated they are: images of one collection hidden in another.

    python -m benchmarks.outliers FEATURES OTHER_FEATURES BACKGROUND_FEATURES

Each is the features.dat of a run (`dedup-assets run PHOTOS OUT --run-mode 1`). It prints the average precision of the
hidden images, as the mean of eight draws; 1 is a perfect rank.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_DIMENSION = 576
_DRAWS = 8
_HIDDEN = 10
_K = 10
_WAYS = ("best", f"mean of {_K}", "less than around it", "less than of its nearest", "less than to background")

Vectors = NDArray[np.float32]


def read(path: Path) -> Vectors:
    """Unit vectors of a features.dat, (n, 576) float32."""
    vectors = np.fromfile(path, "<f4").reshape(-1, _DIMENSION)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def scores(vectors: Vectors, background: Vectors) -> list[NDArray[np.float32]]:
    """The score of each image by each of `_WAYS`; the lower, the more isolated."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    nearest = np.argsort(-cosines, 1)[:, :_K]
    found = np.take_along_axis(cosines, nearest, 1)
    best, mean = found[:, 0], found.mean(1)
    usual = np.sort(vectors @ background.T, 1)[:, -_K:].mean(1)
    return [best, mean, mean - mean[nearest].mean(1), best - mean[nearest[:, 0]], best - usual]


def average_precision(score: NDArray[np.float32], is_hidden: NDArray[np.bool_]) -> float:
    """Average precision of the hidden images in ascending order of the score."""
    ranked = is_hidden[np.argsort(score, kind="stable")]
    return float((np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked].mean())


def main() -> None:
    """Print one row per way to rank."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("features", "other", "background"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    ours, others, background = map(read, (given.features, given.other, given.background))
    chance = np.random.default_rng(0)
    is_hidden = np.arange(len(ours) + _HIDDEN) >= len(ours)
    drawn = [np.vstack([ours, others[chance.choice(len(others), _HIDDEN, replace=False)]]) for _ in range(_DRAWS)]
    found = np.mean([[average_precision(score, is_hidden) for score in scores(each, background)] for each in drawn], 0)
    for way, precision in zip(_WAYS, found, strict=True):
        print(f"{way:26}{precision:.3f}")


if __name__ == "__main__":
    main()
