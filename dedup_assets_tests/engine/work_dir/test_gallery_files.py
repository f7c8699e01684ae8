"""The gallery is replaced as a whole, on disks and on stores."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import fsspec
import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.core.records import Gallery
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.gallery_files import _write_local, write_gallery
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.journal import Journal, write_journal
from dedup_assets.engine.work_dir.ownership import PublishedFile
from dedup_assets.engine.work_dir.writing import temporary_beside

FIRST = Gallery(
    {"index.html": "é files-1", "b.html": "files-1"}, "files-1", [("style.css", b"a"), ("thumbs/000/0.jpg", b"b")]
)
SECOND = Gallery(
    {"index.html": "files-2", "b.html": "files-2"}, "files-2", [(f"thumbs/000/{n}.jpg", b"c") for n in range(200)]
)


def test_pages_and_what_they_load_stand_in_the_folder(tmp_path: Path) -> None:
    write_gallery(WorkDir(str(tmp_path)), FIRST)
    folder = tmp_path / "gallery"
    assert (folder / "index.html").read_text("utf-8") == "é files-1"
    assert sorted(path.name for path in folder.iterdir()) == ["b.html", "files-1", "index.html"]
    assert (folder / "files-1/thumbs/000/0.jpg").read_bytes() == b"b"


def test_the_next_gallery_takes_the_place_of_the_former(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    write_gallery(work_dir, FIRST)
    temporary_beside(tmp_path / "gallery" / "files-0").mkdir()  # of a run that was killed
    write_gallery(work_dir, SECOND)
    write_gallery(work_dir, SECOND)
    assert sorted(path.name for path in (tmp_path / "gallery").iterdir()) == ["b.html", "files-2", "index.html"]
    assert len(list((tmp_path / "gallery").rglob("*.jpg"))) == 200


def test_pages_that_the_next_gallery_lacks_go_and_pages_of_others_stay(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    former = Gallery({**FIRST.pages, "c.html": "<script src='files-1/data.js'>"}, FIRST.folder, FIRST.files)
    with generation(work_dir, "a run") as view:
        write_gallery(view, former)
    (tmp_path / "gallery" / "notes.html").write_text("mine")
    with generation(work_dir, "a run") as view:
        write_gallery(view, SECOND)
    left = sorted(path.name for path in (tmp_path / "gallery").iterdir())
    assert left == ["b.html", "files-2", "index.html", "notes.html"]


def test_a_former_gallery_that_a_killed_run_left_goes_with_the_next_run(tmp_path: Path) -> None:
    work_dir = WorkDir(str(tmp_path))
    write_gallery(work_dir, FIRST)
    write_gallery(work_dir, SECOND)
    _write_local(work_dir.within("gallery"), FIRST)
    # The run is killed when all files are in place and before the journal is removed.
    pages = {name: (tmp_path / name).read_bytes() for name in ("gallery/b.html", "gallery/index.html")}
    noted = {name: PublishedFile(len(page), sha256(page).hexdigest()) for name, page in pages.items()}
    write_journal(work_dir, Journal("0" * 32, noted))
    with generation(work_dir, "the next"):
        pass
    assert sorted(path.name for path in (tmp_path / "gallery").iterdir()) == ["b.html", "files-2", "index.html"]


def test_a_gallery_that_fails_half_way_leaves_the_former_whole(tmp_path: Path) -> None:
    def break_off() -> Iterator[tuple[str, bytes]]:
        yield "style.css", b"new"
        raise OSError(28, "No space left on device")

    work_dir = WorkDir(str(tmp_path))
    write_gallery(work_dir, FIRST)
    with pytest.raises(WorkDirError, match="No space left"):
        write_gallery(work_dir, Gallery({"index.html": "new"}, "files-3", break_off()))
    assert sorted(path.name for path in (tmp_path / "gallery").iterdir()) == ["b.html", "files-1", "index.html"]
    assert (tmp_path / "gallery/index.html").read_text("utf-8") == "é files-1"


def test_a_store_holds_the_same(store: str) -> None:
    work_dir = WorkDir(f"{store}/out")
    write_gallery(work_dir, FIRST)
    write_gallery(work_dir, SECOND)
    names = {path.rpartition("/gallery/")[2] for path in fsspec.filesystem("memory").find("/bucket/out/gallery")}
    assert names - {"files-2/.contents.json"} == {
        "index.html",
        "b.html",
        *(f"files-2/{name}" for name, _ in SECOND.files),
    }


def test_what_a_killed_run_left_half_written_in_a_folder_goes_with_the_next(tmp_path: Path) -> None:
    write_gallery(WorkDir(str(tmp_path)), FIRST)
    thumbnails = tmp_path / "gallery" / "files-1" / "thumbs" / "000"
    temporary_beside(thumbnails / "0.jpg").write_bytes(b"ha")
    (thumbnails / "0.jpg").unlink()
    write_gallery(WorkDir(str(tmp_path)), FIRST)
    assert [path.name for path in thumbnails.iterdir()] == ["0.jpg"]
