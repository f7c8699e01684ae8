"""A picture that an apply removed and that comes back is named by the next run."""

import shutil
import sys
from pathlib import Path

import pytest

import dedup_assets
from dedup_assets import api
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="plans are not applied on Windows")


def test_a_run_names_pictures_that_came_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)
    for number in range(3):
        photo_like(number, 320, 240).save(photos / f"{number}.png")
    photo_like(0, 320, 240).resize((240, 180)).save(photos / "small.png")
    shutil.copyfile(photos / "1.png", photos / "exact.png")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copyfile(photos / "1.png", elsewhere / "behind a link.png")
    (photos / "album").symlink_to(elsewhere)
    saved = {name: (photos / name).read_bytes() for name in ("small.png", "exact.png")}

    def said() -> str:
        assert dedup_assets.run(photos, out, model_path=str(model), nearest_neighbors_k=5) == 0
        return capsys.readouterr().out

    assert "came back" not in said()
    assert api.plan(out, only="exact,pixels,copy") == 0
    assert api.apply(out, yes=True) == 0
    assert {path.name for path in photos.glob("*.png")} == {"0.png", "1.png", "2.png"}
    capsys.readouterr()
    assert "came back" not in said()
    (photos / "again.png").write_bytes(saved["small.png"])
    assert f"(removed.csv): 1 image: {photos}/again.png" in said()
    (photos / "exact.png").write_bytes(saved["exact.png"])
    assert f"(removed.csv): 2 images: {photos}/again.png, {photos}/exact.png" in said()
