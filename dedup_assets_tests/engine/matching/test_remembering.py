"""A run after some images changed compares new pairs only, and finds what a run into a new work_dir finds."""

import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageOps

import dedup_assets
from dedup_assets.engine.core import match_records
from dedup_assets.engine.decoders import looking, origins
from dedup_assets.engine.evidence import places
from dedup_assets.engine.groups import describing
from dedup_assets.engine.matching.reuse import deciding_files
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

RESULTS = ("evidence.parquet", "evidence.csv", "evidence_images.parquet")
GROUPS = ("filename", "role", "keep", "similarity_to_keep", "relation", "kind", "reason")  # ids tell of earlier runs


class Runs:
    """Runs over a folder of photographs and edits of them."""

    def __init__(self, top: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.top, self.photos, self._capsys = top, top / "photos", capsys
        for number in range(4):
            self.add(number)

    def add(self, number: int) -> None:
        """Add a photograph and three edits of it."""
        picture = photo_like(number, 400, 300)
        save_jpeg(self.photos / f"{number}.jpg", picture, 95)
        save_jpeg(self.photos / f"{number} low.jpg", picture, 40)
        save_jpeg(self.photos / f"{number} mirrored.jpg", ImageOps.mirror(picture), 90)
        save_jpeg(self.photos / f"{number} cropped.jpg", picture.crop((40, 30, 370, 280)), 90)

    def run(self, name: str = "out", **settings: Any) -> int:
        """Run, and give the number of pairs that earlier runs had compared."""
        assert dedup_assets.run(self.photos, self.top / name, threshold=0.5, num_threads=2, **settings) == 0
        self.said = self._capsys.readouterr().out
        said = re.search(r"pairs compared by earlier runs\s+(\d+)", self.said)
        return int(said[1]) if said else 0

    def results(self, name: str = "out") -> dict[str, object]:
        groups = pl.read_parquet(self.top / name / "groups.parquet", columns=list(GROUPS)).sort("keep", "filename")
        findings = pl.read_parquet(self.top / name / "findings.parquet").filter(pl.col("unused") == 0)
        files = {each: (self.top / name / each).read_bytes() for each in RESULTS}
        return {"groups": groups.rows(), "findings": findings.rows(), **files}


@pytest.fixture
def runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Runs:
    return Runs(tmp_path, capsys)


@pytest.mark.parametrize("module", [match_records, origins, looking, places, describing])
def test_what_was_found_counts_only_for_the_code_that_found_it(module: ModuleType) -> None:
    assert Path(str(module.__file__)) in deciding_files()


def test_after_images_came_went_and_moved_all_is_as_in_a_new_work_dir(runs: Runs) -> None:
    assert runs.run() == 0
    runs.add(7)
    (runs.photos / "1 low.jpg").unlink()
    (runs.photos / "2.jpg").rename(runs.photos / "2 renamed.jpg")
    shutil.copyfile(runs.photos / "3.jpg", runs.photos / "3 again.jpg")
    remembered = runs.run()
    assert "since the last run: images 5 added, 0 changed, 1 moved, 1 removed, 14 unchanged" in runs.said
    assert remembered > 0
    assert runs.run("clean") == 0
    assert runs.results() == runs.results("clean")
    for path in runs.photos.glob("7*"):
        path.unlink()
    assert runs.run() >= remembered - 1  # those of the image that was removed are no longer asked
    shutil.rmtree(runs.top / "clean")
    runs.run("clean")
    assert runs.results() == runs.results("clean")


def test_images_that_come_back_from_a_backup_are_not_compared_again(runs: Runs) -> None:
    runs.run()
    first = runs.results()
    shutil.copytree(runs.photos, runs.top / "backup")
    for path in runs.photos.glob("[13]*"):
        path.unlink()
    runs.run()
    runs.add(7)
    runs.run()
    shutil.rmtree(runs.photos)
    shutil.copytree(runs.top / "backup", runs.photos)
    remembered = runs.run()
    assert "images computed" not in runs.said
    assert runs.results() == first
    compared = json.loads(pl.read_parquet_metadata(runs.top / "out" / "evidence.parquet")["counts"])["compared"]
    assert remembered == compared > 0


def test_an_image_that_was_edited_is_compared_again(runs: Runs) -> None:
    runs.run()
    shutil.copyfile(runs.photos / "3.jpg", runs.photos / "0.jpg")
    runs.run()
    runs.run("clean")
    assert runs.results() == runs.results("clean")


def test_a_note_in_one_of_two_equal_files_makes_them_files_of_equal_pixels(runs: Runs) -> None:
    twin = runs.photos / "0 twin.jpg"
    shutil.copyfile(runs.photos / "0.jpg", twin)
    runs.run()
    data = twin.read_bytes()
    twin.write_bytes(data[:2] + b"\xff\xfe\x00\x06note" + data[2:])
    runs.run()
    runs.run("clean")
    assert runs.results() == runs.results("clean")
    relations = pl.read_parquet(runs.top / "out" / "evidence.parquet").filter(pl.col("a") == bytes(twin))["relation"]
    assert "pixels" in relations
    assert "exact" not in relations


def test_a_fine_pattern_does_not_hide_that_pixels_are_equal(runs: Runs) -> None:
    picture = np.asarray(photo_like(1, 1600, 1200), np.float32).copy()
    picture[:, :800] += 50 * np.cos(0.97 * np.pi * np.arange(800, dtype=np.float32))[:, None]
    jpeg = runs.photos / "fine.jpg"
    save_jpeg(jpeg, Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)), 92)
    Image.open(jpeg).save(jpeg.with_suffix(".png"))
    runs.run()
    evidence = pl.read_parquet(runs.top / "out" / "evidence.parquet").filter(pl.col("a") == bytes(jpeg))
    assert evidence["similarity"].max() < 0.998  # type: ignore[operator]
    assert evidence["relation"].to_list() == ["pixels"]


def test_findings_with_other_settings_or_damaged_ones_are_not_used(runs: Runs) -> None:
    runs.run()
    assert runs.run(bounding_box="rows=0,cols=0,width=300,height=240") == 0
    runs.run()
    (runs.top / "out" / "findings.parquet").write_bytes(b"PAR1 nonsense PAR1")
    runs.add(7)
    assert runs.run() == 0
    runs.run("clean")
    assert runs.results() == runs.results("clean")
