"""A folder of photographs that changes between two states, for runs that are killed in between."""

import os
from pathlib import Path

from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

_STATES = "ab"
FEATURE_FILES = (
    "features.dat",
    "features.dat.csv",
    "features.bad.csv",
    "features.dat.bad",
    "image_manifest.parquet",
    "image_ledger.parquet",
)


class ChangingPhotos:
    """A folder of photographs in two states, and a small model for them.

    Args:
        top: folder for `photos` and the model.
        standing: number of photographs that never change; copies are among them.
        changing: number of photographs that differ between the states.
    """

    def __init__(self, top: Path, standing: int, changing: int) -> None:
        self.folder = top / "photos"
        self.model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
        self._changing = changing
        for number in range(standing):
            seed = number % (standing * 3 // 4)
            save_jpeg(self.folder / f"{number:02d}.jpg", photo_like(seed, 64, 48), quality=80 + number % 2)

    def show(self, state: str) -> None:
        """Put the photographs into state `a` or `b`."""
        for path in self.folder.glob("x*.jpg"):
            path.unlink()
        for number in range(self._changing):
            seed = 40 + number + self._changing * _STATES.index(state)
            os.utime(save_jpeg(self.folder / f"x{state}{number}.jpg", photo_like(seed, 64, 48)), ns=(1, 1))
