"""`analyze` returns what a run found, or raises."""

from pathlib import Path

import polars as pl
import pytest

import dedup_assets
from dedup_assets.api import Analysis
from dedup_assets.engine.core.errors import DedupError, SettingsError
from dedup_assets_tests.support.pictures import photo_like, save_jpeg

WILD = "copy <script>alert(1)<\u2215script>.jpg"


@pytest.fixture(scope="module")
def calls() -> list[tuple[int, int, str]]:
    return []


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[int, int, str]]) -> Analysis:
    """The results of five photographs, two of them with the same bytes, and a broken file."""
    photos = tmp_path_factory.mktemp("analyze") / "photos"
    for number in range(4):
        save_jpeg(photos / f"{number}.jpg", photo_like(number))
    (photos / WILD).write_bytes((photos / "1.jpg").read_bytes())
    (photos / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    return dedup_assets.analyze(photos, photos.parent / "out", progress=lambda *done: calls.append(done))


def test_an_analysis_has_tables_lists_and_figures(found: Analysis) -> None:
    assert found.pairs["similarity"].max() == pytest.approx(1.0)
    assert found.groups.height == 2
    assert [Path(name).name for name in found.to_drop] in ([WILD], ["1.jpg"])
    assert found.leaks.is_empty()
    assert found.outliers().columns == ["from", "to", "similarity"]
    assert (found.summary["good images"], found.summary["bad images"], found.summary["copies in groups"]) == (5, 1, 1)
    assert Path(found.gallery).exists()
    assert "1 copies in groups" in repr(found)


def test_what_a_notebook_shows_has_pictures_and_no_markup_of_names(found: Analysis) -> None:
    html = found._repr_html_()
    assert html.count("data:image/jpeg;base64,") == 2
    assert "copy &lt;script&gt;" in html
    assert "<script" not in html


def test_progress_is_given_to_the_caller(found: Analysis, calls: list[tuple[int, int, str]]) -> None:
    images = [(done, total) for done, total, unit in calls if unit == "images"]
    assert found.summary["good images"] == 5
    assert images[-1] == (6, 6)


def test_progress_that_is_no_function_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"progress='yes': must be a function"):
        dedup_assets.analyze(tmp_path / "nosuch", tmp_path / "out", progress="yes")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_leaks_between_sets_are_a_table(tmp_path: Path) -> None:
    for name in ("train", "test"):
        save_jpeg(tmp_path / name / "same.jpg", photo_like(1))
    save_jpeg(tmp_path / "train" / "other.jpg", photo_like(2))
    sets = {"train": tmp_path / "train", "test": tmp_path / "test"}
    found = dedup_assets.analyze(work_dir=tmp_path / "out", sets=sets)
    assert found.leaks.filter(pl.col("relation") == "exact").height == 1
    assert (found.summary["leaked images"], found.summary["leaked images to review"]) == (1, 0)
    assert found.warnings
    assert repr(found).endswith("; 1 of 1 test images are in train (max_leaks=0))")
    with pytest.raises(AttributeError, match=r"did you mean 'results.clusters'\?"):
        found.clusters  # noqa: B018
    with pytest.raises(AttributeError, match=r"did you mean 'leaks'\?"):
        found.leak  # noqa: B018


def test_an_error_is_raised_and_a_misspelt_word_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"unknown parameter 'treshold' \(did you mean 'threshold'\?\)"):
        dedup_assets.analyze(tmp_path, tmp_path / "out", treshold=0.9)
    with pytest.raises(SettingsError, match=r"distance='Cosin': .*\(did you mean 'cosine'\?\)"):
        dedup_assets.analyze(tmp_path, tmp_path / "out", distance="Cosin")
    with pytest.raises(DedupError, match="holds no image"):
        dedup_assets.analyze(tmp_path, tmp_path / "out")
    with pytest.raises(SettingsError, match="work_dir=''"):
        dedup_assets.analyze(tmp_path)
