"""The sample photographs are made, and other files in their folder stay as they are."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError

from dedup_assets.cli import samples
from dedup_assets.cli.samples import MARKER, CopyKind, make_samples
from dedup_assets.engine.core.errors import InputError

pytest.importorskip("skimage.data", reason="needs the [samples] extra")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[samples.Sample]]:
    folder = tmp_path_factory.mktemp("samples")
    return folder, make_samples(str(folder))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_kind_of_copy_is_made_of_a_photograph_that_is_there(made: tuple[Path, list[samples.Sample]]) -> None:
    _, truth = made
    originals = {sample.subject for sample in truth if sample.kind is None}
    assert {sample.kind for sample in truth} == {None, *CopyKind}
    assert all(sample.subject in originals for sample in truth if sample.kind)


def test_the_files_on_disk_are_those_of_the_truth(made: tuple[Path, list[samples.Sample]]) -> None:
    folder, truth = made
    on_disk = {path.relative_to(folder / "photos").as_posix() for path in (folder / "photos").rglob("*.*")}
    assert on_disk == {sample.path for sample in truth}


def test_broken_files_cannot_be_read_and_all_others_can(made: tuple[Path, list[samples.Sample]]) -> None:
    folder, truth = made
    for sample in truth:
        path = folder / "photos" / sample.path
        if sample.broken:
            with pytest.raises((UnidentifiedImageError, OSError)), Image.open(path) as image:
                image.load()
        else:
            with Image.open(path) as image:
                image.load()


def test_an_exact_copy_has_a_comma_a_quote_and_a_space_in_its_name(made: tuple[Path, list[samples.Sample]]) -> None:
    _, truth = made
    assert all(set(', "') <= set(sample.path) for sample in truth if sample.kind is CopyKind.EXACT)


def test_samples_are_the_same_every_time(made: tuple[Path, list[samples.Sample]], tmp_path: Path) -> None:
    folder, truth = made
    assert make_samples(str(tmp_path / "again")) == truth
    assert digests(tmp_path / "again") == digests(folder)


def test_a_second_call_leaves_the_files_alone_and_restores_a_missing_one(tmp_path: Path) -> None:
    make_samples(str(tmp_path))
    photo, gone = tmp_path / "photos/originals/coffee.png", tmp_path / "photos/originals/page.png"
    before = photo.stat().st_mtime_ns
    gone.unlink()
    make_samples(str(tmp_path))
    assert photo.stat().st_mtime_ns == before
    assert gone.is_file()


def test_a_folder_with_files_of_somebody_else_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="did not make"):
        make_samples(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        make_samples(str(tmp_path / "demo"))


@pytest.mark.parametrize("name", ["originals/coffee.png", "my own.jpg"])
def test_a_changed_or_added_photograph_is_refused_and_kept(tmp_path: Path, name: str) -> None:
    make_samples(str(tmp_path))
    (tmp_path / "photos" / name).write_bytes(b"mine")
    with pytest.raises(InputError, match=r"not made by the demo, or was changed"):
        make_samples(str(tmp_path))
    assert (tmp_path / "photos" / name).read_bytes() == b"mine"


def test_a_folder_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text("{}")
    with pytest.raises(InputError, match="another version"):
        make_samples(str(tmp_path))


def test_without_scikit_image_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'dedup-assets\[samples\]'"):
        make_samples(str(tmp_path / "demo"))
    assert not (tmp_path / "demo").exists()
