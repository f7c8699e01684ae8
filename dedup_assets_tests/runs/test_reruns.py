"""A second run on the same files keeps results that are still right and makes the others again."""

import gc
import resource
import shutil
import weakref
from pathlib import Path

import pytest

import dedup_assets
from dedup_assets.engine.core.records import FeatureStream, Manifest
from dedup_assets.engine.work_dir import WorkDir, files, manifest_file
from dedup_assets.pipeline import io_manager
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `photos` (two photographs, a copy, a broken file) and the results of a run in `out`.

    Tests share it; each leaves the results of a whole run.
    """
    top = tmp_path_factory.mktemp("reruns")
    (top / "photos").mkdir()
    save_jpeg(top / "photos" / "a.jpg", photo_like(1))
    save_jpeg(top / "photos" / "a copy.jpg", photo_like(1), quality=70)
    save_jpeg(top / "photos" / "b.jpg", photo_like(2))
    (top / "photos" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    assert run(top) == 0
    return top


def run(top: Path, **settings: object) -> int:
    return dedup_assets.run(top / "photos", top / "out", num_threads=1, **settings)


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and modification time of each file."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_second_run_over_the_same_files_leaves_the_gallery_as_it_is(place: Path) -> None:
    before = stamps(place / "out" / "gallery")
    assert run(place) == 0
    assert stamps(place / "out" / "gallery") == before
    assert run(place) == 0  # also after a run that wrote nothing
    assert stamps(place / "out" / "gallery") == before


def test_a_run_in_which_nothing_changed_starts_no_other_process(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert run(place) == 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run(place) == 0
    assert resource.getrusage(resource.RUSAGE_CHILDREN) == before


def test_a_gallery_shows_a_file_that_has_come(place: Path) -> None:
    save_jpeg(place / "photos" / "b again.jpg", photo_like(2))
    assert run(place) == 0
    assert "b again.jpg" in (place / "out" / "gallery" / "duplicates.html").read_text("utf-8")


def test_a_gallery_shows_a_file_that_has_another_size_by_now(place: Path) -> None:
    before = stamps(place / "out" / "gallery")
    save_jpeg(place / "photos" / "b.jpg", photo_like(2), quality=50)
    assert run(place) == 0
    assert stamps(place / "out" / "gallery") != before


def test_a_gallery_shows_the_settings_that_it_was_made_with(place: Path) -> None:
    before = stamps(place / "out" / "gallery")
    assert run(place, lower_threshold=0.4) == 0
    assert stamps(place / "out" / "gallery") != before


@pytest.mark.parametrize("lost", ["gallery/duplicates.html", "gallery/files-*", "config.json"])
def test_a_gallery_that_is_not_whole_is_made_again(place: Path, lost: str) -> None:
    (path,) = (place / "out").glob(lost)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert run(place) == 0
    (folder,) = (place / "out" / "gallery").glob("files-*")
    assert any(folder.rglob("*.jpg"))
    assert folder.name in (place / "out" / "gallery" / "duplicates.html").read_text("utf-8")


def test_a_page_that_somebody_changed_is_made_again(place: Path) -> None:
    assert run(place) == 0
    page = place / "out" / "gallery" / "index.html"
    written = page.read_bytes()
    page.write_bytes(b"changed")
    assert run(place) == 0
    assert page.read_bytes() == written


def test_no_result_is_held_in_memory_once_it_is_stored(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing of millions must not stay until the end, nor pairs and edges."""
    held: list[weakref.ref[Manifest]] = []
    alive: list[bool] = []

    def note(work_dir: WorkDir, manifest: Manifest) -> None:
        held.append(weakref.ref(manifest))
        manifest_file.write_manifest(work_dir, manifest)

    def look(work_dir: WorkDir, stream: FeatureStream) -> None:
        gc.collect()
        alive.append(held[0]() is not None)
        files.write_features(work_dir, stream)

    monkeypatch.setitem(io_manager._WRITERS, Manifest, note)
    monkeypatch.setitem(io_manager._WRITERS, FeatureStream, look)
    assert run(place) == 0
    assert alive == [False]
