"""Only files that this package published are replaced or deleted, and links are not followed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir import WorkDir, files
from dedup_assets.engine.work_dir.file_names import FOLDERS, NOTES, RECORD, STAGED
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets.engine.work_dir.journal import JOURNAL
from dedup_assets.engine.work_dir.leftovers import MARK
from dedup_assets.engine.work_dir.ownership import Ownership
from dedup_assets.engine.work_dir.used_sets import UsedSets
from dedup_assets_tests.engine.work_dir.test_location import content, put

GENERATION = "0" * 32
OURS = b'{"settings": {"input_dir": "in", "work_dir": "out", "run_mode": 0}}'


@pytest.fixture(params=["local", "store"])
def work_dir(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> WorkDir:
    return WorkDir(str(tmp_path / "out") if request.param == "local" else f"{store}/out")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder that this package does not own, beside the work_dir `out`."""
    (tmp_path / "out").mkdir()
    folder = tmp_path / "victim"
    (folder / "photos").mkdir(parents=True)
    (folder / "photos" / "dear.jpg").write_text("precious")
    (folder / "notes.txt").write_text("precious")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def plant(work_dir: WorkDir, name: str, content: bytes) -> None:
    work_dir.filesystem.makedirs(work_dir.inside(name).rpartition("/")[0], exist_ok=True)
    work_dir.filesystem.pipe_file(work_dir.inside(name), content)


def note_used(work_dir: WorkDir, name: str) -> None:
    if name != RECORD:
        UsedSets(work_dir, name.partition("/")[0]).note("key", ["a range"])


def publish(work_dir: WorkDir, **names: bytes) -> None:
    with generation(work_dir, "a run", will_write=list(names)) as view:
        put(view, **names)


@pytest.mark.parametrize("name", ["config.json", "similarity.csv", "gallery/index.html"])
def test_a_run_is_refused_before_it_begins_where_a_file_of_others_is_in_its_way(work_dir: WorkDir, name: str) -> None:
    plant(work_dir, name, b'{"mine": 1}')
    refused = pytest.raises(WorkDirError, match=rf"holds '{name}', which this package has not written")
    with refused, generation(work_dir, "a run", will_write=["features.dat", name]):
        pytest.fail("it began")
    assert content(work_dir, name) == b'{"mine": 1}'


def test_a_file_of_others_that_no_plan_named_fails_the_run_and_stays(work_dir: WorkDir) -> None:
    publish(work_dir, a=b"1")
    plant(work_dir, "b", b"mine")
    with pytest.raises(WorkDirError, match="holds 'b'"), generation(work_dir, "a run") as view:
        put(view, a=b"2", b=b"2")
    assert (content(work_dir, "a"), content(work_dir, "b")) == (b"1", b"mine")


def test_what_was_published_is_replaced_again_and_again(work_dir: WorkDir) -> None:
    for number in (b"1", b"2", b"3"):
        publish(work_dir, a=number, **{"sub/b": number})
    assert (content(work_dir, "a"), content(work_dir, "sub/b")) == (b"3", b"3")
    assert not [name for name in work_dir.names("") if "set-aside" in name]


def test_a_published_file_that_somebody_changed_is_kept_under_another_name(
    work_dir: WorkDir, caplog: pytest.LogCaptureFixture
) -> None:
    publish(work_dir, a=b"1")
    for edit in (b"edited by hand", b"edited again"):
        plant(work_dir, "a", edit)
        publish(work_dir, a=b"2")
    assert content(work_dir, "a") == b"2"
    assert content(work_dir, "a.set-aside") == b"edited by hand"
    assert content(work_dir, "a.set-aside-2") == b"edited again"
    assert "it is kept as 'a.set-aside'" in caplog.text


def test_a_work_dir_of_an_earlier_version_goes_on(work_dir: WorkDir) -> None:
    for name, text in {"config.json": OURS, "similarity.csv": b"old", "outliers.csv": b"old"}.items():
        plant(work_dir, name, text)
    publish(work_dir, **{"similarity.csv": b"new"})
    publish(work_dir, **{"outliers.csv": b"new", "config.json": b"{}"})
    assert (content(work_dir, "similarity.csv"), content(work_dir, "outliers.csv")) == (b"new", b"new")
    assert not [name for name in work_dir.names("") if "set-aside" in name]


def test_files_of_fastdup_are_kept_under_another_name_when_ours_take_their_place(work_dir: WorkDir) -> None:
    for name in ("atrain_features.dat", "similarity.csv", "config.json"):
        plant(work_dir, name, b"of fastdup")
    publish(work_dir, **{"similarity.csv": b"ours", "config.json": OURS})
    assert content(work_dir, "similarity.csv") == b"ours"
    assert content(work_dir, "similarity.csv.set-aside") == content(work_dir, "config.json.set-aside") == b"of fastdup"


