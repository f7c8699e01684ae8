"""Run modes (docs/reference.md) score test sets against a train set, and split extraction over processes."""

import csv
import json
import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import faiss
import numpy as np
import pytest
from PIL import Image

import dedup_assets
from dedup_assets_tests.support.gallery_pages import read_words
from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

RESULTS = (
    "features.dat",
    "features.dat.csv",
    "features.bad.csv",
    "features.dat.bad",
    "similarity.csv",
    "outliers.csv",
    "components_info.csv",
    "connected_components.csv",
    "evidence.csv",
    "groups.csv",
    "related.csv",
    "faiss.index",
)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def pairs(path: Path) -> dict[tuple[str, str], float]:
    return {(Path(row["from"]).name, Path(row["to"]).name): float(row["distance"]) for row in rows(path)}


def contents(folder: Path, without: str = "") -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in found
        if not without or without not in path.relative_to(folder).parts
    }


def extract_at_once(command_line: Runner, train: Path, work_dirs: Sequence[Path], cuts: Sequence[str]) -> None:
    """Extract each part of a train set in a process of its own, all at the same time."""
    command = ["run", str(train)]
    outcomes = command_line.run_together(
        [
            [*command, str(work_dir), "--run-mode", "1", "--min-offset", low, "--max-offset", high]
            for work_dir, (low, high) in zip(work_dirs, pairwise(cuts), strict=True)
        ]
    )
    assert [outcome.exit_code for outcome in outcomes] == [0] * len(work_dirs), outcomes


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures, with broken files before, between and after them."""
    folder = tmp_path_factory.mktemp("train")
    for number in range(10):
        save_jpeg(folder / f"{number}.jpg", photo_like(number))
    for name in ("0 broken.jpg", "5 broken.jpg", "z broken.jpg"):
        (folder / name).write_bytes(b"\xff\xd8 no picture")
    return folder


@pytest.fixture(scope="module")
def test_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy and a recompressed copy of train pictures, two strangers, an empty file."""
    folder = tmp_path_factory.mktemp("test_set")
    save_jpeg(folder / "copy of 3.jpg", photo_like(3))
    save_jpeg(folder / "recompressed 7.jpg", photo_like(7), quality=60)
    save_jpeg(folder / "stranger a.jpg", photo_like(100))
    save_jpeg(folder / "stranger b.jpg", photo_like(101))
    (folder / "empty.jpg").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def trained(train: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run over the train set. Tests write only to its sub-folder `test`."""
    work_dir = tmp_path_factory.mktemp("trained")
    assert dedup_assets.run(train, work_dir) == 0
    return work_dir


@pytest.fixture(scope="module")
def extracted(test_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features of the test set, by run_mode 1."""
    work_dir = tmp_path_factory.mktemp("extracted")
    assert dedup_assets.run(test_set, work_dir, run_mode=1) == 0
    return work_dir


@pytest.fixture(scope="module")
def scored(trained: Path, test_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The train set with the test set scored by run_mode 3 at a low threshold. Tests do not write to it."""
    work_dir = tmp_path_factory.mktemp("scored") / "out"
    shutil.copytree(trained, work_dir)
    assert dedup_assets.run(test_set, work_dir, run_mode=3, threshold=0.2) == 0
    return work_dir


def test_mode_3_finds_the_train_images_that_test_images_copy(scored: Path, test_set: Path) -> None:
    found = pairs(scored / "test" / "similarity.csv")
    assert found["copy of 3.jpg", "3.jpg"] == 1
    assert found["recompressed 7.jpg", "7.jpg"] >= 0.9
    assert {Path(row["from"]).parent for row in rows(scored / "test" / "similarity.csv")} == {test_set}
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_mode_3_names_bad_test_images_and_writes_the_same_files_in_test(scored: Path, test_set: Path) -> None:
    folder = scored / "test"
    assert [(Path(row["filename"]).name, row["error_code"]) for row in rows(folder / "features.bad.csv")] == [
        ("empty.jpg", "ERROR_ZERO_SIZE_FILE")
    ]
    assert (folder / "features.dat.bad").read_text() == f"{test_set / 'empty.jpg'}\n"
    names, vectors = dedup_assets.load_binary_feature(folder / "features.dat")
    assert (len(names), vectors.shape) == (4, (4, 576))
    assert json.loads((folder / "config.json").read_text())["settings"]["run_mode"] == 3
    assert "copy of 3.jpg" in (folder / "gallery" / "duplicates.html").read_text(encoding="utf-8")


def test_the_gallery_of_a_test_set_says_what_was_not_compared(trained: Path, tmp_path: Path) -> None:
    fresh, work_dir = tmp_path / "fresh", tmp_path / "out"
    fresh.mkdir()
    shutil.copytree(trained, work_dir)
    save_jpeg(fresh / "new.jpg", photo_like(3))
    (fresh / "again.jpg").symlink_to("new.jpg")
    (fresh / "notes.txt").write_text("no picture")
    Image.new("RGB", (64, 64)).save(fresh / "black.png")
    assert dedup_assets.run(fresh, work_dir, run_mode=3) == 0
    words = read_words((work_dir / "test" / "gallery" / "index.html").read_text("utf-8"))
    assert "What was not compared" in words
    assert ".txt 1" in words
    assert "Images that show nothing flat, black or blank; only exact copies of them match 1" in words


def test_a_blank_picture_of_a_test_set_matches_exact_copies_alone(train: Path, tmp_path: Path) -> None:
    known, fresh = tmp_path / "known", tmp_path / "fresh"
    shutil.copytree(train, known)
    fresh.mkdir()
    Image.new("RGB", (64, 64)).save(known / "black.png")
    Image.new("RGB", (80, 60)).save(fresh / "other black.png")
    shutil.copy(known / "black.png", fresh / "same black.png")
    save_jpeg(fresh / "copy of 3.jpg", photo_like(3))
    assert dedup_assets.run(known, tmp_path / "out") == 0
    assert dedup_assets.run(fresh, tmp_path / "out", run_mode=3) == 0
    found = pairs(tmp_path / "out" / "test" / "similarity.csv")
    assert ("copy of 3.jpg", "3.jpg") in found
    assert {pair for pair in found if "black" in pair[0]} == {("same black.png", "black.png")}


@pytest.mark.parametrize("run_mode", [3, 4])
def test_the_train_run_stays_byte_identical(run_mode: int, trained: Path, test_set: Path, extracted: Path) -> None:
    before = contents(trained, without="test")
    assert dedup_assets.run(test_set if run_mode == 3 else extracted, trained, run_mode=run_mode, threshold=0.1) == 0
    assert contents(trained, without="test") == before


@pytest.mark.parametrize("source", [".", "features.dat"])
def test_mode_4_gives_what_mode_3_gives(source: str, scored: Path, trained: Path, extracted: Path) -> None:
    by_images = contents(scored / "test", without="shards")
    assert dedup_assets.run(extracted / source, trained, run_mode=4, threshold=0.2) == 0
    by_features = contents(trained / "test", without="shards")
    for name in ("features.dat", "features.dat.csv", "features.bad.csv", "similarity.csv", "outliers.csv"):
        assert by_features[name] == by_images[name], name


def test_mode_4_scores_its_own_result_again(scored: Path, tmp_path: Path) -> None:
    work_dir = tmp_path / "out"
    shutil.copytree(scored, work_dir)
    before = (work_dir / "test" / "features.dat").read_bytes()
    assert dedup_assets.run(work_dir / "test", work_dir, run_mode=4, threshold=0) == 0
    assert (work_dir / "test" / "features.dat").read_bytes() == before
    assert len(rows(work_dir / "test" / "similarity.csv")) <= 4 * 2


def test_outliers_of_a_test_set_are_unlike_every_train_image(trained: Path, test_set: Path) -> None:
    assert dedup_assets.run(test_set, trained, run_mode=3, lower_threshold=0.95) == 0
    outliers = rows(trained / "test" / "outliers.csv")
    assert {Path(row["from"]).name for row in outliers} == {"stranger a.jpg", "stranger b.jpg"}
    assert all(float(row["distance"]) < 0.95 for row in outliers)


def test_both_directions_find_the_same_pair(trained: Path, train: Path, test_set: Path, tmp_path: Path) -> None:
    assert dedup_assets.run(test_set, trained, run_mode=3, nearest_neighbors_k=1) == 0
    assert dedup_assets.run(test_set, tmp_path) == 0
    assert dedup_assets.run(train, tmp_path, run_mode=3, nearest_neighbors_k=1) == 0
    forth, back = pairs(trained / "test" / "similarity.csv"), pairs(tmp_path / "test" / "similarity.csv")
    assert forth["recompressed 7.jpg", "7.jpg"] == back["7.jpg", "recompressed 7.jpg"]
    assert forth["copy of 3.jpg", "3.jpg"] == back["3.jpg", "copy of 3.jpg"] == 1


def test_the_train_set_is_no_test_set_and_files_of_it_are_said(
    trained: Path, train: Path, test_set: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    some = [train / "0.jpg", train / "1.jpg", test_set / "copy of 3.jpg"]
    found = dedup_assets.analyze(some, trained, run_mode=3)
    assert found.warnings == ["2 of 3 images of the test set are files of the train set; each finds itself"]
    before = contents(trained)
    good = [train / f"{number}.jpg" for number in range(10)]
    for source, mode, count in ((train, 3, 13), (good, 3, 10), (trained, 4, 13)):
        capfd.readouterr()
        assert dedup_assets.run(source, trained, run_mode=mode) == 1
        message = capfd.readouterr().err
        assert message.startswith("dedup-assets: input_dir=")
        assert f": these {count} images are the train set in work_dir='{trained}'" in message
        assert message.count("\n") == 1
    assert contents(trained) == before
    assert dedup_assets.run([*good, test_set / "copy of 3.jpg"], trained, run_mode=3, nearest_neighbors_k=1) == 0
    found = pairs(trained / "test" / "similarity.csv")
    assert found == {(f"{number}.jpg", f"{number}.jpg"): 1.0 for number in range(10)} | {("copy of 3.jpg", "3.jpg"): 1}


def test_k_beyond_the_train_set_gives_all_of_it(trained: Path, test_set: Path) -> None:
    assert dedup_assets.run(test_set, trained, run_mode=3, nearest_neighbors_k=50, threshold=0) == 0
    found = rows(trained / "test" / "similarity.csv")
    everything = dedup_assets.load_binary_feature(trained / "test")[1] @ dedup_assets.load_binary_feature(trained)[1].T
    assert len(found) == int((np.round(everything, 6) >= 0).sum())


@pytest.mark.parametrize(
    "search",
    [
        {"distance": "manhattan", "faiss_mode": "Flat"},
        {"distance": "squared_euclidean", "nn_provider": "turi", "nnmodel": "ball_tree"},
        {"nn_provider": "turi", "nnmodel": "lsh"},
    ],
)
def test_other_metrics_and_providers_score_a_test_set(
    search: dict[str, str], trained: Path, extracted: Path, tmp_path: Path
) -> None:
    for name in ("features.dat", "features.dat.csv"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    assert dedup_assets.run("", tmp_path, run_mode=2, **search) == 0  # type: ignore[arg-type]
    assert dedup_assets.run(extracted, tmp_path, run_mode=4, threshold=0, **search) == 0  # type: ignore[arg-type]
    found = pairs(tmp_path / "test" / "similarity.csv")
    assert max(found, key=lambda pair: found[pair]) == ("copy of 3.jpg", "3.jpg")
    assert found["copy of 3.jpg", "3.jpg"] == 1


def test_a_python_list_is_a_test_set_and_is_kept_in_test(trained: Path, test_set: Path) -> None:
    before = contents(trained, without="test")
    assert dedup_assets.run([test_set / "copy of 3.jpg", test_set / "no such.jpg"], trained, run_mode=3) == 0
    assert contents(trained, without="test") == before
    assert pairs(trained / "test" / "similarity.csv")["copy of 3.jpg", "3.jpg"] == 1
    assert rows(trained / "test" / "features.bad.csv")[0]["error_code"] == "ERROR_MISSING_FILE"


def refused(capsys: pytest.CaptureFixture[str], *said: str) -> None:
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    for words in said:
        assert words in message


@pytest.mark.parametrize("run_mode", [3, 4])
def test_a_missing_index_is_one_line_that_says_how_to_build_it(
    run_mode: int, extracted: Path, test_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("features.dat", "features.dat.csv"):
        (tmp_path / name).write_bytes((extracted / name).read_bytes())
    assert dedup_assets.run(extracted if run_mode == 4 else test_set, tmp_path, run_mode=run_mode) == 1
    refused(capsys, "has no faiss.index", "run_mode=0 or 2")
    assert {path.name for path in (tmp_path / "test").glob("*")} <= {".lock"}


def test_another_metric_than_the_index_has_is_refused(
    trained: Path, extracted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(extracted, trained, run_mode=4, distance="manhattan") == 1
    refused(capsys, "'cosine'", "'manhattan'", "run_mode=2")


def test_another_dimension_is_refused(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dedup_assets.save_binary_feature(tmp_path, ["a.jpg"], np.ones((1, 5), np.float32))
    assert dedup_assets.run(tmp_path, trained, run_mode=4) == 1
    refused(capsys, "576", "gives 5")


@pytest.mark.parametrize("run_mode", [3, 4])
def test_another_model_of_the_same_dimension_is_refused(
    run_mode: int, trained: Path, test_set: Path, extracted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("features.dat", "features.dat.csv", "faiss.index"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    (tmp_path / "config.json").write_text('{"features": {"model_sha256": "0123456789abcdef", "dimension": 576}}')
    assert dedup_assets.run(extracted if run_mode == 4 else test_set, tmp_path, run_mode=run_mode) == 1
    refused(capsys, "0123456789ab", "extract the train set again")


def test_an_index_over_other_vectors_is_refused(
    trained: Path, extracted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("features.dat", "features.dat.csv"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    faiss.write_index(faiss.IndexFlat(576, faiss.METRIC_INNER_PRODUCT), str(tmp_path / "faiss.index"))
    assert dedup_assets.run(extracted, tmp_path, run_mode=4) == 1
    refused(capsys, "holds 0 vectors", "run_mode=2")


def test_mode_4_without_stored_features_says_so(
    trained: Path, test_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(test_set, trained, run_mode=4) == 1
    refused(capsys, "features.dat", str(test_set))


def test_nodes_with_work_dirs_of_their_own_are_united_by_mode_2(
    command_line: Runner, train: Path, trained: Path, tmp_path: Path
) -> None:
    extract_at_once(command_line, train, [tmp_path / name for name in "abc"], ["0", "5", "10", "13"])
    assert dedup_assets.run("", tmp_path, run_mode=2) == 0
    for name in RESULTS:
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes(), name


def test_nodes_that_share_a_work_dir_leave_the_union_there(
    command_line: Runner, train: Path, trained: Path, tmp_path: Path
) -> None:
    extract_at_once(command_line, train, [tmp_path] * 3, ["-1", "4", "9", "-1"])
    assert len(rows(tmp_path / "features.dat.csv")) == 10
    assert dedup_assets.run("", tmp_path, run_mode=2) == 0
    for name in RESULTS:
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes(), name


def test_ranges_of_one_work_dir_may_overlap_and_come_in_any_order(train: Path, trained: Path, tmp_path: Path) -> None:
    for low, high in ((6, 13), (0, 8)):
        assert dedup_assets.run(train, tmp_path, run_mode=1, min_offset=low, max_offset=high) == 0
    for name in RESULTS[:4]:
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes(), name


def test_ranges_of_another_input_are_no_part_of_the_union(train: Path, test_set: Path, tmp_path: Path) -> None:
    assert dedup_assets.run(test_set, tmp_path, run_mode=1, min_offset=0, max_offset=2) == 0
    assert dedup_assets.run(train, tmp_path, run_mode=1, min_offset=3, max_offset=5) == 0
    assert {Path(row["filename"]).parent for row in rows(tmp_path / "features.dat.csv")} == {train}


def test_a_part_that_comes_later_is_in_the_next_union(train: Path, tmp_path: Path) -> None:
    for name, low, high in (("a", 0, 5), ("b", 5, 9)):
        assert dedup_assets.run(train, tmp_path / name, run_mode=1, min_offset=low, max_offset=high) == 0
        assert dedup_assets.run("", tmp_path, run_mode=2) == 0
    assert len(rows(tmp_path / "features.dat.csv")) == 7


def test_a_name_in_two_parts_is_refused(train: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, low, high in (("a", 0, 5), ("b", 4, 9)):
        assert dedup_assets.run(train, tmp_path / name, run_mode=1, min_offset=low, max_offset=high) == 0
    capsys.readouterr()
    assert dedup_assets.run("", tmp_path, run_mode=2) == 1
    refused(capsys, "3.jpg", "is in two parts", str(tmp_path / "a"), str(tmp_path / "b"))
    assert not (tmp_path / "features.dat").exists()


def test_parts_of_two_dimensions_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, dimension in (("a", 3), ("b", 4)):
        dedup_assets.save_binary_feature(tmp_path / name, [f"{name}.jpg"], np.ones((1, dimension), np.float32))
    assert dedup_assets.run("", tmp_path, run_mode=2) == 1
    refused(capsys, "3 values", "of 4")


def test_parts_of_two_models_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        dedup_assets.save_binary_feature(tmp_path / name, [f"{name}.jpg"], np.ones((1, 4), np.float32))
        (tmp_path / name / "config.json").write_text(f'{{"features": {{"model_sha256": "{name}{name}"}}}}')
    assert dedup_assets.run("", tmp_path, run_mode=2) == 1
    refused(capsys, "model aa", "model bb")


def test_mode_2_without_features_says_so_and_leaves_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run("", tmp_path / "none", run_mode=2) == 1
    refused(capsys, "features.dat", "run_mode=1")
    assert {path.name for path in (tmp_path / "none").glob("*")} <= {".lock"}


def test_a_test_set_is_no_part_of_a_union(train: Path, extracted: Path, tmp_path: Path) -> None:
    assert dedup_assets.run(train, tmp_path / "a", run_mode=1, num_images=6) == 0
    for _ in range(2):
        assert dedup_assets.run("", tmp_path, run_mode=2) == 0
        assert dedup_assets.run(extracted, tmp_path, run_mode=4) == 0
    assert {Path(row["filename"]).parent for row in rows(tmp_path / "features.dat.csv")} == {train}


def test_a_range_of_bad_images_alone_is_in_the_union_and_loses_none(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for number in range(2):
        (photos / f"{number}.jpg").parent.mkdir(exist_ok=True)
        (photos / f"{number}.jpg").write_bytes(b"no picture")
    for number in range(2, 4):
        save_jpeg(photos / f"{number}.jpg", photo_like(number))
    work_dir = tmp_path / "work"
    for low, high in ((0, 2), (2, 4)):
        assert dedup_assets.run(photos, work_dir, run_mode=1, min_offset=low, max_offset=high) == 0
    assert dedup_assets.run("", work_dir, run_mode=2) == 0
    good = (work_dir / "features.dat.csv").read_text().splitlines()[1:]
    bad = (work_dir / "features.bad.csv").read_text().splitlines()[1:]
    assert [len(good), len(bad)] == [2, 2]


def test_a_union_of_bad_images_alone_is_refused_by_the_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.jpg").write_bytes(b"no picture")
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "work", run_mode=1, min_offset=0, max_offset=1) == 0
    assert dedup_assets.run("", tmp_path / "work", run_mode=2) == 1
    assert "no vector to search" in capsys.readouterr().err
