"""A folder of photographs that changes between two states, for runs that are killed in between."""

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

    The photographs of a state are a folder that is moved in and out as a whole: that leaves the times of the files
    unchanged, which the listing keeps, so that a state always gives the same bytes.

    Args:
        top: folder for `photos` and the model.
        standing: number of photographs that never change; copies are among them.
        changing: number of photographs that differ between the states.
    """

    def __init__(self, top: Path, standing: int, changing: int) -> None:
        self.folder = top / "photos"
        self.model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
        self._aside = top / "aside"
        self._aside.mkdir()
        for number in range(standing):
            seed = number % (standing * 3 // 4)
            save_jpeg(self.folder / f"{number:02d}.jpg", photo_like(seed, 64, 48), quality=80 + number % 2)
        for place, state in enumerate(_STATES):
            for number in range(changing):
                seed = 40 + number + changing * place
                save_jpeg(self._aside / f"x{state}" / f"{number}.jpg", photo_like(seed, 64, 48))

    def show(self, state: str) -> None:
        """Put the photographs into state `a` or `b`."""
        for shown in self.folder.glob("x*"):
            shown.rename(self._aside / shown.name)
        (self._aside / f"x{state}").rename(self.folder / f"x{state}")
