"""Of files with the same bytes one stays, whatever they are to the kept image of their group."""

import csv
import hashlib
import shutil
from pathlib import Path

import pytest

import dedup_assets
from dedup_assets.api.cleaning import apply, plan, undo
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.plan_file import read_plan_file
from dedup_assets_tests.support.gallery_pages import read_words
from dedup_assets_tests.support.pictures import photo_like


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.iterdir() if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An original with an exact copy, and an edited copy of it, three times; tests leave these files behind."""
    top = tmp_path_factory.mktemp("twins")
    found = top / "in"
    found.mkdir()
    picture = photo_like(3, 600, 450)
    picture.save(found / "a.png")
    shutil.copy(found / "a.png", found / "z.png")
    picture.resize((300, 225)).save(found / "small.jpg", quality=85)
    for name in ("small (1).jpg", "tiny.jpg"):
        shutil.copy(found / "small.jpg", found / name)
    assert dedup_assets.run(str(found), str(top / "out"), num_threads=1) == 0
    return found


def planned(folder: Path, **options: str) -> dict[str, tuple[str, str]]:
    out = str(folder.parent / "out")
    assert plan(out, **options) == 0
    rows = read_plan_file(WorkDir(out)).rows
    return {
        Path(row["filename"].decode()).name: (row["relation"], Path(row["keep"].decode()).name)
        for row in rows.iter_rows(named=True)
    }


def test_exact_copies_of_an_edited_copy_go_and_come_back(folder: Path) -> None:
    wanted = {"z.png": ("exact", "a.png"), "small (1).jpg": ("exact", "small.jpg"), "tiny.jpg": ("exact", "small.jpg")}
    assert planned(folder) == wanted
    before = hashes(folder)
    out = str(folder.parent / "out")
    assert apply(f"{out}/plan.jsonl", yes=True, max_removed_share=0.9) == 0
    left = hashes(folder)
    assert set(left.values()) == set(before.values())
    assert len(left) == 2
    (run,) = (path for path in (folder / ".dedup-trash").iterdir() if path.is_dir())
    assert undo(str(run)) == 0
    assert hashes(folder) == before


def test_all_of_them_are_copies_where_copies_go(folder: Path) -> None:
    found = planned(folder, only="exact,pixels,copy,review")
    assert {relation for name, (relation, _) in found.items() if name != "z.png"} == {"copy"}
    assert {keep for _, keep in found.values()} == {"a.png"}
    assert len(found) == 4


def test_a_group_whose_staying_copy_has_changed_is_left(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(planned(folder)) == 3
    photo_like(9, 300, 225).save(folder / "small.jpg")
    before = hashes(folder)
    assert apply(f"{folder.parent / 'out'}/plan.jsonl", yes=True, max_removed_share=0.9) == 3
    assert "small.jpg" in capsys.readouterr().err
    assert hashes(folder) == before
    shutil.copy(folder / "tiny.jpg", folder / "small.jpg")


def test_the_gallery_counts_as_many_identical_files_as_a_plan_names(folder: Path) -> None:
    words = read_words((folder.parent / "out" / "gallery" / "index.html").read_text())
    assert f"{len(planned(folder))} files" in words[: words.index("Identical: the same bytes")][-30:]


def test_plan_and_export_say_of_each_file_why_the_one_that_stays_goes_before_it(folder: Path) -> None:
    out = folder.parent / "out"
    assert plan(str(out)) == 0
    rows = read_plan_file(WorkDir(str(out))).rows
    said = {Path(row["filename"].decode()).name: row["reason"] for row in rows.iter_rows(named=True)}
    twin = "the same bytes as another copy, which stays"
    assert said == {
        "z.png": "first by name, as no rule before it tells them apart",
        "small (1).jpg": twin,
        "tiny.jpg": twin,
    }
    assert dedup_assets.export(str(out), "csv", str(out.parent / "table")) == 0
    (file,) = (out.parent / "table").glob("*.csv")
    with file.open(newline="") as text:
        exported = {Path(row["filename"]).name: row["reason"] for row in csv.DictReader(text)}
    assert exported == said | {"a.png": said["z.png"], "small.jpg": "more pixels"}
