"""Find the photographs that an embedding confuses and that the teacher tells apart.

    python -m training.confuse --data DATA --model EMBEDDING.onnx

Writes DATA/near.npy, (photographs, NEAR) int32: for each photograph the nearest ones that the teacher tells apart from
it, in any order. If it is there, `train` draws its groups of look-alikes from it, because a handful of pictures of the
same kind (two photographs of ants on sand) decide the recall at a precision of 99.9 %.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.feed import opened
from training.losses import SAME
from training.model import DIMENSIONS, PIXELS
from training.photos import Photos
from training.targets import targets, teacher_rows

NEAR = 16
BATCH = 8
BLOCK = 1000


def embed(data: Path, model: Path, rows: int) -> NDArray[np.float32]:
    """Embed the clean photographs: (rows, 576) float32."""
    cv2.setNumThreads(1)
    photos, session = Photos(data), opened(model)
    vectors = np.empty((rows, DIMENSIONS), np.float32)
    for start in range(0, rows, BATCH):
        pictures = [
            cv2.resize(np.ascontiguousarray(photos[i]), (PIXELS, PIXELS), interpolation=cv2.INTER_AREA)
            for i in range(start, min(start + BATCH, rows))
        ]
        vectors[start : start + BATCH] = session.run(None, {"image": np.stack(pictures)})[0]
    return vectors


def nearest(vectors: NDArray[np.float32], teacher: NDArray[np.float32]) -> NDArray[np.int32]:
    """For each row the NEAR nearest rows that the teacher tells apart from it, in any order."""
    near = np.empty((len(vectors), NEAR), np.int32)
    for start in range(0, len(vectors), BLOCK):
        cosines = vectors[start : start + BLOCK] @ vectors.T
        cosines[teacher[start : start + BLOCK] @ teacher.T > SAME] = -1
        near[start : start + BLOCK] = np.argpartition(-cosines, NEAR, axis=1)[:, :NEAR]
    return near


def main() -> None:
    """Write near.npy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    given = parser.parse_args()
    rows = teacher_rows(given.data)
    teacher = targets(given.data, rows)[0].numpy()
    np.save(given.data / "near.npy", nearest(embed(given.data, given.model, rows), teacher))


if __name__ == "__main__":
    main()
