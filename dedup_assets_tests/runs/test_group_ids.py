"""Ids of groups in a work_dir: kept by content from run to run, and continued in a new work_dir."""

import csv
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest

import dedup_assets
from dedup_assets.api import VerdictBook
from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.group_history_files import HISTORY_FILES, read_former_groups
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like, save_jpeg


class Album:
    """Two pictures with two copies of each in a folder `photos`, and runs on them.

    Attributes:
        first: the group of each file after the first run.
    """

    def __init__(self, top: Path) -> None:
        self.top, self.photos, self.out = top, top / "photos", top / "out"
        self.photos.mkdir(parents=True)
        for number in range(2):
            picture = photo_like(number, 320, 240)
            picture.save(self.photos / f"{number}.png")
            picture.save(self.photos / f"{number}.jpg", quality=90)
            picture.resize((240, 180)).save(self.photos / f"{number}-small.png")
        self._model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
        self.first = self.run()

    def run(self, work_dir: str = "out", *, photos: Path | None = None, **settings: Any) -> dict[str, str]:
        """Run; returns the group of each file by the name of the file."""
        place, given = self.top / work_dir, {"model_path": self._model, "nearest_neighbors_k": 5, **settings}
        assert dedup_assets.run(photos or self.photos, place, **given) == 0
        with (place / "groups.csv").open(newline="") as file:
            return {Path(row["filename"]).name: row["group_id"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Album, Path]:
    """An album after a run, and a copy of its whole folder."""
    top = tmp_path_factory.mktemp("group ids")
    album = Album(top / "album")
    return album, Path(shutil.copytree(album.top, top / "copy"))


@pytest.fixture
def album(made: tuple[Album, Path]) -> Album:
    """An album after a run, in the same place for each test, because results name files by their paths."""
    album, copy = made
    shutil.rmtree(album.top)
    shutil.copytree(copy, album.top)
    return album


def changes(work_dir: Path) -> list[dict[str, str]]:
    with (work_dir / "group_changes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_ids_outlive_renames_restores_settings_and_a_rebuilt_work_dir(album: Album) -> None:
    first, photos = album.first, album.photos
    assert len(first) == 6
    assert len(set(first.values())) == 2
    shutil.copytree(photos, album.top / "backup")
    (photos / "0.png").rename(photos / "renamed.png")
    renamed = album.run(threshold=0.5, faiss_mode="HNSW32")
    assert renamed.pop("renamed.png") == first["0.png"]
    assert renamed == {name: group for name, group in first.items() if name != "0.png"}
    for name in ("renamed.png", "0.jpg", "0-small.png"):
        (photos / name).unlink()
    assert album.run() == {name: group for name, group in first.items() if name.startswith("1")}
    shutil.rmtree(photos)
    shutil.copytree(album.top / "backup", photos)
    assert album.run() == first
    assert [(row["run"], row["change"]) for row in changes(album.out)] == [
        *[("1", "created")] * 2,
        ("2", "gone"),
        ("3", "created"),
    ]
    (photos / "1.png").unlink()
    kept = album.run("again", group_ids_from=album.out / "group_ids.parquet")
    assert kept == {name: group for name, group in first.items() if name != "1.png"}


def test_a_run_that_changes_no_group_leaves_the_files_of_ids_as_they_are(
    album: Album, capsys: pytest.CaptureFixture[str]
) -> None:
    first, more = album.first, album.photos / "one, more.jpg"
    before = {name: (album.out / name).read_bytes() for name in HISTORY_FILES}
    assert album.run() == first
    assert {name: (album.out / name).read_bytes() for name in HISTORY_FILES} == before
    shutil.copy(album.photos / "1.jpg", more)
    capsys.readouterr()
    album.run()
    assert "; groups 1 grown (group_changes.csv)" in capsys.readouterr().out
    last = changes(album.out)[-1]
    assert (last["run"], last["change"], last["group_id"]) == ("2", "grown", first["1.jpg"])
    assert next(csv.reader([last["filenames"]])) == [str(more)]
    assert dedup_assets.load(album.out).changes()["filenames"].to_list()[-1] == [str(more)]
    assert "The last change, run 2 in group_changes.csv: 1 grown" in (album.out / "gallery" / "groups.html").read_text()


def test_a_damaged_file_of_ids_is_refused_with_what_to_do(album: Album) -> None:
    (album.out / "group_ids.parquet").write_bytes(b"PAR1")
    with pytest.raises(WorkDirError, match=r"group_ids.parquet' keeps the ids of groups.*restore it.*or remove it"):
        read_former_groups(WorkDir(str(album.out)))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("photos", "has no group_ids.parquet; name a work_dir in which groups were made, or a copy of its"),
        ("nothing", ": no such folder; name a work_dir"),
        ("photos/0.png", ": it is no copy of a group_ids.parquet ("),
    ],
)
def test_what_holds_no_ids_is_refused_before_images_are_read(
    album: Album, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, problem: str
) -> None:
    assert dedup_assets.run(album.photos, tmp_path / "out", group_ids_from=str(album.top / given)) == 1
    assert f"group_ids_from={str(album.top / given)!r}{problem}" in capsys.readouterr().err.replace("' has", "'has")
    assert not (tmp_path / "out" / "features.dat").exists()


