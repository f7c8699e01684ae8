"""What each of fastdup's parameters does, seen in the files of a run."""

import csv
import shutil
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import faiss
import numpy as np
import pytest

import dedup_assets
from dedup_assets.engine.extraction.read_ahead import CHUNK_IMAGES
from dedup_assets_tests.support.deadly import repeating
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

ALIKE = 0.98  # recompressed copies are above, different pictures below
COPIES = {"copy of 0.jpg": 0, "copy of 1.jpg": 1}
Variant = Callable[..., Path]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def scores(folder: Path, name: str = "similarity.csv") -> list[float]:
    return [float(row["distance"]) for row in rows(folder / name)]


def pairs(folder: Path) -> set[frozenset[str]]:
    return {frozenset((Path(row["from"]).name, Path(row["to"]).name)) for row in rows(folder / "similarity.csv")}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten different pictures and recompressed copies of two of them."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(10):
        save_jpeg(folder / f"{number}.jpg", photo_like(number))
    for name, number in COPIES.items():
        save_jpeg(folder / name, photo_like(number), quality=80)
    return folder


@pytest.fixture(scope="module")
def extracted(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work_dir with features only."""
    folder = tmp_path_factory.mktemp("features")
    assert dedup_assets.run(photos, folder, run_mode=1) == 0
    return folder


@pytest.fixture(scope="module")
def variant(extracted: Path, tmp_path_factory: pytest.TempPathFactory) -> Variant:
    """Search the same features with other parameters, once each, and compare no pixels: these decide nothing there.

    Return the work_dir; tests do not write to it.
    """

    @cache
    def run(**parameters: object) -> Path:
        folder = tmp_path_factory.mktemp("variant") / "out"
        shutil.copytree(extracted, folder)
        assert dedup_assets.run(work_dir=folder, run_mode=2, evidence="off", **parameters) == 0  # type: ignore[arg-type]
        return folder

    return run


def test_threshold_cuts_what_is_stored(variant: Variant) -> None:
    assert pairs(variant(threshold=ALIKE)) == {
        frozenset(("0.jpg", "copy of 0.jpg")),
        frozenset(("1.jpg", "copy of 1.jpg")),
    }
    assert len(scores(variant(distance="cosine", threshold=0, nn_provider="faiss"))) == 12 * 2


def test_nearest_neighbors_k_is_the_number_of_neighbours_of_each_image(variant: Variant) -> None:
    assert len(scores(variant(threshold=0, nearest_neighbors_k=5))) == 12 * 5


def test_lower_threshold_decides_who_is_an_outlier(variant: Variant) -> None:
    assert scores(variant(lower_threshold=0), "outliers.csv") == []
    everyone_alone = variant(lower_threshold=ALIKE)
    assert {Path(row["from"]).name for row in rows(everyone_alone / "outliers.csv")} == {
        f"{n}.jpg" for n in range(2, 10)
    }
    assert scores(everyone_alone, "outliers.csv") == sorted(scores(everyone_alone, "outliers.csv"))


@pytest.mark.parametrize("distance", ["cosine", "euclidean", "squared_euclidean", "manhattan"])
@pytest.mark.parametrize("provider", [{"nn_provider": "faiss"}, {"nn_provider": "turi", "nnmodel": "brute_force"}])
def test_every_metric_sorts_the_closest_first_with_either_provider(
    distance: str, provider: dict[str, str], variant: Variant, extracted: Path
) -> None:
    found = variant(distance=distance, threshold=0, **provider)
    assert scores(found) == sorted(scores(found), reverse=True)
    assert all(0 <= score <= 1 for score in scores(found))
    first = rows(found / "similarity.csv")[0]
    names, vectors = dedup_assets.load_binary_feature(extracted)
    a, b = (vectors[names.index(first[side])].astype(np.float64) for side in ("from", "to"))
    lengths = {
        "euclidean": np.linalg.norm(a - b),
        "squared_euclidean": ((a - b) ** 2).sum(),
        "manhattan": np.abs(a - b).sum(),
    }
    expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b) if distance == "cosine" else 1 / (1 + lengths[distance])
    assert float(first["distance"]) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(
    "method",
    [
        {"nn_provider": "turi", "nnmodel": 0},
        {"nn_provider": "turi", "nnmodel": "ball_tree"},
        {"nn_provider": "turi", "turi_param": "nnmodel=2"},
        {"faiss_mode": "Flat"},
        {"faiss_mode": "HNSW16", "faiss_param": "efSearch=64,efConstruction=80"},
        {"faiss_mode": "IVF2,Flat", "faiss_param": "nprobes=2"},
        {"nn_provider": "nnf", "faiss_mode": "SQ8"},
    ],
)
def test_every_search_method_finds_the_copies_and_keeps_stderr_clean(
    method: dict[str, object], variant: Variant, capfd: pytest.CaptureFixture[str]
) -> None:
    assert pairs(variant(threshold=ALIKE, **method)) == {
        frozenset(("0.jpg", "copy of 0.jpg")),
        frozenset(("1.jpg", "copy of 1.jpg")),
    }
    assert capfd.readouterr().err == ""


def test_faiss_mode_is_the_kind_of_index_that_is_written(variant: Variant) -> None:
    for mode, kind in (
        ("HNSW32", faiss.IndexHNSWFlat),
        ("Flat", faiss.IndexFlat),
        ("IVF2,SQ8", faiss.IndexIVFScalarQuantizer),
    ):
        index = faiss.read_index(str(variant(threshold=ALIKE, faiss_mode=mode) / "faiss.index"))
        assert isinstance(index, kind), mode
        assert index.ntotal == 12


def test_ccthreshold_joins_images_independently_of_threshold(variant: Variant) -> None:
    sizes = [int(row["count"]) for row in rows(variant(turi_param="ccthreshold=0") / "components_info.csv")]
    assert max(sizes) > 2
    assert sum(sizes) == 12
    apart = rows(variant(turi_param="ccthreshold=1") / "components_info.csv")
    assert [int(row["count"]) for row in apart] == [1] * 12


def test_a_rising_threshold_splits_components(variant: Variant) -> None:
    counts = [
        len(rows(variant(turi_param=f"ccthreshold={threshold}") / "components_info.csv")) for threshold in (0, 0.94, 1)
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@pytest.mark.parametrize(
    ("switch", "column"), [("run_pagerank", "pagerank"), ("run_degree", "degree"), ("run_cc", "component_id")]
)
def test_a_part_of_the_graph_that_is_switched_off_has_no_column(switch: str, column: str, variant: Variant) -> None:
    everything = variant(turi_param="run_pagerank=1,run_degree=1,run_cc=1")
    assert column in rows(everything / "connected_components.csv")[0]
    assert column not in rows(variant(turi_param=f"{switch}=0") / "connected_components.csv")[0]


def test_num_images_keeps_the_first_of_the_listing(photos: Path, tmp_path: Path) -> None:
    assert dedup_assets.run(photos, tmp_path, run_mode=1, num_images=3) == 0
    assert [Path(row["filename"]).name for row in rows(tmp_path / "features.dat.csv")] == ["0.jpg", "1.jpg", "2.jpg"]


def test_a_bounding_box_crops_before_embedding(photos: Path, tmp_path: Path) -> None:
    save_jpeg(tmp_path / "crop" / "0.jpg", photo_like(0).crop((40, 20, 240, 180)), quality=95)
    assert (
        dedup_assets.run(
            photos / "0.jpg", tmp_path / "boxed", run_mode=1, bounding_box="rows=20,cols=40,width=200,height=160"
        )
        == 0
    )
    assert dedup_assets.run(tmp_path / "crop", tmp_path / "plain", run_mode=1) == 0
    (boxed,), (plain,) = (dedup_assets.load_binary_feature(tmp_path / name)[1] for name in ("boxed", "plain"))
    assert boxed @ plain > 0.97


def test_an_image_that_the_bounding_box_does_not_fit_is_bad_and_the_others_are_not(
    photos: Path, tmp_path: Path
) -> None:
    small = save_jpeg(tmp_path / "small.jpg", photo_like(0, 100, 100))
    box = "row_y=0,col_x=0,width=200,height=200"
    assert dedup_assets.run([small, photos / "1.jpg"], tmp_path / "out", run_mode=1, bounding_box=box) == 0
    assert [row["error_code"] for row in rows(tmp_path / "out" / "features.bad.csv")] == ["ERROR_BAD_BOUNDING_BOX"]


def test_verbose_shows_dagsters_log(photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert dedup_assets.run(photos, tmp_path, run_mode=1, verbose=True) == 0
    assert "STEP_SUCCESS" in "".join(capfd.readouterr())


def test_a_run_prints_the_number_of_good_and_bad_images(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.run(photos, tmp_path, run_mode=1) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "images good 12" in words
    assert "images bad 0" in words


@pytest.mark.parametrize("threads", [1, 3])
def test_num_threads_bounds_the_threads_that_compute(threads: int, photos: Path, tmp_path: Path) -> None:
    seen: set[str] = set()
    before = faiss.omp_get_max_threads()
    (tmp_path / "many").mkdir()
    for number in range(3 * CHUNK_IMAGES):  # enough images for each thread
        shutil.copy(photos / f"{number % 10}.jpg", tmp_path / "many" / f"{number}.jpg")
    with repeating(lambda: seen.update(thread.name for thread in threading.enumerate()), 0.001):
        assert dedup_assets.run(tmp_path / "many", tmp_path / "out", num_threads=threads) == 0
    # Threads that embed and threads that ask for thumbnails are numbered from 0 in each pool.
    assert {name for name in seen if name.startswith("lane")} == {f"lane_{number}" for number in range(threads)}
    assert faiss.omp_get_max_threads() == before
