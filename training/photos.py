"""Random access to the photographs that prepare.py collected."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


class Photos:
    """DATA/photos.bin and its index; a picture is decoded to (h, w, 3) RGB uint8 when it is indexed."""

    def __init__(self, folder: Path) -> None:
        self.index = np.load(folder / "index.npy")
        self.data = np.memmap(folder / "photos.bin", np.uint8, "r")

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, i: int) -> Picture:
        offset, size = self.index[i]
        picture = cv2.imdecode(self.data[offset : offset + size], cv2.IMREAD_COLOR)
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