def test_a_copy_of_ids_under_any_name_is_continued(album: Album, tmp_path: Path) -> None:
    (album.photos / "0-small.png").unlink()  # so that a new id would be another one
    copy = shutil.copy(album.out / "group_ids.parquet", tmp_path / "ids of May")
    again = album.run("again", group_ids_from=copy)
    assert again == {name: group for name, group in album.first.items() if name != "0-small.png"}


def test_every_id_is_resolved_by_the_file_of_aliases(album: Album) -> None:
    first = album.first
    for path in album.photos.glob("0*"):
        path.unlink()
    album.run()
    with (album.out / "group_aliases.csv").open(newline="") as file:
        aliases = {row["group_id"]: row["now"] for row in csv.DictReader(file)}
    assert aliases == {first["0.png"]: "", first["1.png"]: first["1.png"]}


def test_groups_that_stand_are_taken_over_and_all_others_formed_again(album: Album) -> None:
    first, out = album.first, album.out
    before = {name: (out / name).read_bytes() for name in ("groups.csv", "groups.parquet", "related.csv")}
    written = (out / "groups.parquet").stat().st_mtime_ns
    assert album.run() == first
    assert (out / "groups.parquet").stat().st_mtime_ns == written
    (out / "related.csv").unlink()
    assert album.run() == first
    assert {name: (out / name).read_bytes() for name in before} == before
    album.run(keep_policy="name")
    assert (out / "groups.csv").read_bytes() != before["groups.csv"]
    assert album.run() == first
    assert {name: (out / name).read_bytes() for name in before} == before


def test_a_group_that_a_verdict_made_keeps_its_id_when_its_folder_moves(album: Album) -> None:
    photos = album.top / "unlike"
    for number in (7, 8):
        save_jpeg(photos / f"{number}.jpg", photo_like(number, 200, 320))
    given = {"photos": photos, "evidence_pairs_per_image": 0}
    album.run("apart", **given)
    VerdictBook(album.top / "apart").add("same", photos / "7.jpg", photos / "8.jpg")
    first = album.run("apart", **given)
    assert first.keys() == {"7.jpg", "8.jpg"}
    moved = photos.rename(album.top / "moved")
    assert album.run("apart", **given | {"photos": moved}) == first
    assert [row["change"] for row in changes(album.top / "apart")] == ["created"]


def test_a_note_in_all_files_of_a_group_at_once_keeps_its_id(album: Album) -> None:
    first, before = album.first, changes(album.out)
    shutil.copytree(album.photos, album.top / "backup")
    for path in album.photos.iterdir():
        write_note(path)
    assert album.run() == first
    assert album.run(threshold=0.5) == first, "the run after that, too"
    assert changes(album.out) == before
    assert album.run("new", group_ids_from=str(album.out)) == first
    shutil.rmtree(album.photos)
    shutil.copytree(album.top / "backup", album.photos)
    assert album.run() == first, "a restored backup"


def test_other_pictures_under_the_names_of_a_group_have_another_id(album: Album) -> None:
    first, photos = album.first, album.photos
    for number in range(2):
        picture = photo_like(7 + number, 320, 240)
        picture.save(photos / f"{number}.png")
        picture.save(photos / f"{number}.jpg", quality=90)
        picture.resize((240, 180)).save(photos / f"{number}-small.png")
    now = album.run()
    assert now.keys() == first.keys()
    assert not set(now.values()) & set(first.values())


def write_note(path: Path) -> None:
    """Write a comment into a JPEG or PNG file; its pixels stay."""
    content = path.read_bytes()
    if path.suffix == ".jpg":
        path.write_bytes(content[:2] + b"\xff\xfe\x00\x06note" + content[2:])
        return
    chunk = b"tEXtComment\0a note"
    size, check = (number.to_bytes(4, "big") for number in (len(chunk) - 4, zlib.crc32(chunk)))
    path.write_bytes(content[:33] + size + chunk + check + content[33:])  # after IHDR
