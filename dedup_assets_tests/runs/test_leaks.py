"""Leaks that were planted between three sets are found, counted, said, and end the run with an error."""

import os
from pathlib import Path

import polars as pl
import pytest
from PIL import ImageOps

import dedup_assets
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

SIZE = 6  # images of train that are nowhere else


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three folders: test has a copy, a link, a recompressed and a mirrored image of train, val a cropped one."""
    root = tmp_path_factory.mktemp("sets")
    found = {name: root / name for name in ("train", "val", "test")}
    for seed in range(SIZE):
        save_jpeg(found["train"] / f"{seed}.jpg", photo_like(seed))
    save_jpeg(found["val"] / "own.jpg", photo_like(20))
    save_jpeg(found["val"] / "cropped.jpg", photo_like(0).crop((24, 18, 304, 228)))
    save_jpeg(found["test"] / "own.jpg", photo_like(30))
    (found["test"] / "exact.jpg").write_bytes((found["train"] / "1.jpg").read_bytes())
    (found["test"] / "linked.jpg").symlink_to(found["train"] / "2.jpg")
    save_jpeg(found["test"] / "recompressed.jpg", photo_like(3), quality=60)
    save_jpeg(found["test"] / "mirrored.jpg", ImageOps.mirror(photo_like(4)))
    return found


def test_every_planted_leak_is_found_and_nothing_else(
    sets: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(work_dir=tmp_path, sets=sets) == 1
    assert capfd.readouterr().err.splitlines()[-1] == (
        "dedup-assets: 1 of 2 val images are in train; 4 of 5 test images are in train (max_leaks=0)"
    )
    rows = pl.read_csv(tmp_path / "leaks.csv").filter(pl.col("verified"))
    pairs = {(Path(a).name, Path(b).name): relation for a, b, relation in rows.select("a", "b", "relation").iter_rows()}
    assert pairs == {
        **{("0.jpg", "cropped.jpg"): "copy", ("1.jpg", "exact.jpg"): "exact", ("2.jpg", "linked.jpg"): "link"},
        **{("3.jpg", "recompressed.jpg"): "copy", ("4.jpg", "mirrored.jpg"): "copy"},
    }
    fix = pl.read_csv(tmp_path / "split_fix.csv")
    assert {os.path.basename(name) for name in fix["filename"]} == {f"{seed}.jpg" for seed in range(5)}  # noqa: PTH119
    assert set(fix["set"]) == {"train"}
    matrix = {(row["a"], row["b"]): row for row in pl.read_csv(tmp_path / "leak_matrix.csv").to_dicts()}
    assert len(matrix) == len(sets) ** 2
    assert (matrix["test", "train"]["exact"], matrix["test", "train"]["copy"]) == (2, 2)
    assert matrix["train", "train"]["groups"] == 0


def test_leaks_within_max_leaks_are_no_error(sets: dict[str, Path], tmp_path: Path) -> None:
    assert dedup_assets.run(work_dir=tmp_path, sets=sets, max_leaks=5) == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sets": ["train"]}, "is not NAME=INPUT"),
        ({"sets": ["train=a"]}, "name at least two sets"),
        ({"sets": ["a b=a", "c=d"]}, "is no name of a set"),
        ({"sets": ["a=a", "b=b"], "evaluation_sets": ["c"]}, "allowed are the names in sets: a, b"),
        ({"sets": ["a=a", "b=b"], "evidence": "off"}, "leaks are found by comparing pixels"),
        ({"sets": ["a=a", "b=b"], "run_mode": 1}, "use run_mode 0 or 2"),
    ],
)
def test_sets_that_cannot_be_used_are_refused_in_words(
    wrong: dict[str, object], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(work_dir=tmp_path, **wrong) == 1  # type: ignore[arg-type]
    assert said in capfd.readouterr().err
