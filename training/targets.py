"""The target vector of each photograph: the teacher's vector of the clean picture, in the network's dimensions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.model import DIMENSIONS

TEACHER_WIDTH = 512
Mean = NDArray[np.float32]


def teacher_rows(data: Path) -> int:
    """The number of photographs that have a target."""
    return (data / "teacher.f32").stat().st_size // (TEACHER_WIDTH * 4)


def targets(data: Path, rows: int, mean: Mean | None = None) -> tuple[Tensor, Mean]:
    """Teacher embeddings, centred, and turned into DIMENSIONS by a fixed orthonormal map that keeps their cosines.

    Args:
        data: the folder that teach.py writes to; the file may still grow.
        rows: number of rows to read.
        mean: (512,) float32 to subtract, so that targets stay the same when rows are added; None: the mean of the rows.

    Returns:
        (n, 576) float32 of unit length, and the mean.
    """
    raw = np.fromfile(data / "teacher.f32", "<f4", rows * TEACHER_WIDTH).reshape(rows, TEACHER_WIDTH)
    mean = raw.mean(0) if mean is None else mean
    raw = raw - mean
    raw /= np.linalg.norm(raw, axis=1, keepdims=True)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((DIMENSIONS, TEACHER_WIDTH)))[0]
    return torch.from_numpy((raw @ turn.T).astype(np.float32)), mean
