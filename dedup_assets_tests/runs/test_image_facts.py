"""What is measured of each image: the same for exact copies, none for bad images, and odd images are found by it."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageFilter

import dedup_assets
from dedup_assets.engine.core.errors import SettingsError
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over twelve photographs, a copy, a blurred, a dark, a flat and a broken one."""
    photos, out = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("out")
    for seed in range(12):
        save_jpeg(photos / f"{seed:02d}.jpg", photo_like(seed))
    (photos / "copy.jpg").write_bytes((photos / "00.jpg").read_bytes())
    save_jpeg(photos / "blurred.jpg", photo_like(20).filter(ImageFilter.GaussianBlur(9)))
    save_jpeg(photos / "dark.jpg", photo_like(21).point(lambda level: level // 12))
    Image.fromarray(np.full((50, 400, 3), 200, np.uint8)).save(photos / "flat.png")
    (photos / "broken.jpg").write_bytes(b"no picture")
    assert dedup_assets.run(photos, out) == 0
    return out


def test_each_good_image_has_facts_in_the_order_of_the_features(results: Path) -> None:
    facts = dedup_assets.load(results).image_facts()
    names, _ = dedup_assets.load_binary_feature(results / "features.dat")
    assert facts["filename"].to_list() == names
    assert facts["index"].to_list() == list(range(16))
    by_name = {Path(row["filename"]).name: row for row in facts.to_dicts()}
    differing = {name for name, value in by_name["00.jpg"].items() if by_name["copy.jpg"][name] != value}
    assert differing == {"index", "filename"}
    flat = by_name["flat.png"]
    assert (flat["width"], flat["height"], flat["format"], flat["mean"], flat["blur"]) == (400, 50, "PNG", 200, 0)
    assert flat["file_size"] == (Path(flat["filename"])).stat().st_size
    assert "broken.jpg" not in by_name


def test_the_ends_of_each_fact_are_the_odd_images(results: Path) -> None:
    ends = dedup_assets.load(results).fact_outliers(share=1 / 16)
    assert dedup_assets.load(results).fact_outliers(share=0.01).equals(ends)  # one image at least
    found = {(row["fact"], row["end"]): Path(row["filename"]).name for row in ends.to_dicts()}
    assert found["mean", "low"] == "dark.jpg"
    assert found["blur", "low"] == found["uniformity", "high"] == found["aspect", "high"] == "flat.png"
    blur = dedup_assets.load(results).fact_outliers(share=0.2).filter(fact="blur")["filename"]
    assert {Path(name).name for name in blur} == {"flat.png", "blurred.jpg", "dark.jpg"}
    with pytest.raises(SettingsError, match=r"share=0\.6: must be more than 0 and at most 0\.5"):
        dedup_assets.load(results).fact_outliers(share=0.6)


def test_a_page_shows_images_in_the_order_of_a_fact(
    results: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert dedup_assets.create_stats_gallery(results, tmp_path, num_images=3) == 0
    page = (tmp_path / "stats.html").read_text()
    assert page.index("flat.png") < page.index("dark.jpg") < page.index("blurred.jpg")
    assert "00.jpg" not in page
    assert dedup_assets.create_stats_gallery(results / "image_facts.parquet", tmp_path, metric="mean") == 0
    page = (tmp_path / "stats.html").read_text()
    assert page.index("dark.jpg") < page.index("blurred.jpg") < page.index("flat.png")
    capfd.readouterr()
    assert dedup_assets.create_stats_gallery(results, tmp_path, metric="blurr") == 1
    assert "metric='blurr': allowed are file_size, width, height, unique, mean, stdv" in capfd.readouterr().err
    for called, meant in {"blurr": "blur", "bright": "mean", "sharpness": "blur", "heigth": "height"}.items():
        assert dedup_assets.create_stats_gallery(results, tmp_path, metric=called) == 1
        assert capfd.readouterr().err.endswith(f" (did you mean {meant!r}?)\n")


def test_features_from_arrays_have_no_facts(tmp_path: Path) -> None:
    dedup_assets.save_binary_feature(tmp_path, ["a.jpg", "b.jpg"], np.eye(2, 4, dtype=np.float32))
    assert dedup_assets.run("", tmp_path, run_mode=2) == 0
    assert not (tmp_path / "image_facts.parquet").exists()
    assert pl.read_csv(tmp_path / "similarity.csv").height == 0
