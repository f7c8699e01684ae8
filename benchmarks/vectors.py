"""Draws many vectors like a few real ones, to measure searches at sizes for which there are no photographs.

A distinct picture lies between two real vectors that are neighbours, plus a part drawn from the covariance of all. Both
parameters are set so that drawn vectors are about as similar to their neighbours as real ones and as hard to search.
For 839 photographs the median similarity is 0.50 to the nearest and 0.32 to the tenth neighbour (real: 0.45 and 0.30),
and the tenth of the clusters nearest to a row holds 73 % of its two neighbours (real: 78 %). A copy lies as far from
its original, and in the same directions, as real copies from theirs. The same seed gives the same bytes.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_BLOCK = 50_000
_COPIES = 0.15  # share of rows that are a copy of an earlier one
_COPY_SIMILARITY = (0.8, 0.9999)  # pairs of real vectors between these are copies of one photograph
_DRAWN = (0.1, 0.7)  # share of a distinct picture's variance that is drawn from the covariance of all
_NEIGHBORS = 400  # nearest real vectors, between which a distinct picture may lie


def draw(real: NDArray[np.float32], rows: int, target: Path, seed: int = 0) -> None:
    """Write `rows` vectors to features.dat and their names to features.dat.csv.

    Args:
        real: (n, d) float32 of unit length, of photographs and copies of them; n of a few thousand.
        rows: number of vectors to draw.
        target: folder for the files; created if it does not exist.
        seed: seed of the generator.
    """
    target.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    mean = real.mean(axis=0)
    _, lengths, axes = np.linalg.svd(real - mean, full_matrices=False)
    spread = (axes.T * lengths / np.sqrt(len(real))).astype(np.float32)  # (d, d): a factor of the covariance
    likeness = real @ real.T
    near = np.argsort(-likeness, axis=1, kind="stable")[:, :_NEIGHBORS]
    moves = _copy_moves(real, likeness)
    with (target / "features.dat").open("wb") as data, (target / "features.dat.csv").open("w") as names:
        names.write("index,filename\n")
        for start in range(0, rows, _BLOCK):
            size = min(_BLOCK, rows - start)
            one = random.integers(0, len(real), size)
            other = near[one, random.integers(0, near.shape[1], size)]
            way = random.random((size, 1), np.float32)
            between = _unit((1 - way) * real[one] + way * real[other])
            new = random.uniform(*_DRAWN, (size, 1)).astype(np.float32)
            drawn = _unit(mean + random.standard_normal((size, len(axes)), np.float32) @ spread.T)
            block = _unit(np.sqrt(1 - new) * between + np.sqrt(new) * drawn)
            copies = np.flatnonzero(random.random(size) < _COPIES)
            originals = random.integers(0, size, len(copies))
            block[copies] = _unit(block[originals] + moves[random.integers(0, len(moves), len(copies))])
            data.write(block.astype("<f4").tobytes())
            names.writelines(
                f"{row},/photos/{row // 10_000:06d}/{row:012d}.jpg\n" for row in range(start, start + size)
            )


def _copy_moves(real: NDArray[np.float32], likeness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Differences between each real vector and its nearest one, where the two are copies."""
    np.fill_diagonal(likeness, -1)
    nearest = likeness.argmax(axis=1)
    best = likeness[np.arange(len(real)), nearest]
    copied = (best > _COPY_SIMILARITY[0]) & (best < _COPY_SIMILARITY[1])
    moves: NDArray[np.float32] = real[copied] - real[nearest[copied]]
    return moves


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32, copy=False)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("real", type=Path, help="features.dat of photographs and copies, 576 values a row")
    parser.add_argument("rows", type=int)
    parser.add_argument("target", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    draw(np.fromfile(given.real, "<f4").reshape(-1, 576), given.rows, given.target, given.seed)


if __name__ == "__main__":
    main()
