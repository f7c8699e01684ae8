"""Many vectors like real ones, from few real ones: for measuring searches at sizes nobody has photographs for.

Distinct pictures are drawn around real vectors and from their covariance, so that spectrum and similarities to
neighbours are those of real embeddings; copies are moved from their original as far as, and in the directions in which,
real copies lie from theirs. The same seed gives the same bytes.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_BLOCK = 50_000
_COPIES = 0.15  # share of rows that are a copy of an earlier one
_COPY_SIMILARITY = (0.8, 0.9999)  # pairs of real vectors between these are copies of one photograph
_LEAST_NEW = 0.5  # share of a distinct picture's variance that is drawn, not taken from a real vector


def draw(real: NDArray[np.float32], rows: int, target: Path, seed: int = 0) -> None:
    """Write `rows` vectors to features.dat and their names to features.dat.csv.

    Args:
        real: (n, d) float32 of unit length, of photographs and copies of them; n of a few thousand.
        rows: how many to draw.
        target: folder, made if need be.
        seed: of the generator.
    """
    target.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    mean = real.mean(axis=0)
    _, lengths, axes = np.linalg.svd(real - mean, full_matrices=False)
    spread = (axes.T * lengths / np.sqrt(len(real))).astype(np.float32)  # (d, d): a factor of the covariance
    moves = _copy_moves(real)
    with (target / "features.dat").open("wb") as data, (target / "features.dat.csv").open("w") as names:
        names.write("index,filename\n")
        for start in range(0, rows, _BLOCK):
            size = min(_BLOCK, rows - start)
            new = random.uniform(_LEAST_NEW, 1, (size, 1)).astype(np.float32)
            drawn = mean + random.standard_normal((size, len(axes)), np.float32) @ spread.T
            block = _unit(np.sqrt(1 - new) * real[random.integers(0, len(real), size)] + np.sqrt(new) * _unit(drawn))
            copies = np.flatnonzero(random.random(size) < _COPIES)
            originals = random.integers(0, size, len(copies))
            block[copies] = _unit(block[originals] + moves[random.integers(0, len(moves), len(copies))])
            data.write(block.astype("<f4").tobytes())
            names.writelines(
                f"{row},/photos/{row // 10_000:06d}/{row:012d}.jpg\n" for row in range(start, start + size)
            )


def _copy_moves(real: NDArray[np.float32]) -> NDArray[np.float32]:
    """Differences between each real vector and its nearest one, where the two are copies."""
    likeness = real @ real.T
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
