"""The process that makes views while the network trains."""

from __future__ import annotations

import os
import signal
from multiprocessing.queues import Queue
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training import views
from training.losses import SAME
from training.pause import wait_while
from training.photos import Photos
from training.targets import targets

GROUP = 4  # photographs that look alike, in each batch several such groups
SEARCHED = 8000  # photographs that the look-alikes are taken from
Batch = tuple[NDArray[np.int64], NDArray[np.uint8]]


def look_alikes(vectors: NDArray[np.float32], count: int, r: np.random.Generator) -> NDArray[np.int64]:
    """Photographs in groups: one at random, and others near it that are not the same picture."""
    chosen: list[int] = []
    while len(chosen) < count:
        first = int(r.integers(len(vectors)))
        begin = int(r.integers(max(1, len(vectors) - SEARCHED)))
        cosines = vectors[begin : begin + SEARCHED] @ vectors[first]
        cosines[cosines > SAME] = -1
        near = begin + np.argpartition(-cosines, GROUP - 1)[: GROUP - 1]
        chosen += [first, *map(int, near)]
    return np.array(chosen[:count])


def feed(queue: Queue[Batch], data: Path, seed: int, pairs: int, pause: Path | None) -> None:
    """Fill the queue until the trainer is gone: rows of `pairs` photographs; their first views, then the second."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)
    photos, r = Photos(data), np.random.default_rng(seed)
    vectors = targets(data)[0].numpy()
    trainer = os.getppid()
    while os.getppid() == trainer:
        wait_while(pause)
        chosen = look_alikes(vectors, pairs, r)
        made = [views.pair(photos[i], r) for i in chosen]
        queue.put((chosen, np.stack([view for side in zip(*made, strict=True) for view in side])))