def test_a_record_that_is_damaged_or_of_others_makes_nothing_ours(work_dir: WorkDir) -> None:
    plant(work_dir, RECORD, b'{"files": {"a": {}}}')
    plant(work_dir, "a", b"mine")
    with pytest.raises(WorkDirError, match="holds 'a'"):
        publish(work_dir, a=b"ours")
    assert content(work_dir, "a") == b"mine"


def test_what_looks_like_our_leftovers_and_is_not_stays(work_dir: WorkDir) -> None:
    mine = {
        *("shards/mine.parquet", "neighbors/run/knn.npy", "gallery/files-old/mine.txt", "gallery/old.html"),
        *(f"{STAGED}/keep/x.txt", f".x.{'a' * 32}.tmp", "gallery/.files-x.tmp/x"),
    }
    if work_dir.is_local:
        mine.add(f"{STAGED}/{'1' * 32}/x.txt")
    for name in mine:
        plant(work_dir, name, b"mine")
    for number in (b"1", b"2"):
        publish(work_dir, **{"gallery/index.html": number})
    assert {content(work_dir, name) for name in mine} == {b"mine"}


# Links and journals that lead out of the work_dir


@pytest.mark.parametrize("name", [STAGED, "shards", "gallery", "neighbors", "test"])
def test_a_folder_that_is_a_link_is_named_and_nothing_is_reached_through_it(
    tmp_path: Path, victim: Path, name: str
) -> None:
    before = contents(victim)
    (tmp_path / "out" / name).symlink_to(victim)
    work_dir = WorkDir(str(tmp_path / "out"))
    with pytest.raises(WorkDirError, match=rf"{name}' is a link"), generation(work_dir, "a run") as view:
        put(view, **{f"{name}/notes.txt": b"overwritten"})
    with pytest.raises(WorkDirError, match="is a link"):
        work_dir.remove(f"{name}/notes.txt")
    with pytest.raises(WorkDirError, match="is a link"), generation(work_dir.within(name), "a run"):
        pass
    assert contents(victim) == before


def test_a_work_dir_that_is_a_link_itself_is_used(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    publish(WorkDir(str(tmp_path / "out")), **{"a": b"1", "sub/b": b"1"})
    publish(WorkDir(str(tmp_path / "out")).within("test"), a=b"1")
    assert {"a", "sub/b", "test/a"} <= contents(tmp_path / "real").keys()


@pytest.mark.parametrize("name", ["config.json", "features.dat"])
def test_a_file_that_is_a_link_is_neither_followed_nor_replaced(tmp_path: Path, victim: Path, name: str) -> None:
    publish(WorkDir(str(tmp_path / "out")), **{name: b"1"})
    (tmp_path / "out" / name).unlink()
    (tmp_path / "out" / name).symlink_to(victim / "notes.txt")
    with pytest.raises(WorkDirError, match=f"holds '{name}'"):
        publish(WorkDir(str(tmp_path / "out")), **{name: b"2"})
    assert (tmp_path / "out" / name).is_symlink()
    assert (victim / "notes.txt").read_text() == "precious"


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "out" / ".lock").symlink_to(victim / "notes.txt")
    with pytest.raises(WorkDirError, match=r"\.lock is a link"), hold(WorkDir(str(tmp_path / "out")), "a run"):
        pass
    assert (victim / "notes.txt").read_text() == "precious"


@pytest.mark.parametrize(
    "journal",
    [
        {"generation": "../../victim", "files": []},
        {"generation": "/victim", "files": []},
        {"generation": "keep", "files": ["a"]},
        {"generation": GENERATION, "files": ["../victim/notes.txt"]},
        {"generation": GENERATION, "files": {"/etc/passwd": {"size_bytes": 1}}},
        {"generation": GENERATION, "files": ["a/../../victim/notes.txt"]},
        {"generation": GENERATION, "files": [""]},
        {"generation": 1, "files": []},
        [],
    ],
)
def test_a_journal_that_leads_out_of_the_work_dir_is_refused(tmp_path: Path, victim: Path, journal: object) -> None:
    before = contents(victim)
    staged = tmp_path / "out" / STAGED
    for name in (f"{GENERATION}/a", "victim/notes.txt"):
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).write_text("planted")
    (staged / GENERATION / MARK).touch()
    (tmp_path / "out" / JOURNAL).write_text(json.dumps(journal))
    refused = pytest.raises(WorkDirError, match=r"publishing\.json' is damaged|is not the name of a file in it")
    with refused, generation(WorkDir(str(tmp_path / "out")), "a run"):
        pass
    assert contents(victim) == before
    assert (staged / GENERATION / "a").exists()


