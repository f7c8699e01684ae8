"""`plan`, `apply` and `undo` as a user types them: what they print, and how they end."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dedup_assets
from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.plans import save_copies, save_results, tree

GROUPS = {"a.jpg": ["x/1.jpg"], "b.jpg": ["x/2.jpg"]}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    save_copies(tmp_path / "photos", GROUPS)
    save_results(tmp_path / "results", tmp_path / "photos", GROUPS)
    return tmp_path / "results"


def test_a_plan_is_shown_applied_and_undone(command_line: Runner, results: Path) -> None:
    photos = results.parent / "photos"
    before = tree(photos)
    planned = command_line.run("plan", str(results))
    assert planned.exit_code == 0, planned.said
    words = " ".join(planned.stdout.split())
    assert "2 files in 2 groups" in words
    assert "exact: the same bytes 2" in words
    assert "Nothing has changed" in words
    shown = command_line.run("apply", str(results))
    assert (shown.exit_code, tree(photos)) == (0, before), shown.said
    assert "--yes" in shown.stdout
    applied = command_line.run("apply", str(results / "plan.jsonl"), "--yes")
    assert applied.exit_code == 0, applied.said
    assert tree(photos).keys() == {"a.jpg", "b.jpg"}
    command = applied.stdout.rstrip("\n").rpartition("dedup-assets ")[2].split()
    undone = command_line.run(*command)
    assert undone.exit_code == 0, undone.said
    assert "2 files are back in their places" in undone.stdout
    assert tree(photos) == before


FULL, LEFT = "os.open('/dev/full', os.O_WRONLY)", "writer"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_what_a_full_disk_or_a_reader_that_left_does_not_take_ends_with_1(command_line: Runner, results: Path) -> None:
    """Of a reader that has left nothing is said, as by other programs. The end of an interpreter writes, too."""
    for line in (["plan", "."], ["apply", "."], ["undo"], ["verdict", "--work-dir", ".", "--list"]):
        if line[0] == "verdict":
            dedup_assets.VerdictBook(str(results)).add("protect", "0" * 64)
        for stdout, lines in ((FULL, 1), (LEFT, 0)):
            script = f"""
import os, sys
reader, writer = os.pipe()
os.close(reader)
os.dup2({stdout}, 1)
sys.argv[1:] = {line}
from dedup_assets.__main__ import main
main()
"""
            if line[0] == "plan":
                whole = [sys.executable, "-c", script]
                done = subprocess.run(whole, cwd=results, capture_output=True, text=True, timeout=100, check=False)
                code, said = done.returncode, done.stderr
            else:
                outcome = command_line.script(script, results)
                code, said = outcome.exit_code or 0, outcome.stderr
            assert (code, said.count("\n")) == (1, lines), (line, said)
            assert "stdout takes no more" in said or not lines


def test_skipped_groups_end_with_3_and_a_line_each(command_line: Runner, results: Path) -> None:
    command_line.run("plan", str(results), "--out", str(results.parent / "mine.jsonl"))
    (results.parent / "photos" / "x" / "1.jpg").write_bytes(b"other")
    outcome = command_line.run("apply", str(results.parent / "mine.jsonl"), "--yes")
    assert outcome.exit_code == 3
    assert "moved to the trash: 1 file, " in outcome.stdout
    assert "1 group left as before" in outcome.stdout
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("dedup-assets: left as it is: group g-000000000000: ")
    assert "1.jpg' has changed since the plan was made" in line


def test_ctrl_c_in_an_apply_says_what_was_moved_and_how_to_undo_it(command_line: Runner, results: Path) -> None:
    """Ctrl-C comes just before the second picture goes to the trash."""
    before = tree(results.parent / "photos")
    assert command_line.run("plan", str(results)).exit_code == 0
    script = """
import runpy, signal, sys

linked = []

def watch(event, details):
    if event == "os.link" and str(details[0]).endswith(".jpg"):
        linked.append(details[0])
        if len(linked) == 2:
            signal.raise_signal(signal.SIGINT)

