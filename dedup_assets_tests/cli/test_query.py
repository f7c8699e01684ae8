"""`query` as a user types it: what it prints, and how it ends."""

import json
import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import dedup_assets
from dedup_assets.cli import main
from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.user_interface import free_port
from dedup_assets_tests.support.videos import save_video


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("query")
    for seed in range(3):
        save_jpeg(folder / "photos" / f"{seed}.jpg", photo_like(seed))
    save_jpeg(folder / "new" / "again.jpg", photo_like(1), quality=30)
    save_jpeg(folder / "new" / "other.jpg", photo_like(9))
    assert dedup_assets.run(folder / "photos", folder / "results") == 0
    return folder / "results"


def test_each_file_has_a_line_that_says_whether_the_results_have_it(command_line: Runner, results: Path) -> None:
    new = results.parent / "new"
    asked = command_line.run("query", str(new / "again.jpg"), str(new / "other.jpg"), str(results))
    assert asked.exit_code == 0, asked.said
    lines = asked.stdout.splitlines()
    assert lines[0].startswith(f"{new / 'again.jpg'}: the same picture as 1 image")
    assert "copy: recompressed" in lines[1]
    assert lines[1].endswith(str(results.parent / "photos" / "1.jpg"))
    assert any(line.startswith(f"{new / 'other.jpg'}: ") and "same picture" not in line for line in lines)


def test_a_bad_file_is_named_and_the_good_one_beside_it_is_answered(command_line: Runner, results: Path) -> None:
    good = str(results.parent / "photos" / "2.jpg")
    asked = command_line.run("query", "gone.jpg", good, str(results), "--json")
    assert asked.exit_code == 1
    assert asked.stderr.splitlines() == ["dedup-assets: gone.jpg: ERROR_MISSING_FILE: no such file"]
    said = json.loads(asked.stdout)
    assert said["generation"]
    bad, found = said["queries"]
    assert bad == {"query": "gone.jpg", "error": {"code": "ERROR_MISSING_FILE", "message": "no such file"}}
    match = found["matches"][0]
    assert (match["filename"], match["relation"], match["same_picture"]) == (good, "exact", True)


def test_a_container_is_no_image_and_one_in_it_is_named(command_line: Runner, results: Path, tmp_path: Path) -> None:
    photo, containers = results.parent / "photos" / "1.jpg", dict[str, str]()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("readme.txt", "no image")
        packed.write(photo, "sub/1.jpg")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as streamed:
        streamed.add(photo, "1.jpg")
    pl.DataFrame({"image": [photo.read_bytes()]}).write_parquet(tmp_path / "t.parquet")
    save_video(tmp_path / "clip.mp4", [photo_like(7, 320, 240)] * 3)
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as packed:
        packed.write(tmp_path / "a.zip", "a.zip")
    said = {"a.zip": "an archive", "a.tar.gz": "an archive", "t.parquet": "a table", "clip.mp4": "a video"}
    inside = {"a.zip": "a.zip/sub/1.jpg", "a.tar.gz": "a.tar.gz/1.jpg", "t.parquet": "t.parquet/00000000/image"}
    for name, what in said.items():
        first = inside.get(name, "clip.mp4#t=00:00:00.000")
        naming = f"{what} is no image: name one in it, such as {first!r}, or run on it for all of them"
        containers[str(tmp_path / name)] = f"ERROR_UNREADABLE: {naming}"
        inside[name] = str(tmp_path / first)
    without = "an archive is no image, and there is none in it that can be read"
    containers[str(tmp_path / "outer.zip")] = f"ERROR_UNREADABLE: {without}"
    missing = "ERROR_MISSING_FILE: no such file, and no image of this name in an archive"
    containers |= {str(tmp_path / name): missing for name in ("a.zip/sub", "a.zip/none.jpg", "t.parquet/0/image")}
    folder = "ERROR_UNREADABLE: it is a folder; name images, or run with run_mode=3 for all of a folder"
    containers[str(tmp_path)] = folder
    asked = command_line.run("query", *containers, *inside.values(), str(results))
    assert asked.exit_code == 1
    assert asked.stderr.splitlines() == [f"dedup-assets: {name}: {why}" for name, why in containers.items()]
    answered = [line.partition(": ")[0] for line in asked.stdout.splitlines() if not line.startswith(" ")]
    assert answered == list(inside.values())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_answer_that_a_full_disk_refuses_ends_with_1_and_one_line(
    form: list[str], command_line: Runner, results: Path
) -> None:
    given = [*form, "--no-evidence", str(results.parent / "photos" / "2.jpg"), str(results)]
    script = f"""
import os, sys
os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
sys.argv[1:] = ["query", *{given}]
from dedup_assets.__main__ import main
main()
"""
    asked = command_line.script(script, results)
    assert (asked.exit_code, asked.stderr.count("\n")) == (1, 1), asked.stderr
    assert "stdout takes no more" in asked.stderr


