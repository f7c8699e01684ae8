"""The process that makes views while the network trains."""

from __future__ import annotations

import os
import signal
from multiprocessing.queues import Queue
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from training import views
from training.losses import SAME
from training.pause import wait_while
from training.photos import Photos
from training.targets import targets

GROUP = 4  # photographs that look alike; a batch holds several such groups
SEARCHED = 8000  # photographs among which look-alikes are searched
FLAT = ("screens", "recipes", "wallpapers", "drawn")
FLAT_SHARE = 0.16
CONFUSED_SHARE = 0.7  # of the batches, if near.npy is there
Vectors = NDArray[np.float32]
Numbers = NDArray[np.int64]
Batch = tuple[Numbers, NDArray[np.uint8], Vectors | None]
"""Photographs, their views, and the vector that the former model gives each view (None without one)."""


def flat_pictures(data: Path, count: int) -> NDArray[np.int64]:
    """Rows of the first `count` pictures that are screens, diagrams and the like."""
    with (data / "photos.tsv").open() as file:
        sets = [line.split("\t", 1)[0] for line in file]
    return np.flatnonzero(np.isin(sets[:count], FLAT))


def confused(near: Numbers, flat: Numbers, count: int, r: np.random.Generator) -> Numbers:
    """As `look_alikes`, but with photographs that an embedding confuses with the first one (`confuse.py`)."""
    chosen: list[int] = []
    while len(chosen) < count:
        is_flat = len(flat) and r.random() < FLAT_SHARE
        first = int(r.choice(flat)) if is_flat else int(r.integers(len(near)))
        chosen += [first, *map(int, r.choice(near[first], GROUP - 1, replace=False))]
    return np.array(chosen[:count])


def look_alikes(vectors: Vectors, flat: Numbers, count: int, r: np.random.Generator) -> Numbers:
    """Photographs in groups: one at random, and others near it that are not the same picture.

    Flat pictures are drawn more often, because they are few and look alike to a network that knows photographs.
    """
    chosen: list[int] = []
    while len(chosen) < count:
        if len(flat) and r.random() < FLAT_SHARE:
            first, among = int(r.choice(flat)), flat
        else:
            first, begin = int(r.integers(len(vectors))), int(r.integers(max(1, len(vectors) - SEARCHED)))
            among = np.arange(begin, min(begin + SEARCHED, len(vectors)))
        cosines = vectors[among] @ vectors[first]
        cosines[cosines > SAME] = -1
        near = among[np.argpartition(-cosines, GROUP - 1)[: GROUP - 1]]
        chosen += [first, *map(int, near)]
    return np.array(chosen[:count])


def opened(model: Path) -> ort.InferenceSession:
    """An ONNX session on one thread."""
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = 1
    return ort.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])


def feed(
    queue: Queue[Batch], data: Path, rows: int, seed: int, pairs: int, former: Path | None, pause: Path | None
) -> None:
    """Fill the queue until the trainer is gone: rows of `pairs` photographs among the first `rows`, and their views.

    The first views of all photographs come first, then the second ones.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)
    photos, r = Photos(data), np.random.default_rng(seed)
    vectors = targets(data, rows)[0].numpy()
    flat = flat_pictures(data, len(vectors))
    near = np.load(data / "near.npy") if (data / "near.npy").exists() else None
    session = opened(former) if former else None
    trainer = os.getppid()
    while os.getppid() == trainer:
        wait_while(pause)
        if near is not None and r.random() < CONFUSED_SHARE:
            chosen = confused(near, flat, pairs, r)
        else:
            chosen = look_alikes(vectors, flat, pairs, r)
        made = [views.pair(photos[i], r) for i in chosen]
        pictures = np.stack([view for side in zip(*made, strict=True) for view in side])
        queue.put((chosen, pictures, session.run(None, {"image": pictures})[0] if session else None))
