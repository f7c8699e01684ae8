"""Evidence and groups of a folder of real files: what each edit is found to be, and what proves nothing."""

import os
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image, ImageOps
from polars.testing import assert_frame_equal

import dedup_assets
from dedup_assets.engine.core.match_records import BORDER_ADDED, PAGE_ADDED, TOO_UNLIKE, Evidence, Groups
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.records import Pairs
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.evidence.explaining import in_words
from dedup_assets.engine.matching import find_candidates, form_groups, gather_evidence
from dedup_assets.engine.work_dir import WorkDir, files, index_file
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


@dataclass(frozen=True)
class Matched:
    """What was found in a folder."""

    evidence: Evidence
    groups: Groups
    candidates: pl.DataFrame
    counted: int

    def relation(self, one: str, other: str) -> str | None:
        a, b = sorted((one, other))
        found = [row for row in self.short_rows() if (row[0], row[1]) == (a, b)]
        return found[0][2] if found else None

    def short_rows(self) -> list[tuple[str, str, str, str]]:
        rows = self.evidence.rows.sort("residual", nulls_last=True).select("a", "b", "relation", "kind").iter_rows()
        return [(short(a), short(b), relation, kind) for a, b, relation, kind in rows]

    def groups_by_keep(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for filename, keep in self.groups.rows.select("filename", "keep").iter_rows():
            found.setdefault(short(keep), set()).add(short(filename))
        return found


def short(name: bytes) -> str:
    return os.fsdecode(name).rpartition("/")[2]


def match(work_dir: Path, **values: Any) -> Matched:
    """Candidates, evidence and groups of a work_dir whose features and similarities are there."""
    settings, folder, progress = (
        Settings.parse(work_dir=str(work_dir), **values),
        WorkDir(str(work_dir)),
        ProgressReporter(),
    )
    features = files.read_features(folder)
    index = index_file.read_index(folder, settings.distance)
    candidates = find_candidates(settings, features, index, folder)
    pairs = files.read_pairs(folder, files.SIMILARITY)
    evidence = gather_evidence(settings, features, candidates, pairs, folder, progress)
    return Matched(evidence, form_groups(evidence), candidates, progress.done)


def fill(folder: Path) -> None:
    """A photograph with its edits, another one, a broken file, archives and animations."""
    picture = photo_like(1, 640, 480)
    save_jpeg(folder / "original.jpg", picture, 95)
    (folder / "exact.jpg").write_bytes((folder / "original.jpg").read_bytes())
    with Image.open(folder / "original.jpg") as opened:
        opened.save(folder / "pixels.png")
    save_jpeg(folder / "small_quality.jpg", picture, 30)
    save_jpeg(folder / "cropped.jpg", picture.crop((60, 40, 580, 430)), 90)
    save_jpeg(folder / "mirrored.jpg", ImageOps.mirror(picture), 90)
    save_jpeg(folder / "unrelated.jpg", photo_like(2, 640, 480))
    (folder / "broken.jpg").write_bytes((folder / "original.jpg").read_bytes()[:400])
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.write(folder / "original.jpg", "member.jpg")
    still = photo_like(3, 320, 240)
    still.save(folder / "still.gif")
    still.save(folder / "moving.gif", save_all=True, append_images=[photo_like(4, 320, 240)])
    (folder / "moving_again.gif").write_bytes((folder / "moving.gif").read_bytes())
    for number, shade in enumerate(("black", "black", "white")):
        Image.new("RGB", (200, 100), shade).save(folder / f"flat_{number}.png")
    Image.new("RGB", (300, 100), "black").save(folder / "flat_wide.png")


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features, index and similarities of the folder of `fill`."""
    folder = tmp_path_factory.mktemp("edits")
    fill(folder / "in")
    assert dedup_assets.run(str(folder / "in"), str(folder / "out"), evidence="off", threshold=0.8, num_threads=2) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def matched(work_dir: Path) -> Matched:
    """The matches of that folder."""
    return match(work_dir, num_threads=2)


def test_edits_of_one_photograph_are_one_group_and_the_original_is_kept(matched: Matched) -> None:
    edits = {"exact.jpg", "pixels.png", "small_quality.jpg", "cropped.jpg", "mirrored.jpg", "member.jpg"}
    groups = matched.groups_by_keep()
    (kept,) = [keep for keep, members in groups.items() if "original.jpg" in members]
    assert groups[kept] == edits | {"original.jpg"}
    assert kept in {"original.jpg", "exact.jpg", "pixels.png", "member.jpg"}


def test_rows_say_what_was_done(matched: Matched) -> None:
    relations = {(a, b): (relation, kind) for a, b, relation, kind in matched.short_rows()}
    said = [(name, kind) for pair, (_, kind) in relations.items() for name in pair]
    assert any(name == "cropped.jpg" and "cropped to" in kind for name, kind in said)
    assert any(name == "mirrored.jpg" and "mirrored" in kind for name, kind in said)
    assert {relation for relation, _ in relations.values()} >= {"exact", "pixels", "copy"}


def test_counts_add_up(matched: Matched) -> None:
    counts, rows = matched.evidence.counts, matched.evidence.rows
    assert rows.height == sum(counts[name] for name in ("exact", "pixels", "copy", "variant", "unverified"))
    assert counts["candidates"] == matched.candidates.height
    assert counts["unreadable"] == 0
    assert counts["left_out"] == 0
    assert matched.counted > 0


def test_an_unrelated_photograph_is_in_no_group(matched: Matched) -> None:
    assert not any("unrelated.jpg" in members for members in matched.groups_by_keep().values())


def test_animations_match_only_exact_copies(matched: Matched) -> None:
    groups = matched.groups_by_keep()
    assert {"moving.gif", "moving_again.gif"} in groups.values()
    assert matched.relation("still.gif", "moving.gif") in (None, "unverified")


def test_pictures_that_show_nothing_match_only_exact_copies(matched: Matched) -> None:
    groups = matched.groups_by_keep()
    assert {"flat_0.png", "flat_1.png"} in groups.values()
    assert not any({"flat_2.png", "flat_wide.png"} & members for members in groups.values())


def test_any_number_of_threads_gives_the_same_evidence(work_dir: Path, matched: Matched) -> None:
    alone = match(work_dir, num_threads=1)
    assert_frame_equal(alone.evidence.rows, matched.evidence.rows)
    assert_frame_equal(alone.evidence.images, matched.evidence.images)
    assert_frame_equal(alone.groups.rows, matched.groups.rows)
    assert alone.evidence.counts == matched.evidence.counts


def test_a_transform_maps_pixels_of_b_onto_a(matched: Matched) -> None:
    (row,) = [
        row
        for row in matched.evidence.rows.filter(relation="copy").iter_rows(named=True)
        if {short(row["a"]), short(row["b"])} & {"cropped.jpg"} and row["residual"] is not None
    ]
    cropped_is_a = short(row["a"]) == "cropped.jpg"
    matrix = row["transform"]
    x, y = (matrix[2], matrix[5]) if not cropped_is_a else (-matrix[2], -matrix[5])
    assert (x, y) == pytest.approx((60, 40), abs=3)
    assert (matrix[0], matrix[4]) == pytest.approx((1, 1), abs=0.02)


def test_without_budget_nothing_is_compared_and_listed_pairs_are_unverified(work_dir: Path) -> None:
    found = match(work_dir, evidence_pairs_per_image=0)
    assert found.evidence.counts["compared"] == 0
    assert found.evidence.counts["left_out"] > 0
    assert {row[2] for row in found.short_rows()} == {"exact", "unverified"}


def test_listed_pairs_that_are_less_alike_than_candidates_are_called_so(work_dir: Path) -> None:
    settings, folder = Settings.parse(work_dir=str(work_dir), distance="euclidean"), WorkDir(str(work_dir))
    features = files.read_features(folder)
    names = {short(name): name for name in features.names}
    vectors = features.vectors.copy()
    vectors[features.names.to_list().index(names["unrelated.jpg"])] *= -1
    listed = [(names["original.jpg"], names[other], 0.6) for other in ("unrelated.jpg", "still.gif")]
    schema = files.read_pairs(folder, files.SIMILARITY).rows.schema
    pairs = Pairs(pl.DataFrame(listed, schema=schema, orient="row"))
    none = pl.DataFrame(schema={"a": pl.UInt32, "b": pl.UInt32, "alike": pl.Float64})
    turned = replace(features, vectors=vectors)
    evidence = gather_evidence(settings, turned, none, pairs, folder, ProgressReporter())
    said = {(short(a), short(b)): kind for a, b, kind in evidence.rows.select("a", "b", "kind").iter_rows()}
    assert said["original.jpg", "unrelated.jpg"] == TOO_UNLIKE
    assert said["original.jpg", "still.gif"] == ""
    assert set(evidence.rows["relation"]) == {"exact", "unverified"}


def test_evidence_that_is_off_is_empty(work_dir: Path) -> None:
    found = match(work_dir, evidence="off")
    assert (found.candidates.height, len(found.evidence), len(found.groups)) == (0, 0, 0)
    assert set(found.evidence.counts.values()) == {0}


def test_files_that_are_gone_are_unverified_and_counted(tmp_path: Path) -> None:
    picture = photo_like(5, 400, 300)
    for quality in (95, 60, 30):
        save_jpeg(tmp_path / "in" / f"{quality}.jpg", picture, quality)
    assert dedup_assets.run(str(tmp_path / "in"), str(tmp_path / "out"), evidence="off") == 0
    (tmp_path / "in" / "60.jpg").unlink()
    found = match(tmp_path / "out")
    assert found.evidence.counts["unreadable"] == 1
    assert found.groups_by_keep() == {"95.jpg": {"95.jpg", "30.jpg"}}
    assert {found.relation("60.jpg", other) for other in ("95.jpg", "30.jpg")} <= {"unverified", None}


def test_borders_and_pages_are_named_as_groups_expect() -> None:
    assert in_words({"border_a": 0.2}, True) == BORDER_ADDED
    assert in_words({"page_b": 0.2}, True) == PAGE_ADDED
