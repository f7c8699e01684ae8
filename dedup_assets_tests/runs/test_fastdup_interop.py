"""fastdup 2.x and this package read each other's work_dirs.

fastdup needs Python below 3.13 and numpy below 2, so it runs in a process of its own. DEDUP_FASTDUP_PYTHON names an
interpreter that has it; without it this one is tried. Without fastdup all tests but that of faiss skip.
"""

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

import dedup_assets
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

SAY = "__result__"


@pytest.fixture(scope="session")
def fastdup_python() -> str:
    """An interpreter that has fastdup; skips without one."""
    named = os.environ.get("DEDUP_FASTDUP_PYTHON")
    if named:
        return named
    if importlib.util.find_spec("fastdup") is None:
        pytest.skip("fastdup is not installed; DEDUP_FASTDUP_PYTHON can name an interpreter that has it")
    return sys.executable


def ask(python: str, expression: str, cwd: Path) -> Any:
    """The value of an expression in an interpreter that has imported fastdup, passed as JSON."""
    code = f"import fastdup, json\nprint({SAY!r} + json.dumps({expression}))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "SENTRY_OPT_OUT": "True"
    }
    done = subprocess.run(
        [python, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rsplit(SAY, 1)[1])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def pairs(path: Path) -> set[frozenset[str]]:
    return {frozenset((Path(row["from"]).name, Path(row["to"]).name)) for row in rows(path)}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures, a copy, and two files that are no pictures."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(8):
        save_jpeg(folder / f"{number}.jpg", photo_like(number))
    save_jpeg(folder / "copy of 2.jpg", photo_like(2))
    (folder / "1 broken.jpg").write_bytes(bytes(range(256)) * 12)
    (folder / "empty.jpg").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def ours(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work_dir that this package wrote."""
    work_dir = tmp_path_factory.mktemp("ours")
    assert dedup_assets.run(photos, work_dir) == 0
    return work_dir


@pytest.fixture(scope="module")
def theirs(fastdup_python: str, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work_dir that fastdup wrote, of a train set with bad files."""
    work_dir = tmp_path_factory.mktemp("theirs")
    assert ask(fastdup_python, f"fastdup.run({str(photos)!r}, work_dir={str(work_dir)!r})", work_dir) == 0
    return work_dir


@pytest.fixture(scope="module")
def their_test_set(fastdup_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features of a copy and an unrelated picture that fastdup extracted (its run_mode 1)."""
    folder, work_dir = tmp_path_factory.mktemp("their_images"), tmp_path_factory.mktemp("their_test_set")
    save_jpeg(folder / "again 5.jpg", photo_like(5))
    save_jpeg(folder / "stranger.jpg", photo_like(77))
    assert ask(fastdup_python, f"fastdup.run({str(folder)!r}, work_dir={str(work_dir)!r}, run_mode=1)", work_dir) == 0
    return work_dir


def test_fastdup_loads_our_features(fastdup_python: str, ours: Path) -> None:
    # The file, because in a folder fastdup looks for atrain_features.dat.
    load = f"fastdup.load_binary_feature({str(ours / 'features.dat')!r})"
    names, shape, row = ask(
        fastdup_python, f"(lambda got: [got[0], list(got[1].shape), got[1][3].tolist()])({load})", ours
    )
    our_names, vectors = dedup_assets.load_binary_feature(ours)
    assert (names, shape) == (our_names, [9, 576])
    assert np.array_equal(np.array(row, np.float32), vectors[3])


def test_fastdup_draws_a_gallery_of_our_pairs(fastdup_python: str, ours: Path, tmp_path: Path) -> None:
    call = f"fastdup.create_duplicates_gallery({str(ours / 'similarity.csv')!r}, save_path={str(tmp_path)!r})"
    assert ask(fastdup_python, call, tmp_path) == 0
    assert "copy of 2.jpg" in (tmp_path / "duplicates.html").read_text(encoding="utf-8")


def test_fastdup_draws_a_gallery_of_our_outliers(fastdup_python: str, photos: Path, tmp_path: Path) -> None:
    assert dedup_assets.run(photos, tmp_path / "work", lower_threshold=1) == 0
    call = f"fastdup.create_outliers_gallery({str(tmp_path / 'work' / 'outliers.csv')!r}, save_path={str(tmp_path)!r})"
    assert ask(fastdup_python, call, tmp_path) == 0
    assert (tmp_path / "outliers.html").exists()


def test_run_mode_2_of_fastdup_takes_our_work_dir_as_it_is(fastdup_python: str, ours: Path, tmp_path: Path) -> None:
    work_dir = tmp_path / "work"
    shutil.copytree(ours, work_dir)
    (work_dir / "similarity.csv").unlink()
    assert ask(fastdup_python, f"fastdup.run('', work_dir={str(work_dir)!r}, run_mode=2)", tmp_path) == 0
    assert frozenset(("2.jpg", "copy of 2.jpg")) in pairs(work_dir / "similarity.csv")
    assert len(rows(work_dir / "features.dat.csv")) == 9


def test_faiss_reads_our_index_in_the_order_of_the_names(ours: Path) -> None:
    index = faiss.read_index(str(ours / "faiss.index"))
    names, vectors = dedup_assets.load_binary_feature(ours)
    assert (index.ntotal, index.d) == (len(names), 576)
    _, found = index.search(np.ascontiguousarray(vectors), 1)
    assert all(np.allclose(vectors[row], vectors[hit]) for row, hit in enumerate(found[:, 0]))


def test_features_of_fastdup_load_by_folder_and_by_file(theirs: Path) -> None:
    for path in (theirs, theirs / "atrain_features.dat"):
        names, vectors = dedup_assets.load_binary_feature(path)
        assert (len(names), vectors.shape) == (9, (9, 576))


@pytest.mark.parametrize("source", [".", "atrain_features.dat"])
def test_mode_2_scores_features_of_fastdup_and_leaves_its_files(source: str, theirs: Path, tmp_path: Path) -> None:
    copy = copied(theirs, tmp_path)
    before = {path.name: path.read_bytes() for path in copy.glob("atrain_*")}
    assert dedup_assets.run("", copy / source, run_mode=2) == 0
    assert frozenset(("2.jpg", "copy of 2.jpg")) in pairs(copy / "similarity.csv")
    assert {path.name: path.read_bytes() for path in copy.glob("atrain_*")} == before
    bad_page = (copy / "gallery" / "bad_images.html").read_text(encoding="utf-8")
    assert "empty.jpg" in bad_page


def test_mode_4_scores_fastdups_test_set_against_fastdups_train_set_with_bad_files(
    theirs: Path, their_test_set: Path, tmp_path: Path
) -> None:
    copy = copied(theirs, tmp_path)
    assert faiss.read_index(str(copy / "nnf.index")).ntotal == 11  # bad files have rows as well
    assert dedup_assets.run(their_test_set, copy, run_mode=4, nearest_neighbors_k=1) == 0
    found = {Path(row["from"]).name: row for row in rows(copy / "test" / "similarity.csv")}
    assert Path(found["again 5.jpg"]["to"]).name == "5.jpg"
    assert float(found["again 5.jpg"]["distance"]) == 1
    for path in theirs.iterdir():
        assert not path.is_file() or (copy / path.name).read_bytes() == path.read_bytes(), path


@pytest.mark.parametrize("run_mode", [3, 4])
def test_vectors_of_fastdups_model_are_not_compared_with_those_of_ours(
    run_mode: int, theirs: Path, ours: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(ours if run_mode == 4 else photos, theirs, run_mode=run_mode) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "model fastdup" in message
    assert not (theirs / "test").exists()


def test_galleries_of_a_fastdup_work_dir_show_its_pairs_and_components(theirs: Path, tmp_path: Path) -> None:
    assert dedup_assets.create_duplicates_gallery(theirs / "similarity.csv", tmp_path) == 0
    assert dedup_assets.create_outliers_gallery(theirs, tmp_path) == 0
    assert dedup_assets.create_components_gallery(theirs, tmp_path) == 0
    assert "copy of 2.jpg" in (tmp_path / "duplicates.html").read_text(encoding="utf-8")
    # fastdup counts edges twice and numbers images by their place in the listing, bad files included.
    page = (tmp_path / "components.html").read_text(encoding="utf-8")
    assert "copy of 2.jpg" in page
    assert "2 images" in page


def copied(folder: Path, to: Path) -> Path:
    """Copy the files of a folder, so that a test can change them; returns the copy."""
    for path in folder.iterdir():
        if path.is_file():
            (to / path.name).write_bytes(path.read_bytes())
    return to
