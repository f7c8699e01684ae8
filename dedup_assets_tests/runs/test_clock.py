"""A clock that jumps, or a disk written under another clock, changes neither the work nor the results of a run."""

import os
import time
from pathlib import Path

import pytest

import dedup_assets
from dedup_assets.engine.work_dir.publishing import MARK
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

YEAR = 365 * 86_400
RESULTS = (
    "features.dat",
    "features.dat.csv",
    "features.bad.csv",
    "faiss.index",
    "similarity.csv",
    "gallery/index.html",
)


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of `photos`, a `model.onnx`, and the results of a run in `out`; tests change only file times."""
    top = tmp_path_factory.mktemp("clock")
    save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
    for number in range(6):
        save_jpeg(top / "photos" / f"{number}.jpg", photo_like(number % 4, 64, 48))
    assert run(top) == 0
    return top


def run(top: Path) -> int:
    return dedup_assets.run(top / "photos", top / "out", model_path=top / "model.onnx", shard_size=2, threshold=0.5)


@pytest.mark.parametrize("seconds", [-YEAR, -86_400, YEAR, -100 * YEAR, 10 * YEAR])
def test_a_work_dir_written_under_another_clock_is_gone_on_with(
    top: Path, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    out = top / "out"
    died = out / ".staged" / ("0" * 32)
    died.mkdir(parents=True)
    (died / MARK).touch()
    (died / "features.dat").write_bytes(b"half")
    before = {name: (out / name).read_bytes() for name in RESULTS}
    shards = {path.name: path.stat().st_ino for path in (out / "shards").glob("*.parquet")}
    lost = sorted(shards)[1]  # its pictures have no copies in other ranges
    (out / "shards" / lost).unlink()
    when = max(time.time() + seconds, 1)
    for path in out.rglob("*"):
        os.utime(path, (when, when))
    capsys.readouterr()
    assert run(top) == 0
    assert "images computed 2 " in " ".join(capsys.readouterr().out.split())
    assert {name: (out / name).read_bytes() for name in RESULTS} == before
    after = {path.name: path.stat().st_ino for path in (out / "shards").glob("*.parquet")}
    assert {name: inode for name, inode in after.items() if name != lost} == {
        name: inode for name, inode in shards.items() if name != lost
    }
    assert not list(out.rglob(".staged"))
