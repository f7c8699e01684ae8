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


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two pictures with two copies of each."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        picture = photo_like(number, 320, 240)
        picture.save(folder / f"{number}.png")
        picture.save(folder / f"{number}.jpg", quality=90)
        picture.resize((240, 180)).save(folder / f"{number}-small.png")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Any:
    model = save_mean_model(tmp_path / "model.onnx", ["n", 16, 16, 3], dimension=8)

    def make(photos: Path, work_dir: str = "out", **settings: Any) -> dict[str, str]:
        """The group of each file by the name of the file."""
        place = tmp_path / work_dir
        assert dedup_assets.run(photos, place, model_path=model, nearest_neighbors_k=5, **settings) == 0
        with (place / "groups.csv").open(newline="") as file:
            return {Path(row["filename"]).name: row["group_id"] for row in csv.DictReader(file)}

    return make


def changes(work_dir: Path) -> list[dict[str, str]]:
    with (work_dir / "group_changes.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_ids_outlive_renames_restores_settings_and_a_rebuilt_work_dir(run: Any, photos: Path, tmp_path: Path) -> None:
    first = run(photos)
    assert len(first) == 6
    assert len(set(first.values())) == 2
    shutil.copytree(photos, tmp_path / "backup")
    (photos / "0.png").rename(photos / "renamed.png")
    renamed = run(photos, threshold=0.5, faiss_mode="HNSW32")
    assert renamed.pop("renamed.png") == first["0.png"]
    assert renamed == {name: group for name, group in first.items() if name != "0.png"}
    for name in ("renamed.png", "0.jpg", "0-small.png"):
        (photos / name).unlink()
    assert run(photos) == {name: group for name, group in first.items() if name.startswith("1")}
    shutil.rmtree(photos)
    shutil.copytree(tmp_path / "backup", photos)
    assert run(photos) == first
    assert [(row["run"], row["change"]) for row in changes(tmp_path / "out")] == [
        *[("1", "created")] * 2,
        ("2", "gone"),
        ("3", "created"),
    ]
    (photos / "1.png").unlink()
    run(photos)
    kept = run(photos, "again", group_ids_from=tmp_path / "out" / "group_ids.parquet")
    assert kept == {name: group for name, group in first.items() if name != "1.png"}


def test_a_run_that_changes_no_group_leaves_the_files_of_ids_as_they_are(
    run: Any, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(photos)
    before = {name: (tmp_path / "out" / name).read_bytes() for name in HISTORY_FILES}
    assert run(photos) == first
    assert {name: (tmp_path / "out" / name).read_bytes() for name in HISTORY_FILES} == before
    shutil.copy(photos / "1.jpg", photos / "one, more.jpg")
    capsys.readouterr()
    run(photos)
    assert "; groups 1 grown (group_changes.csv)" in capsys.readouterr().out
    last = changes(tmp_path / "out")[-1]
    assert (last["run"], last["change"], last["group_id"]) == ("2", "grown", first["1.jpg"])
    assert next(csv.reader([last["filenames"]])) == [str(photos / "one, more.jpg")]
    assert dedup_assets.load(tmp_path / "out").changes()["filenames"].to_list()[-1] == [str(photos / "one, more.jpg")]
    assert "Changed by run 2: 1 grown" in (tmp_path / "out" / "gallery" / "groups.html").read_text()


def test_a_damaged_file_of_ids_is_refused_with_what_to_do(run: Any, photos: Path, tmp_path: Path) -> None:
    run(photos)
    (tmp_path / "out" / "group_ids.parquet").write_bytes(b"PAR1")
    with pytest.raises(WorkDirError, match=r"group_ids.parquet' keeps the ids of groups.*restore it.*or remove it"):
        read_former_groups(WorkDir(str(tmp_path / "out")))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("photos", "has no group_ids.parquet; name a work_dir in which groups were made, or a copy of its"),
        ("nothing", ": no such folder; name a work_dir"),
        ("photos/0.png", ": it is no copy of a group_ids.parquet ("),
    ],
)
def test_what_holds_no_ids_is_refused_before_images_are_read(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, problem: str
) -> None:
    assert dedup_assets.run(photos, tmp_path / "out", group_ids_from=str(tmp_path / given)) == 1
    assert f"group_ids_from={str(tmp_path / given)!r}{problem}" in capsys.readouterr().err.replace("' has", "'has")
    assert not (tmp_path / "out" / "features.dat").exists()


