"""`run()` and the other functions work as users of fastdup call them."""

import csv
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import dedup_assets
import dedup_assets as fastdup
from dedup_assets.engine.core.errors import SettingsError, WorkDirError
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.pipeline.jobs import ASSETS_OF_MODE
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve different pictures, a recompressed copy, an exact copy with a wild name, an empty and a truncated file."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(12):
        save_jpeg(folder / f"{number:02d}.jpg", photo_like(number))
    save_jpeg(folder / "sub" / "recompressed.JPG", photo_like(3), quality=60)
    wild = os.fsdecode(b'a "quoted", copy\nof \xff 05.jpg')
    (folder / wild).write_bytes((folder / "05.jpg").read_bytes())
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "truncated.jpg").write_bytes((folder / "07.jpg").read_bytes()[:-600])
    return folder


@pytest.fixture(scope="module")
def results(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run over `photos`."""
    work_dir = tmp_path_factory.mktemp("results")
    assert dedup_assets.run(photos, work_dir) == 0
    return work_dir


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    """The content of every file but `.published.json`, which names the run, and notes of what was used last."""
    notes = {".published.json", ".used.json"}
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in notes)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_run_writes_every_documented_file(results: Path) -> None:
    documented = {
        "features.dat",
        "features.dat.csv",
        "features.bad.csv",
        "features.dat.bad",
        "similarity.csv",
        "outliers.csv",
        "faiss.index",
        "components_info.csv",
        "connected_components.csv",
        "evidence.csv",
        "groups.csv",
        "related.csv",
        "config.json",
    }
    assert documented <= {path.name for path in results.iterdir()}


def test_every_image_is_good_or_bad_and_bad_ones_have_a_reason(results: Path) -> None:
    bad = {Path(row["filename"]).name: row["error_code"] for row in rows(results / "features.bad.csv")}
    assert bad == {"empty.jpg": "ERROR_ZERO_SIZE_FILE", "truncated.jpg": "ERROR_TRUNCATED_IMAGE"}
    assert len(rows(results / "features.dat.csv")) == 14


def test_features_load_with_names_of_any_bytes(results: Path, photos: Path) -> None:
    names, vectors = dedup_assets.load_binary_feature(results / "features.dat")
    assert vectors.shape == (14, 576)
    assert vectors.dtype == np.float32
    assert all(Path(name).exists() for name in names)
    assert {os.fsencode(name) for name in names} == {
        os.fsencode(path)
        for path in photos.rglob("*")
        if path.suffix.lower() == ".jpg" and path.name not in {"empty.jpg", "truncated.jpg"}
    }


def test_copies_are_found_and_listed_closest_first(results: Path) -> None:
    pairs = [
        ({Path(row["from"]).name, Path(row["to"]).name}, float(row["distance"]))
        for row in rows(results / "similarity.csv")
    ]
    assert any("recompressed.JPG" in names and "03.jpg" in names for names, _ in pairs)
    assert any("05.jpg" in names and any("quoted" in name for name in names) for names, score in pairs if score == 1)
    scores = [score for _, score in pairs]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0.85


def test_components_have_a_row_for_each_good_image(results: Path) -> None:
    images = rows(results / "connected_components.csv")
    assert [int(row["__id"]) for row in images] == list(range(14))
    assert sum(int(row["count"]) for row in rows(results / "components_info.csv")) == 14


def test_a_second_run_computes_nothing_and_gives_the_same_bytes(
    results: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(results)
    assert dedup_assets.run(photos, results) == 0
    assert "images computed" not in capsys.readouterr().out
    assert contents(results) == before


def test_results_do_not_depend_on_the_number_of_threads(results: Path, photos: Path, tmp_path: Path) -> None:
    assert dedup_assets.run(photos, tmp_path, num_threads=1) == 0
    for name in ("features.dat", "similarity.csv", "faiss.index", "connected_components.csv"):
        assert (tmp_path / name).read_bytes() == (results / name).read_bytes(), name


def test_mode_1_then_mode_2_gives_what_mode_0_gives(results: Path, photos: Path, tmp_path: Path) -> None:
    assert dedup_assets.run(photos, tmp_path, run_mode=1) == 0
    assert not (tmp_path / "similarity.csv").exists()
    assert dedup_assets.run(work_dir=tmp_path / "features.dat", run_mode=2) == 0
    for name in ("similarity.csv", "outliers.csv", "components_info.csv", "faiss.index"):
        assert (tmp_path / name).read_bytes() == (results / name).read_bytes(), name


def test_mode_2_with_another_threshold_changes_the_pairs(photos: Path, tmp_path: Path) -> None:
    assert dedup_assets.run(photos, tmp_path, run_mode=1) == 0
    assert dedup_assets.run("", tmp_path, run_mode=2, threshold=0) == 0
    assert len(rows(tmp_path / "similarity.csv")) == 14 * 2


def test_offsets_select_a_half_open_range_that_may_start_at_zero(photos: Path, tmp_path: Path) -> None:
    assert dedup_assets.run(photos, tmp_path, run_mode=1, min_offset=0, max_offset=4) == 0
    assert len(rows(tmp_path / "features.dat.csv")) == 4


def test_a_python_list_is_an_input(photos: Path, tmp_path: Path) -> None:
    missing = photos / "not there.jpg"
    assert dedup_assets.run([photos / "00.jpg", str(photos / "01.jpg"), missing], tmp_path) == 0
    assert [Path(row["filename"]).name for row in rows(tmp_path / "features.dat.csv")] == ["00.jpg", "01.jpg"]
    assert [row["error_code"] for row in rows(tmp_path / "features.bad.csv")] == ["ERROR_MISSING_FILE"]
    settings = json.loads((tmp_path / "config.json").read_text())["settings"]
    assert settings["input_dir"] == [str(photos / "00.jpg"), str(photos / "01.jpg"), str(missing)]


@pytest.mark.parametrize(
    "make",
    [
        np.array,
        lambda paths: np.array([paths]).reshape(-1),
        pl.Series,
        lambda paths: pl.DataFrame({"filename": paths, "label": ["x"] * len(paths)}),
        tuple,
        iter,
    ],
)
@pytest.mark.parametrize("has_sets", [False, True])
def test_arrays_columns_and_data_frames_of_several_paths_are_inputs(
    photos: Path, tmp_path: Path, make: Callable[[list[str]], object], has_sets: bool
) -> None:
    paths = [str(path) for path in sorted(photos.glob("*.jpg"))[:3]]
    sets = {"train": paths[0], "test": paths[1]}
    given: Any = make(paths)
    more: dict[str, Any] = {"sets": sets, "max_leaks": 10} if has_sets else {"run_mode": 1}
    assert dedup_assets.run(given, tmp_path / "out", num_threads=1, **more) == 0
    assert sorted(dedup_assets.load_binary_feature(tmp_path / "out")[0]) == paths


def test_an_array_of_two_dimensions_and_a_picture_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in (np.array([["a.jpg", "b.jpg"]]), np.zeros((8, 8, 3), np.uint8)):
        assert dedup_assets.run(wrong, tmp_path / "out") == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "must be a path, a URL, or an iterable" in said


def test_run_md_examples_run(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert fastdup.run(str(photos), nn_provider="turi", nnmodel="brute_force") == 0
    assert fastdup.run(str(photos), nn_provider="faiss", faiss_mode="HSNW32") == 0
    names, features = fastdup.load_binary("features.dat")
    assert len(names) == len(features)
    assert fastdup.generate_duplicates_gallery("similarity.csv", save_path="report") == 0
    assert (tmp_path / "report" / "duplicates.html").read_text(encoding="utf-8").startswith("<!")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"threshold": 1.5}, "threshold=1.5"),
        ({"nn_provider": "annoy"}, "faiss, turi"),
        ({"turi_param": "run_cc=2"}, "run_cc"),
        ({"no_such_parameter": 1}, "no_such_parameter"),
        ({"faiss_mode": "NOPE"}, "NOPE"),
        ({"faiss_param": "nprobe=3"}, "efSearch"),
        ({"model_path": "no-such.onnx"}, "no-such.onnx"),
        ({"min_offset": 99}, "16 images"),
        ({"compute": "gpu"}, "CUDAExecutionProvider"),
    ],
)
def test_a_wrong_value_is_one_line_and_leaves_no_result(
    wrong: dict[str, object], said: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(photos, tmp_path / "out", **wrong) == 1  # type: ignore[arg-type]
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert {path.name for path in (tmp_path / "out").glob("*")} <= {".lock"}


@pytest.mark.parametrize("name", ["no such folder", "empty folder"])
def test_an_input_without_images_is_an_error_and_keeps_the_last_results(
    name: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty folder").mkdir()
    assert dedup_assets.run([photos / "00.jpg", photos / "01.jpg"], tmp_path / "out") == 0
    before = contents(tmp_path / "out")
    assert dedup_assets.run(tmp_path / name, tmp_path / "out") == 1
    assert name in capsys.readouterr().err
    assert contents(tmp_path / "out") == before


def test_an_input_of_broken_files_only_is_an_error_that_names_one(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run([photos / "empty.jpg"], tmp_path) == 1
    assert "ERROR_ZERO_SIZE_FILE" in capsys.readouterr().err
    assert not (tmp_path / "features.dat").exists()


def test_a_work_dir_that_is_a_file_is_one_line(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("mine")
    assert dedup_assets.run(photos, tmp_path / "taken") == 1
    assert "taken" in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "mine"


def test_version_prints_and_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dedup_assets.run("", tmp_path / "out", version=True) == 0
    assert dedup_assets.__version__ in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_saved_features_load_again(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((3, 7)).astype(np.float32)
    names = ["a.jpg", "b, c.jpg", 'd"\n.jpg']
    dedup_assets.save_binary_feature(tmp_path, names, vectors)
    loaded_names, loaded = dedup_assets.load_binary_feature(tmp_path)
    assert loaded_names == names
    assert np.array_equal(loaded, vectors)


def test_saving_what_is_not_float32_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="float32"):
        dedup_assets.save_binary_feature(tmp_path, ["a"], np.zeros((1, 3)))  # type: ignore[arg-type]


def test_loading_a_folder_without_features_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WorkDirError, match=r"features\.dat"):
        dedup_assets.load_binary_feature(tmp_path)


def test_galleries_of_outliers_and_components_are_pages(results: Path, tmp_path: Path) -> None:
    assert dedup_assets.create_outliers_gallery(results, tmp_path) == 0
    assert dedup_assets.create_components_gallery(results, tmp_path, num_images=5) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"outliers.html", "components.html"}


@pytest.mark.parametrize("kind", ["page", "link", "folder"])
def test_a_gallery_replaces_pages_of_its_own_and_nothing_else(
    kind: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, page = tmp_path / "site", tmp_path / "site" / "outliers.html"
    for number in (1, 2):
        assert dedup_assets.create_outliers_gallery(results, folder, num_images=number) == 0
    page.unlink()
    mine = tmp_path / "mine.html" if kind == "link" else page
    if kind == "folder":
        page.mkdir()
    else:
        mine.write_text("<title>Outliers of my own</title>")
    if kind == "link":
        page.symlink_to(mine)
    before = mine.read_bytes() if kind != "folder" else None
    capsys.readouterr()
    assert dedup_assets.create_outliers_gallery(results, folder) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "outliers.html" in said
    assert page.is_symlink() == (kind == "link")
    assert before is None or mine.read_bytes() == before


def test_a_gallery_of_a_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dedup_assets.create_duplicates_gallery(tmp_path / "similarity.csv", tmp_path) == 1
    assert "similarity.csv" in capsys.readouterr().err


def test_the_summary_gives_the_seconds_of_all_checks_together(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(photos, tmp_path / "out", num_threads=1) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("seconds: "))
    steps = {part.rpartition(" ")[0] for part in line.removeprefix("seconds: ").split(", ")}
    assets = set(ASSETS_OF_MODE[RunMode.EVERYTHING]) - {"similarity", "outliers"}  # one step makes both
    assert steps <= assets | {"nearest_neighbors", "checks"}


@pytest.mark.parametrize("name", ["links.csv", "similarity.csv", "gallery/duplicates.html"])
def test_a_file_of_others_in_the_way_ends_the_run_before_it_begins(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    theirs = tmp_path / name
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_text("mine")
    assert dedup_assets.run(photos, tmp_path) == 1
    assert name in capsys.readouterr().err
    assert theirs.read_text() == "mine"
    assert not (tmp_path / "shards").exists()


def test_similar_pairs_beyond_the_budget_are_counted_in_the_summary(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(photos, tmp_path / "out", evidence_pairs_per_image=0) == 0
    assert re.search(r"similar pairs not compared +[1-9]", capsys.readouterr().out)
