"""The help of `dedup-assets run`, and what it says about arguments that are missing or swapped."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dedup_assets.cli import main
from dedup_assets.cli.options import SECTIONS
from dedup_assets.engine.core.settings import Settings
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", *arguments])


def test_help_has_examples_and_sections_and_no_underscores_in_options() -> None:
    said = run("--help").output
    places = [said.index(f"\n{section}:\n") for section in ("Examples", *SECTIONS)]
    assert places == sorted(places)
    assert "-t, --threshold" in said
    shown = [line.split()[:2] for line in said.splitlines() if line.startswith("  -")]
    assert not [words for words in shown if any(word.startswith("--") and "_" in word for word in words)]


def test_every_setting_in_a_section_is_a_setting_in_one_section() -> None:
    named = [name for names in SECTIONS.values() for name in names]
    assert len(named) == len(set(named))
    assert set(named) <= {*Settings.model_fields, "help"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing arguments 'INPUT_DIR...' (what to read) and 'WORK_DIR'"),
        (["photos"], "One argument is given, and two are needed"),
        (["--set", "train=a", "--set", "test=b"], "Missing argument 'WORK_DIR' (where results go); --set names what"),
        (["--run-mode", "2"], "Missing argument 'WORK_DIR' (the results of a run)"),
        (["photos", "out", "--treshold", "1"], "'--threshold'"),
    ],
)
def test_what_is_missing_or_misspelt_is_named(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert done.output.count("\n") == 1
    assert done.output.endswith(" See: dedup-assets run --help\n")


@pytest.mark.parametrize("place", ["absent", "hidden", "results"])
def test_an_input_that_holds_nothing_leaves_no_trace(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / ".lock").touch()
    save_jpeg(tmp_path / "photos" / "1.jpg", photo_like(1))
    assert run("photos", "results", "--run-mode", "1").exit_code == 0
    assert f"input_dir={place!r}" in run(place, "out").output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--labels", "nosuch.csv"], "nosuch.csv"),
        (["--faiss-mode", "HNSV32"], "(did you mean 'HNSW32'?)"),
        (["--faiss-mode", "HNSW32", "--faiss-param", "efsearch=5"], "(did you mean 'efSearch'?)"),
        (["--include", "*.png"], "holds no image"),
        (["--model-path", "nosuch.onnx"], "nosuch.onnx"),
        (["--run-mode", "3"], "has no faiss.index"),
    ],
)
def test_a_run_that_is_refused_leaves_no_folder(
    given: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_jpeg(tmp_path / "photos" / "1.jpg", photo_like(1))
    before = sorted(tmp_path.rglob("*"))
    done = run("photos", "new/out", *given)
    assert done.exit_code == 1
    assert said in done.output
    assert len(done.output) < 500
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_is_missing_is_answered_with_one_like_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_jpeg(tmp_path / "Holiday-Photos" / "May" / "1.jpg", photo_like(1))
    for given, meant in (("holiday-photo", "Holiday-Photos"), ("holiday-photos/May", "Holiday-Photos/May")):
        said = run(given, "out").output
        assert said.startswith(f"dedup-assets: input_dir={given!r}: ")
        assert said.endswith(f"(did you mean {meant!r}?)\n")
    assert "did you mean" not in run("something else", "out").output


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (["--set", "foo"], "dedup-assets: sets=['foo']: 'foo' is not NAME=INPUT, such as train=photos/train"),
        (["--set", "a=b"], "name at least two sets, such as train=photos/train and test=photos/test"),
        (["--bounding-box", "3,4"], "allowed is, for example, 'rows=0,cols=0,width=640,height=400'"),
    ],
)
def test_a_wrong_value_is_answered_with_a_right_one(value: list[str], said: str, tmp_path: Path) -> None:
    done = run(*(["photos"] if value[0] != "--set" else []), str(tmp_path / "out"), *value)
    assert done.exit_code == 1
    assert said in done.output


def test_the_gallery_is_an_address_that_programs_recognise(tmp_path: Path) -> None:
    save_jpeg(tmp_path / "photos" / "1.jpg", photo_like(1))
    *others, last = run(str(tmp_path / "photos"), str(tmp_path / "my out")).stdout.splitlines()
    assert not any("largest component" in line for line in others)  # a single image is none
    assert last == f"gallery: {(tmp_path / 'my out' / 'gallery' / 'index.html').as_uri()}"


def test_no_option_is_without_a_section() -> None:
    assert "More options" not in run("--help").output


@pytest.mark.parametrize("folder", ["my photos", "my photos/2020/May"])
@pytest.mark.parametrize("place", ["absent", "empty"])
def test_swapped_arguments_are_noticed_and_nothing_is_written(
    place: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_jpeg(tmp_path / folder / "1.jpg", photo_like(1))
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    done = run(place, "my photos")
    assert done.exit_code == 2
    assert f"dedup-assets run 'my photos' {place}" in done.output
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (["y1", "y2"], "write: dedup-assets run y1 y2 results. "),
        (["y1", "y1"], "write: dedup-assets run y1 results. "),
        (["y1", "y2", "my year"], "write: dedup-assets run y1 y2 'my year' results. "),
        (["y1", "by month"], "write: dedup-assets run y1 'by month' results. "),
        (["y2", "--set", "a=y1", "--set", "b=y2"], "write: dedup-assets run y2 results and the options. "),
    ],
)
def test_a_folder_of_images_is_not_taken_for_that_of_results(
    given: list[str], right: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, folder in enumerate(["y1", "y2", "my year", "by month/May"]):
        save_jpeg(tmp_path / folder / "1.jpg", photo_like(number))
    (tmp_path / "y2" / "config.json").write_text('{"of": "another program"}')
    before = sorted(tmp_path.rglob("*"))
    done = run(*given)
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    assert right in done.output
    assert "name a new folder in it: " in done.output
    assert sorted(tmp_path.rglob("*")) == before


def test_results_may_go_beside_below_and_around_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_jpeg(tmp_path / "year" / "May" / "1.jpg", photo_like(1))
    save_jpeg(tmp_path / "gallery" / "files-1" / "1.jpg", photo_like(1))
    for work_dir in ("year/results", "year", "."):
        assert run("year/May", work_dir, "--run-mode", "1").exit_code == 0, work_dir
    (tmp_path / "year" / "config.json").unlink()
    assert "holds images" not in run("--set", "a=year/May", "--set", "b=gallery", "year", "--run-mode", "1").output


def test_a_folder_with_results_and_images_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_jpeg(tmp_path / "photos" / "1.jpg", photo_like(1))
    assert run("photos", "results", "--run-mode", "1").exit_code == 0
    save_jpeg(tmp_path / "results" / "note.jpg", photo_like(2))
    assert run("photos", "results", "--run-mode", "1").exit_code == 0