def test_a_copy_of_ids_under_any_name_is_continued(run: Any, photos: Path, tmp_path: Path) -> None:
    first = run(photos)
    (photos / "0-small.png").unlink()  # so that a new id would be another one
    copy = shutil.copy(tmp_path / "out" / "group_ids.parquet", tmp_path / "ids of May")
    again = run(photos, "again", group_ids_from=copy)
    assert again == {name: group for name, group in first.items() if name != "0-small.png"}


def test_every_id_is_resolved_by_the_file_of_aliases(run: Any, photos: Path, tmp_path: Path) -> None:
    first = run(photos)
    for path in photos.glob("0*"):
        path.unlink()
    run(photos)
    with (tmp_path / "out" / "group_aliases.csv").open(newline="") as file:
        aliases = {row["group_id"]: row["now"] for row in csv.DictReader(file)}
    assert aliases == {first["0.png"]: "", first["1.png"]: first["1.png"]}


def test_groups_that_stand_are_taken_over_and_all_others_formed_again(run: Any, photos: Path, tmp_path: Path) -> None:
    first, out = run(photos), tmp_path / "out"
    before = {name: (out / name).read_bytes() for name in ("groups.csv", "groups.parquet", "related.csv")}
    written = (out / "groups.parquet").stat().st_mtime_ns
    assert run(photos) == first
    assert (out / "groups.parquet").stat().st_mtime_ns == written
    (out / "related.csv").unlink()
    assert run(photos) == first
    assert {name: (out / name).read_bytes() for name in before} == before
    run(photos, keep_policy="name")
    assert (out / "groups.csv").read_bytes() != before["groups.csv"]
    assert run(photos) == first
    assert {name: (out / name).read_bytes() for name in before} == before


def test_a_group_that_a_verdict_made_keeps_its_id_when_its_folder_moves(run: Any, photos: Path, tmp_path: Path) -> None:
    for number in (7, 8):
        save_jpeg(photos / f"{number}.jpg", photo_like(number, 200, 320))
    uncompared = {"evidence_pairs_per_image": 0}
    run(photos, **uncompared)
    VerdictBook(tmp_path / "out").add("same", photos / "7.jpg", photos / "8.jpg")
    first = run(photos, **uncompared)
    assert first.keys() == {"7.jpg", "8.jpg"}
    photos.rename(tmp_path / "moved")
    assert run(tmp_path / "moved", **uncompared) == first
    assert [row["change"] for row in changes(tmp_path / "out")] == ["created"]


def test_a_note_in_all_files_of_a_group_at_once_keeps_its_id(run: Any, photos: Path, tmp_path: Path) -> None:
    first = run(photos)
    before = changes(tmp_path / "out")
    shutil.copytree(photos, tmp_path / "backup")
    for path in photos.iterdir():
        write_note(path)
    assert run(photos) == first
    assert run(photos, threshold=0.5) == first, "the run after that, too"
    assert changes(tmp_path / "out") == before
    assert run(photos, "new", group_ids_from=str(tmp_path / "out")) == first
    shutil.rmtree(photos)
    shutil.copytree(tmp_path / "backup", photos)
    assert run(photos) == first, "a restored backup"


def test_other_pictures_under_the_names_of_a_group_have_another_id(run: Any, photos: Path) -> None:
    first = run(photos)
    for number in range(2):
        picture = photo_like(7 + number, 320, 240)
        picture.save(photos / f"{number}.png")
        picture.save(photos / f"{number}.jpg", quality=90)
        picture.resize((240, 180)).save(photos / f"{number}-small.png")
    now = run(photos)
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
