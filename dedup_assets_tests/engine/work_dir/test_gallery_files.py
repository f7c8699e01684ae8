"""The gallery is replaced as a whole, on disks and on stores."""

import json
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
from dedup_assets.engine.work_dir.writing import temporary_name

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
    (tmp_path / "gallery" / temporary_name("files-0")).mkdir()  # of a run that was killed
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
    with pytest.raises(WorkDirError, match=r"gallery: No space left .* make room"):
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
    (thumbnails / temporary_name("0.jpg")).write_bytes(b"ha")
    (thumbnails / "0.jpg").unlink()
    write_gallery(WorkDir(str(tmp_path)), FIRST)
    assert [path.name for path in thumbnails.iterdir()] == ["0.jpg"]


# What others have put into the folder of a former gallery

FILES = {"style.css": b"a", "data/pairs-0000.js": b"b", "thumbs/000/0.jpg": b"c"}
MINE = {"thumbs/000/mine.jpg": b"mine", "notes.txt": b"mine"}


@pytest.fixture(params=["local", "store"])
def work_dir(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> WorkDir:
    return WorkDir(str(tmp_path / "out") if request.param == "local" else f"{store}/out")


def publish(work_dir: WorkDir, folder: str, files: dict[str, bytes] = FILES) -> None:
    with generation(work_dir, "a run") as view:
        write_gallery(view, Gallery({"index.html": folder}, folder, list(files.items())))


def plant(work_dir: WorkDir, folder: str, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = work_dir.inside(f"gallery/{folder}/{name}")
        work_dir.filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        work_dir.filesystem.pipe_file(path, content)


def left_in(work_dir: WorkDir, folder: str) -> set[str]:
    return set(work_dir.sizes(f"gallery/{folder}"))


def test_a_former_gallery_goes_without_what_others_put_into_its_folder(
    work_dir: WorkDir, caplog: pytest.LogCaptureFixture
) -> None:
    publish(work_dir, "files-1")
    plant(work_dir, "files-1", MINE)
    publish(work_dir, "files-2")
    publish(work_dir, "files-3")
    assert left_in(work_dir, "files-1") == set(MINE)
    assert left_in(work_dir, "files-2") == set()
    assert "gallery/files-1' is not deleted" in caplog.text
    assert "'thumbs/000/mine.jpg'" in caplog.text
    assert caplog.text.count("is not deleted") == 1


def test_a_file_of_a_former_gallery_that_somebody_changed_stays(work_dir: WorkDir) -> None:
    publish(work_dir, "files-1")
    plant(work_dir, "files-1", {"style.css": b"longer"} | ({"thumbs/000/0.jpg": b"z"} if work_dir.is_local else {}))
    publish(work_dir, "files-2")
    assert left_in(work_dir, "files-1") == {"style.css"} | ({"thumbs/000/0.jpg"} if work_dir.is_local else set())


@pytest.mark.parametrize("listed", [None, {name: len(content) for name, content in FILES.items()}])
def test_a_folder_that_an_earlier_version_wrote_loses_only_what_is_certainly_ours(
    work_dir: WorkDir, listed: dict[str, int] | None, caplog: pytest.LogCaptureFixture
) -> None:
    contents = json.dumps({"format": "dedup-assets gallery files", "files": listed}).encode()
    plant(work_dir, "files-1", FILES | MINE | {".contents.json": contents})
    publish(work_dir, "files-2")
    assert left_in(work_dir, "files-1") == set(MINE)
    assert "gallery/files-1' is not deleted" in caplog.text


def test_a_folder_that_only_a_former_config_names_loses_only_what_is_certainly_ours(work_dir: WorkDir) -> None:
    plant(work_dir, "files-1", FILES | MINE)
    work_dir.filesystem.pipe_file(work_dir.inside("gallery/index.html"), b"files-1")
    config = {"settings": {"input_dir": "in", "work_dir": "out", "run_mode": 0}, "gallery": {"folder": "files-1"}}
    work_dir.filesystem.pipe_file(work_dir.inside("config.json"), json.dumps(config).encode())
    publish(work_dir, "files-2")
    assert left_in(work_dir, "files-1") == set(MINE)


def test_a_run_that_is_killed_while_it_writes_a_folder_has_listed_every_file(store: str) -> None:
    class Killed(BaseException):
        pass

    class Interrupted(list[tuple[str, bytes]]):
        times = 0

        def __iter__(self) -> Iterator[tuple[str, bytes]]:
            self.times += 1
            yield from self[:80]
            if self.times > 1:
                raise Killed
            yield from self[80:]

    files = Interrupted((f"thumbs/000/{number}.jpg", b"c") for number in range(100))
    work_dir = WorkDir(f"{store}/out")
    with pytest.raises(Killed):
        write_gallery(work_dir, Gallery({"index.html": "files-1"}, "files-1", files))
    assert len(left_in(work_dir, "files-1")) > 50
    plant(work_dir, "files-1", {"thumbs/000/100.jpg": b"mine"})
    publish(work_dir, "files-2")
    assert left_in(work_dir, "files-1") == {"thumbs/000/100.jpg"}


def test_a_folder_in_which_a_link_was_planted_is_left_without_following_it(tmp_path: Path) -> None:
    work_dir, victim = WorkDir(str(tmp_path / "out")), tmp_path / "victim"
    publish(work_dir, "files-1")
    thumbnails = tmp_path / "out" / "gallery" / "files-1" / "thumbs"
    thumbnails.rename(victim)
    thumbnails.symlink_to(victim)
    publish(work_dir, "files-2")
    assert (victim / "000" / "0.jpg").read_bytes() == b"c"
