"""A calibration says what thresholds find among a user's own images, from copies that it makes of them."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import dedup_assets
from dedup_assets.engine.calibration import advice
from dedup_assets.engine.calibration.bounds import highest_rate
from dedup_assets.engine.calibration.isotonic import fit_ascending
from dedup_assets.engine.calibration.measuring import Calibration
from dedup_assets.engine.pictures.edits import EDITS
from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

IMAGES = 16


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibration")
    for seed in range(IMAGES):
        save_jpeg(folder / "photos" / f"{seed:02}.jpg", photo_like(seed))
    (folder / "photos" / "again.jpg").write_bytes((folder / "photos" / "01.jpg").read_bytes())
    assert dedup_assets.run(folder / "photos", folder / "results") == 0
    return folder / "results"


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_the_picture_and_gives_the_same_again(name: str) -> None:
    picture = np.asarray(photo_like(1))
    edited = EDITS[name](picture, np.random.default_rng(1))
    assert (edited.dtype, edited.ndim, edited.shape[2]) == (np.uint8, 3, 3)
    assert np.array_equal(edited, EDITS[name](picture, np.random.default_rng(1)))
    assert np.array_equal(edited, picture) == (name == "recompressed")


def test_the_table_has_recall_and_false_pairs_by_threshold(command_line: Runner, results: Path) -> None:
    settings = (results / "config.json").read_bytes()
    done = command_line.run("calibrate", str(results), "--images", "6", "--num-threads", "2")
    assert done.exit_code == 0, done.said
    assert done.stdout.startswith("At 0.70 you would find ")
    assert done.stdout.count("of different images") == 4
    table = pl.read_csv(results / "calibration.csv")
    recalls = [f"recall_{name}" for name in EDITS]
    false = ["false_pairs", "pairs", "false_pairs_per_million", "false_pairs_per_million_at_most"]
    assert table.columns == ["threshold", "recall", *recalls, *false, "probability_same"]
    assert table["threshold"].to_list() == pytest.approx([step / 100 for step in range(101)])
    for column in ("recall", *recalls, *false):
        assert table[column].is_sorted(descending=True), column
    assert table["recall_recompressed"][85] > 0.9
    assert table["recall"][85] == pytest.approx(np.mean([table[column][85] for column in recalls]))
    assert table["false_pairs_per_million"][100] == 0  # exact copies of one group are no false pair
    assert table["pairs"].unique().to_list() == [IMAGES * (IMAGES + 1) // 2 - 1]  # without that of the exact copies
    rates = [1e6 * seen / pairs for seen, pairs in table.select("false_pairs", "pairs").iter_rows()]
    assert table["false_pairs_per_million"].to_list() == pytest.approx(rates)
    assert table["false_pairs_per_million_at_most"][100] == pytest.approx(1e6 * (1 - 0.05 ** (1 / table["pairs"][0])))
    assert table["probability_same"].null_count() == 101
    assert (results / "config.json").read_bytes() == settings
    page = (results / "calibration.html").read_text("utf-8")
    assert page.count("<polyline") == len(EDITS) + 2
    assert "<script" not in page


def test_the_same_results_give_the_same_figures_for_any_number_of_threads(results: Path) -> None:
    tables = []
    for threads in (1, 3):
        assert dedup_assets.api.calibrate(results, images=5, num_threads=threads) == 0
        tables.append((results / "calibration.csv").read_bytes())
    assert tables[0] == tables[1]
    assert dedup_assets.run(results.parent / "photos", results) == 0  # a later run goes on as before


def test_without_its_images_a_collection_cannot_be_calibrated(tmp_path: Path, command_line: Runner) -> None:
    save_jpeg(tmp_path / "photos" / "1.jpg", photo_like(1))
    save_jpeg(tmp_path / "photos" / "2.jpg", photo_like(2))
    assert dedup_assets.run(tmp_path / "photos", tmp_path / "out") == 0
    for path in (tmp_path / "photos").iterdir():
        path.unlink()
    done = command_line.run("calibrate", str(tmp_path / "out"))
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert "none of 2 images" in done.stderr


def test_an_ascending_fit_is_the_nearest_ascending_curve() -> None:
    places, values = np.array([3.0, 1, 2, 4, 5, 5]), np.array([0.0, 0, 1, 1, 0, 1])
    fitted = fit_ascending(places, values)
    assert fitted.tolist() == pytest.approx([0.5, 0, 0.5, 2 / 3, 2 / 3, 2 / 3])
    assert fit_ascending(np.empty(0), np.empty(0)).tolist() == []


def test_a_hundred_verdicts_give_a_probability(results: Path) -> None:
    photos = sorted((results.parent / "photos").glob("[01]*.jpg"))
    rows = ["relation,a,b"]
    for place, one in enumerate(photos):
        rows += [f"{'same' if place == 0 else 'different'},{one},{other}" for other in photos[place + 1 :]]
    given = results.parent / "given.csv"
    given.write_text("\n".join(rows) + "\n")
    shared = results.parent / "verdicts.csv"
    book = dedup_assets.api.VerdictBook(results, shared)
    assert len(book.load(given).added) == IMAGES * (IMAGES - 1) // 2
    (results / "verdicts.csv").write_bytes(shared.read_bytes())
    try:
        assert dedup_assets.api.calibrate(results, images=2) == 0
    finally:
        (results / "verdicts.csv").unlink()
    chance = pl.read_csv(results / "calibration.csv")["probability_same"]
    assert chance.null_count() == 0
    assert chance.is_sorted()
    assert 0 <= chance.min() <= chance.max() <= 1  # type: ignore[operator]  # numbers


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (0, "none of the {} (with 95% confidence at most 0.7 in a million)."),
        (2, "0.5 false pairs in a million {} (2 of 4,000,000 seen; with 95% confidence at most 1.6)."),
        (16, "4.0 false pairs in a million {} (16 of 4,000,000 seen; with 95% confidence at most 6.1)."),
        (8000, "2,000 false pairs in a million {} (8,000 of 4,000,000 seen)."),
    ],
)
def test_a_sentence_names_recall_and_how_many_false_pairs_stand_behind_their_rate(seen: int, said: str) -> None:
    pairs = 4_000_000
    row = {"threshold": 0.8, "recall": 0.93, **{f"recall_{name}": 0.5 for name in EDITS}, "pairs": pairs}
    row |= {"false_pairs": seen, "false_pairs_per_million": 1e6 * seen / pairs, "probability_same": 0.7}
    row["false_pairs_per_million_at_most"] = 1e6 * highest_rate(seen, pairs)
    told = advice(Calibration(pl.DataFrame([row]), 200, pairs, 120), 0.8)
    assert told.startswith("At 0.80 you would find 93% of edited copies (")
    listed = said.format("pairs of different images" if seen else "4,000,000 pairs of different images")
    assert f", and list {listed} Of pairs that are so similar, people called 70% the same picture." in told


@pytest.mark.parametrize(
    ("seen", "tries", "rate"),
    [
        *((0, 0, 1), (0, 10, 0.2588656), (1, 10, 0.3941633), (9, 10, 0.9948838), (10, 10, 1)),
        *((0, 1_000_000, 2.995728e-6), (18, 4_498_500, 5.933477e-6), (200_000, 4_498_500, 0.0446194)),
    ],
)
def test_the_highest_rate_is_that_of_clopper_and_pearson(seen: int, tries: int, rate: float) -> None:
    assert highest_rate(seen, tries) == pytest.approx(rate, rel=1e-5)  # as scipy.stats.beta.ppf(0.95, ...) has it


def test_the_gallery_links_the_curves_of_a_calibration_and_says_how_to_get_them(results: Path, tmp_path: Path) -> None:
    photos, first = results.parent / "photos", tmp_path / "out" / "gallery" / "index.html"
    assert dedup_assets.run(photos, tmp_path / "out") == 0
    assert "dedup-assets calibrate" in first.read_text("utf-8")
    assert dedup_assets.api.calibrate(tmp_path / "out", images=5, num_threads=1) == 0
    assert dedup_assets.run(photos, tmp_path / "out") == 0
    (address,) = re.findall(r'href="(\.\./calibration[^"]*)"', first.read_text("utf-8"))
    assert (first.parent / address).resolve() == tmp_path / "out" / "calibration.html"