sys.addaudithook(watch)
runpy.run_module("dedup_assets", run_name="__main__")
"""
    line = [sys.executable, "-c", script, "apply", str(results), "--yes"]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 130, ended.stderr
    assert ended.stderr.startswith("dedup-assets: interrupted: 1 file was moved to the trash; the rest is as it was.")
    assert ended.stderr.count("\n") == 1
    command = ended.stderr.rstrip("\n").rpartition("dedup-assets ")[2].split()
    undone = command_line.run(*command)
    assert "1 file is back in its place; never moved: 1" in undone.stdout, undone.said
    again = command_line.run(*command)
    assert "0 files are back in their places; put back before: 1; never moved: 1" in again.stdout, again.said
    assert tree(results.parent / "photos") == before


def test_what_cannot_be_done_ends_with_1_and_one_line(command_line: Runner, results: Path) -> None:
    for arguments, said in (
        (("apply", str(results)), f"dedup-assets plan {results}"),
        (("apply", f"{results}s"), f"no such folder (did you mean '{results}'?)"),
        (("apply", str(results / "config.json")), "is no plan of dedup-assets"),
        (("apply", f"{results}s/plan.jsonl"), "no such folder"),
        (("undo", str(results.parent / "photos")), f"dedup-assets undo --work-dir {results.parent / 'photos'}"),
        (("export", str(results), "out", "--to", "flder"), "(did you mean 'folder'?)"),
        (("plan", str(results), "--only", "variant"), "must be one or more of"),
        (("plan", str(results.parent)), "groups.parquet"),
        (("undo", "20010101-000000-0000", "--work-dir", str(results)), "no apply of this id"),
        (("plan", str(results), "--out", os.fspath(results / "groups.csv")), "no plan, and it is not replaced"),
    ):
        outcome = command_line.run(*arguments)
        assert outcome.exit_code == 1, arguments
        assert outcome.stderr.count("\n") == 1
        assert said in outcome.stderr


def test_runs_that_can_be_undone_are_listed_also_where_a_name_is_wrong(command_line: Runner, results: Path) -> None:
    none = command_line.run("undo", "--work-dir", str(results))
    assert (none.exit_code, none.stdout.splitlines()[0]) == (0, "nothing can be undone"), none.said
    assert f"looked in {results.parent / 'photos' / '.dedup-trash'}" in none.stdout
    command_line.run("plan", str(results))
    assert command_line.run("apply", str(results), "--yes").exit_code == 0
    listed = command_line.run("undo", "--work-dir", str(results))
    assert listed.exit_code == 0, listed.said
    line = listed.stdout.splitlines()[0]
    run = line.partition(":")[0]
    assert re.fullmatch(rf"{run}: \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC, 2 files: dedup-assets undo .*/{run}", line)
    wrong = command_line.run("undo", "WORD", "--work-dir", str(results))
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (1, 1)
    assert f"these can be undone: {run} (" in wrong.stderr
    assert " UTC, 2 files); looked in '" in wrong.stderr
    assert command_line.run(*line.rpartition("dedup-assets ")[2].split()).exit_code == 0
    assert "nothing can be undone" in command_line.run("undo", "WORD", "--work-dir", str(results)).stderr


@pytest.mark.parametrize(
    "journal",
    [
        b"a diary\n",
        b"\xff\xfe\x00\n",
        b"[1]\n",
        b"[" * 100_000 + b"\n",
        b'{"format": "of another program"}\n',
        b'{"format": "dedup-assets apply", "format_version": 99}\n',
        b'{"format": "dedup-assets apply", "format_version": 1, "run": 5, "plan": "", "action": "trash", "places": [], '
        b'"work_dir": ""}\n',
        b'{"format": "dedup-assets apply", "format_version": 1, "run": "X", "plan": "", "action": "eat", "places": [], '
        b'"work_dir": ""}\n',
        b'{"format": "dedup-assets apply", "format_version": 1, "run": "X", "plan": "", "action": "trash", "places": '
        b'"/x", "work_dir": ""}\n',
    ],
)
def test_a_journal_of_others_in_the_trash_is_named_and_stops_nothing(
    journal: bytes, command_line: Runner, results: Path
) -> None:
    photos = results.parent / "photos"
    before = tree(photos)
    foreign = photos / ".dedup-trash" / "mine" / "journal.jsonl"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(journal)
    command_line.run("plan", str(results))
    line = ("apply", str(results))
    for arguments in (line, (*line, "--yes"), ("undo", "--work-dir", str(results))):
        outcome = command_line.run(*arguments)
        assert (outcome.exit_code, outcome.stderr.count("\n")) == (0, 1), outcome.said
        assert f"left as it is: journal.jsonl in {str(foreign.parent)!r}" in outcome.stderr
    unknown = command_line.run("undo", "WORD", "--work-dir", str(results)).stderr
    assert str(foreign.parent) in unknown
    run = outcome.stdout.partition(":")[0]
    undone = command_line.run("undo", run, "--work-dir", str(results))
    assert (undone.exit_code, undone.stderr) == (0, "")
    assert tree(photos) == before
    assert foreign.read_bytes() == journal
    mine = command_line.run("undo", "mine", "--work-dir", str(results))
    assert (mine.exit_code, mine.stderr.count("\n")) == (1, 1)


def test_a_plan_of_nothing_offers_no_apply_and_an_apply_of_it_says_so(command_line: Runner, tmp_path: Path) -> None:
    save_copies(tmp_path / "photos", {"a.jpg": []})
    save_results(tmp_path / "results", tmp_path / "photos", {"a.jpg": []})
    planned = command_line.run("plan", str(tmp_path / "results"))
    assert planned.exit_code == 0, planned.said
    assert "nothing to do: no copy is planned" in planned.stdout
    assert "dedup-assets apply" not in planned.stdout
    for more in ((), ("--yes",)):
        applied = command_line.run("apply", str(tmp_path / "results"), *more)
        assert applied.exit_code == 0, applied.said
        assert applied.stdout.startswith("nothing to do: no copy is planned\n")
        assert "Nothing has changed" in applied.stdout
        assert "--yes" not in applied.stdout


def test_a_second_apply_names_the_first_and_the_undo_of_it(command_line: Runner, results: Path) -> None:
    photos = results.parent / "photos"
    before = tree(photos)
    command_line.run("plan", str(results))
    first = command_line.run("apply", str(results), "--yes").stdout
    place = first.partition("\ntrash: ")[2].splitlines()[0]
    line = rf"applied before, {Path(place).name} \(\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC\): 2 files\n  to put back: (.*)"
    again = command_line.run("apply", str(results), "--yes")
    assert again.stdout.splitlines()[0] == "nothing is left to do: this plan was applied before"
    assert len(re.findall("dedup-assets undo", again.stdout)) == 1
    dry = command_line.run("apply", str(results))
    assert "nothing is left to do" in dry.stdout
    assert "--yes" not in dry.stdout
    for said in (again, dry):
        (command,) = re.findall(line, said.stdout)
        assert (said.exit_code, command) == (0, f"dedup-assets undo {place}"), said.said
    assert command_line.run(*command.split()[1:]).exit_code == 0
    assert tree(photos) == before


def test_an_apply_that_goes_on_names_each_undo_with_its_files(command_line: Runner, results: Path) -> None:
    photos = results.parent / "photos"
    before = tree(photos)
    command_line.run("plan", str(results))
    content = (photos / "x" / "1.jpg").read_bytes()
    (photos / "x" / "1.jpg").write_bytes(b"other")
    assert command_line.run("apply", str(results), "--yes").exit_code == 3
    skipped = command_line.run("apply", str(results), "--yes")
    assert (skipped.exit_code, skipped.stdout.splitlines()[0]) == (3, "nothing was done"), skipped.said
    assert len(re.findall("dedup-assets undo", skipped.stdout)) == 1
    (photos / "x" / "1.jpg").write_bytes(content)
    last = command_line.run("apply", str(results), "--yes")
    assert "to put the files of this apply back: dedup-assets undo " in last.stdout, last.said
    assert ": 1 file\n  to put back: dedup-assets undo " in last.stdout
    for command in re.findall("dedup-assets (undo .*)", last.stdout):
        assert "1 file is back in its place" in command_line.run(*command.split()).stdout
    assert tree(photos).keys() == before.keys()


def test_an_undo_away_from_the_results_says_how_to_name_them(command_line: Runner, results: Path) -> None:
    elsewhere, photos = str(results.parent), str(results.parent / "photos")
    command_line.run("plan", str(results))
    assert command_line.run("apply", str(results), "--yes").exit_code == 0
    lost = command_line.run("undo", "--work-dir", elsewhere)
    assert f"nothing can be undone: work_dir={elsewhere!r} holds no results of a run" in lost.stdout
    looked = [line for line in lost.stdout.splitlines() if line.startswith("looked in ")]
    assert looked == [f"looked in {elsewhere}/.dedup-trash"]
    assert "dedup-assets undo --work-dir FOLDER" in lost.stdout
    for folder in (str(results), photos):
        assert " 2 files: dedup-assets undo /" in command_line.run("undo", "--work-dir", folder).stdout
    assert "holds no results of a run" in command_line.run("undo", "WORD", "--work-dir", elsewhere).stderr


def test_a_plan_says_that_apply_will_refuse_it_and_what_helps(command_line: Runner, tmp_path: Path) -> None:
    groups = {"a.jpg": ["x/1.jpg", "x/2.jpg"]}
    save_copies(tmp_path / "photos", groups)
    save_results(tmp_path / "results", tmp_path / "photos", groups, others=0)
    planned = command_line.run("plan", str(tmp_path / "results"))
    assert planned.exit_code == 0, planned.said
    assert "apply will refuse this plan: it removes 2 of the 3 images in all" in planned.stdout
    (share,) = re.findall(r"or allow more: --max-removed-share (\S+)", planned.stdout)
    refused = command_line.run("apply", str(tmp_path / "results"), "--yes")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert command_line.run("apply", str(tmp_path / "results"), "--yes", "--max-removed-share", share).exit_code == 0


def test_a_plan_of_several_inputs_says_in_which_one_a_file_is_kept(command_line: Runner, tmp_path: Path) -> None:
    for folder in ("camera", "disk"):
        save_copies(tmp_path / folder, {"a.jpg": []})
    dedup_assets.run([tmp_path / "camera", tmp_path / "disk"], tmp_path / "results", num_threads=1)
    planned = command_line.run("plan", str(tmp_path / "results"))
    assert "\ndisk/a.jpg -> stays: camera/a.jpg (same bytes)\n" in planned.stdout, planned.said


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_an_apply_that_could_not_note_what_it_removed_removes_nothing(
    command_line: Runner, results: Path, kind: str
) -> None:
    before = tree(results.parent / "photos")
    command_line.run("plan", str(results))
    place = results / "removed.csv"
    if kind == "file":
        place.write_text("mine: precious\n")
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(results.parent / "nothing")
    outcome = command_line.run("apply", str(results), "--yes")
    assert outcome.exit_code == 1
    assert outcome.stderr.count("\n") == 1
    assert "removed.csv" in outcome.stderr
    assert {name: facts for name, facts in tree(results.parent / "photos").items() if "trash" not in name} == before


def test_an_apply_writes_nothing_through_a_trash_folder_that_is_a_link(command_line: Runner, results: Path) -> None:
    elsewhere = results.parent / "elsewhere"
    elsewhere.mkdir()
    (results.parent / "photos" / ".dedup-trash").symlink_to(elsewhere)
    command_line.run("plan", str(results))
    outcome = command_line.run("apply", str(results), "--yes")
    assert (outcome.exit_code, outcome.stderr.count("\n")) == (1, 1)
    assert ".dedup-trash' is a link" in outcome.stderr
    assert not list(elsewhere.iterdir())


def test_an_old_undo_after_a_newer_apply_names_the_undo_of_that_one(command_line: Runner, results: Path) -> None:
    places = []
    for _ in range(2):
        command_line.run("plan", str(results))
        applied = command_line.run("apply", str(results), "--yes").stdout
        places.append(applied.partition("\ntrash: ")[2].splitlines()[0])
        again = command_line.run("undo", places[0])
    assert (again.exit_code, again.stderr) == (3, "")
    assert "run the same command again" not in again.stdout
    line = rf"moved by a later apply, {Path(places[1]).name} \(.* UTC\): 2 files; dedup-assets undo {places[1]}"
    assert re.search(line, again.stdout), again.stdout
    assert command_line.run("undo", places[1]).exit_code == 0


def test_a_list_of_marked_files_becomes_a_plan_with_each_that_is_left(command_line: Runner, results: Path) -> None:
    photos = results.parent / "photos"
    marks = results.parent / "marks.txt"
    copy = next(iter(command_line_planned(command_line, results)))
    marks.write_text(f"{copy}\n{photos / 'nothing.jpg'}\n")
    refused = command_line.run("apply", str(marks))
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert f"dedup-assets plan WORK_DIR --marked {marks}" in refused.stderr
    unset = command_line.run("plan", str(results), "--marked", "")  # as of a variable of the shell that is not set
    assert (unset.exit_code, unset.stderr) == (1, "dedup-assets: marked='': must be a path or a URL\n")
    made = command_line.run("plan", str(results), "--marked", str(marks))
    assert made.exit_code == 0, made.said
    assert made.stderr == f"dedup-assets: marked and not planned: {photos / 'nothing.jpg'}: not in the results\n"
    assert "of 2 marked files 1 planned; 1 not planned" in made.stdout
    assert command_line_planned(command_line, results, remake=False) == {copy}
    done = command_line.run("apply", str(results), "--yes", "--max-removed-share", "1")
    assert (done.exit_code, Path(copy).exists()) == (0, False), done.said


def command_line_planned(command_line: Runner, results: Path, *, remake: bool = True) -> set[str]:
    """The files of the plan of some results."""
    if remake:
        assert command_line.run("plan", str(results)).exit_code == 0
    lines = (results / "plan.jsonl").read_text().splitlines()[1:]
    return {json.loads(line)["filename"] for line in lines}
