"""A clock that jumps, or a disk that was written under another one, changes neither what is done nor what comes out."""

import os
import time
from pathlib import Path

import pytest

import dedup_assets
from dedup_assets_tests.conftest import photo_like, save_jpeg
from dedup_assets_tests.engine.models import save_mean_model

YEAR = 365 * 86_400
RESULTS = (
    "features.dat",
    "features.dat.csv",
    "features.bad.csv",
    "faiss.index",
    "similarity.csv",
    "gallery/index.html",
)


@pytest.mark.parametrize("seconds", [-YEAR, -86_400, YEAR, -100 * YEAR, 10 * YEAR])
def test_a_work_dir_written_under_another_clock_is_gone_on_with(
    tmp_path: Path, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)
    for number in range(6):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number % 4, 64, 48))
    out = tmp_path / "out"
    (out / ".staged" / "of a run that died").mkdir(parents=True)
    (out / ".staged" / "of a run that died" / "features.dat").write_bytes(b"half")
    settings = {"model_path": model, "shard_size": 2, "threshold": 0.5}
    assert dedup_assets.run(tmp_path / "photos", out, **settings) == 0
    before = {name: (out / name).read_bytes() for name in RESULTS}
    shards = {path.name: path.stat().st_ino for path in (out / "shards").iterdir()}
    lost = sorted(shards)[0]
    (out / "shards" / lost).unlink()
    when = max(time.time() + seconds, 1)
    for path in out.rglob("*"):
        os.utime(path, (when, when))
    capsys.readouterr()
    assert dedup_assets.run(tmp_path / "photos", out, **settings) == 0
    assert "images computed 2 " in " ".join(capsys.readouterr().out.split())
    assert {name: (out / name).read_bytes() for name in RESULTS} == before
    after = {path.name: path.stat().st_ino for path in (out / "shards").iterdir()}
    assert {name: inode for name, inode in after.items() if name != lost} == {
        name: inode for name, inode in shards.items() if name != lost
    }
    assert not list(out.rglob(".staged"))