def test_a_planted_journal_replaces_no_file_of_others(tmp_path: Path, victim: Path) -> None:
    staged = tmp_path / "out" / STAGED / GENERATION
    staged.mkdir(parents=True)
    (staged / "mine.txt").write_text("planted")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    (tmp_path / "out" / JOURNAL).write_text(json.dumps({"generation": GENERATION, "files": ["mine.txt"]}))
    with pytest.raises(WorkDirError, match=r"holds 'mine\.txt'"), generation(WorkDir(str(tmp_path / "out")), "a run"):
        pass
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
@pytest.mark.parametrize("name", ["config.json", JOURNAL, ".lock", RECORD, "features.dat"])
def test_a_fifo_in_the_place_of_a_file_is_an_error_and_not_a_wait(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    work_dir = WorkDir(str(tmp_path))
    with pytest.raises(WorkDirError, match=r"not a regular file|holds '"):
        publish(work_dir, **{"features.dat": b"", "config.json": b""})
    with pytest.raises(WorkDirError), work_dir.open_local(name):
        pass
    if name == "config.json":
        with pytest.raises(WorkDirError, match="it is a FIFO"):
            files.read_config(work_dir)


SWAP = """
import os, sys
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import generation

out, victim, wanted, times, action = sys.argv[1:]
seen = []

def swap(event, details):  # called when the file is decided about, and before the system deletes or renames it
    if event != wanted or not os.fsdecode(details[event == "os.rename"]).endswith("notes.txt"):
        return
    seen.append(event)
    if len(seen) == int(times):
        os.rename(out + "/gallery", out + "/moved")
        os.symlink(victim, out + "/gallery")

with generation(WorkDir(out), "a run") as view:
    with view.publish("gallery/notes.txt") as (file,):
        file.write(b"ours")
sys.addaudithook(swap)
if action == "remove":
    WorkDir(out).remove("gallery/notes.txt")
else:
    with generation(WorkDir(out), "a run") as view:
        with view.publish("gallery/notes.txt") as (file,):
            file.write(b"newer")
print(len(seen))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="paths are all that Windows has")
@pytest.mark.parametrize(("event", "times", "action"), [("os.remove", 1, "remove"), ("os.rename", 2, "publish")])
def test_a_link_that_is_planted_between_check_and_use_leads_nowhere(
    tmp_path: Path, victim: Path, event: str, times: int, action: str
) -> None:
    before = contents(victim)
    command = [sys.executable, "-c", SWAP, str(tmp_path / "out"), str(victim), event, str(times), action]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (tmp_path / "out" / "moved").is_dir(), done.stderr
    assert contents(victim) == before


# Notes of runs: the record itself, and those of used ranges


@pytest.mark.parametrize("name", NOTES)
@pytest.mark.parametrize("mine", [b"precious", b'{"mine": 1}'])
def test_a_file_of_others_with_the_name_of_a_note_is_refused_before_the_run(
    work_dir: WorkDir, name: str, mine: bytes
) -> None:
    plant(work_dir, name, mine)
    refused = pytest.raises(WorkDirError, match=rf"holds '{name}', which this package has not written")
    with refused, generation(work_dir, "a run"):
        pytest.fail("it began")
    with refused:
        Ownership(work_dir).make_room_for_note(name)
    assert content(work_dir, name) == mine


@pytest.mark.parametrize("name", NOTES)
def test_a_note_that_others_replaced_in_our_work_dir_is_kept_under_another_name(work_dir: WorkDir, name: str) -> None:
    publish(work_dir, **{"config.json": OURS})
    plant(work_dir, name, b"mine")
    publish(work_dir, a=b"1")
    note_used(work_dir, name)
    assert content(work_dir, f"{name}.set-aside") == b"mine"
    assert NOTES[name].encode() in content(work_dir, name)


@pytest.mark.parametrize("name", NOTES)
@pytest.mark.parametrize("damaged", [b"", b'{"format": "%b", "fi'])
def test_a_damaged_note_of_ours_is_written_anew(work_dir: WorkDir, name: str, damaged: bytes) -> None:
    plant(work_dir, name, damaged % NOTES[name].encode() if damaged else b"")
    publish(work_dir, a=b"1")
    note_used(work_dir, name)
    assert not [each for each in work_dir.filesystem.find(work_dir.root) if "set-aside" in each]


@pytest.mark.parametrize("name", [*NOTES, JOURNAL])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "fifo"])
@pytest.mark.parametrize("is_new", [True, False])
def test_what_is_no_file_and_has_the_name_of_a_note_stays(tmp_path: Path, name: str, kind: str, is_new: bool) -> None:
    victim, place = tmp_path / "precious.txt", tmp_path / "out" / name
    victim.write_text("precious")
    work_dir = WorkDir(str(tmp_path / "out"))
    if not is_new:
        publish(work_dir, a=b"1")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    if kind == "folder":
        place.mkdir()
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to(victim if kind == "link" else tmp_path / "nothing")
    before = os.lstat(place)
    with pytest.raises(WorkDirError, match=re.escape(Path(name).name)):
        publish(work_dir, a=b"2")
    assert os.lstat(place) == before
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("name", FOLDERS)
def test_a_file_in_place_of_one_of_our_folders_is_named_before_the_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("precious")
    with pytest.raises(WorkDirError, match=f"holds '{name}'"), generation(WorkDir(str(tmp_path / "out")), "a run"):
        pytest.fail("it began")
    assert (tmp_path / "out" / name).read_text() == "precious"