def test_an_image_that_an_apply_has_removed_is_said_to_be_gone(command_line: Runner, tmp_path: Path) -> None:
    photos, results = tmp_path / "photos", tmp_path / "results"
    for name in ("a.jpg", "b.jpg"):
        save_jpeg(photos / name, photo_like(1))
    assert dedup_assets.run(photos, results) == 0
    assert dedup_assets.api.plan(results) == dedup_assets.api.apply(results, yes=True) == 0
    assert [path.name for path in photos.glob("*.jpg")] == ["a.jpg"]
    asked = command_line.run("query", str(photos / "a.jpg"), str(results))
    gone = {
        name: "no longer there" in line
        for line in asked.stdout.splitlines()[1:]
        for name in ("a", "b")
        if f"{name}.jpg" in line
    }
    assert gone == {"a": False, "b": True}
    said = json.loads(command_line.run("query", str(photos / "a.jpg"), str(results), "--json").stdout)
    assert {Path(each["filename"]).name: each["gone"] for each in said["queries"][0]["matches"]} == {
        "a.jpg": False,
        "b.jpg": True,
    }


def test_a_work_dir_without_results_ends_with_1_and_one_line(command_line: Runner, results: Path) -> None:
    asked = command_line.run("query", "a.jpg", str(results.parent / "photos"))
    assert (asked.exit_code, len(asked.stderr.splitlines())) == (1, 1)
    assert "has no features.dat" in asked.stderr


def test_a_folder_and_images_that_are_swapped_are_answered_with_the_right_command(results: Path) -> None:
    asked = CliRunner().invoke(main, ["query", str(results), "a.jpg", "my own.jpg"])
    assert asked.exit_code == 2
    assert f"Write: dedup-assets query a.jpg 'my own.jpg' {results}" in asked.output


@pytest.mark.parametrize(("given", "missing"), [("a.jpg", "WORK_DIR"), ("results", "FILE...")])
def test_one_argument_alone_is_told_which_other_one_is_missing(given: str, missing: str) -> None:
    asked = CliRunner().invoke(main, ["query", given])
    assert asked.exit_code == 2
    assert asked.output.splitlines()[-1].startswith(f"dedup-assets: Missing argument '{missing}'.")


@pytest.mark.parametrize("command", ["plan", "serve", "review", "query"])
def test_a_work_dir_that_is_no_folder_is_said_to_be_none(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    more = {"query": ["a.jpg"], "serve": ["--port", str(free_port())]}.get(command, [])
    asked = {place: CliRunner().invoke(main, [command, *more, place]) for place in ("nosuch", "file")}
    assert [done.exit_code for done in asked.values()] == [1, 1]
    assert "nosuch': no such folder; " in asked["nosuch"].output
    assert "file' is a file, and a folder with the results of a run is wanted; " in asked["file"].output
    assert not (tmp_path / "nosuch").exists()
