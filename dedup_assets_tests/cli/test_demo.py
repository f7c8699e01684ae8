"""The demo finds the known copies, says what it missed, and exits with a matching code."""

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dedup_assets.cli import main
from dedup_assets.cli.demo import compare
from dedup_assets.cli.samples import make_samples

pytest.importorskip("skimage.data", reason="needs the [samples] extra")
pytestmark = pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run:DeprecationWarning")  # Dagster's own


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "new, folder"


@pytest.fixture(scope="module")
def outcome(folder: Path) -> Result:
    return CliRunner().invoke(main, ["demo", str(folder)])


def test_the_demo_succeeds_on_a_new_folder(outcome: Result) -> None:
    assert outcome.exit_code == 0, outcome.output


@pytest.mark.parametrize("kind", ["exact copy", "recompressed", "resized"])
def test_every_copy_of_the_sure_kinds_is_found(outcome: Result, kind: str) -> None:
    found = re.search(rf"{kind}.* (\d+) of (\d+) found", outcome.output)
    assert found
    assert found[1] == found[2] != "0"


@pytest.mark.parametrize("kind", ["cropped", "brightened", "mirrored", "second camera", "without a copy"])
def test_kinds_that_are_not_sure_are_reported_with_what_was_missed(outcome: Result, kind: str) -> None:
    assert re.search(rf"{kind}.* \d+ of \d+ ", outcome.output)


def test_broken_files_are_named_with_their_reasons(outcome: Result) -> None:
    assert re.search(r"broken files +2 of 2 named", outcome.output)
    assert re.search(r"truncated\.jpg: ERROR_TRUNCATED_IMAGE", outcome.output)


def test_the_gallery_that_it_names_is_there(outcome: Result, folder: Path) -> None:
    assert str(folder / "results/gallery/index.html") in outcome.output.replace("\n", "")
    assert (folder / "results/gallery/index.html").is_file()


def test_an_answer_with_a_miss_a_wrong_pair_and_an_unnamed_file_does_not_hold(
    outcome: Result, folder: Path, tmp_path: Path
) -> None:
    samples, photos, results = make_samples(str(folder)), folder / "photos", tmp_path / "results"
    assert outcome.exit_code == 0
    shutil.copytree(folder / "results", results)
    assert compare(samples, str(photos), str(results)).holds
    (results / "config.json").unlink()  # it holds the hashes of the files that the next lines replace
    wrong = f'"{photos}/originals/coffee.png","{photos}/originals/page.png",0.990000\n'
    (results / "similarity.csv").write_text(f"from,to,distance\n{wrong}")
    (results / "features.bad.csv").write_text("index,filename,error_code,filesize,error\n")
    found = compare(samples, str(photos), str(results))
    assert not found.holds
    assert all(listed == 0 for listed, _ in found.copies.values())
    assert found.wrong == [("originals/coffee.png", "originals/page.png", 0.99)]
    assert sorted(found.unnamed) == ["broken/no image.jpg", "broken/truncated.jpg"]


def test_a_folder_that_is_not_the_demos_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused = CliRunner().invoke(main, ["demo", str(tmp_path)])
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    assert "did not make" in refused.stderr
