"""Apply and undo on local disks: what happens, what is refused with which words, and that all comes back."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dedup_assets.engine.cleaning import ApplyOptions, PlanOptions, apply_plan, copying, plan_of, undo_apply
from dedup_assets.engine.core.errors import CleaningInterrupt, PlanError
from dedup_assets.engine.core.plan_records import Applied
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.inputs.listing import ListingOptions, list_images
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.apply_journal import Act, JournalFolder, RunHeader
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets.engine.work_dir.removed_file import read_removed
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.plans import contents, save_copies, save_results, tree

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="plans are not applied on Windows")
WILD = "wild \udcff\n.jpg"
GROUPS = {"a.jpg": ["x/1.jpg", "x/y/2.jpg", WILD], "b.jpg": ["x/3.jpg"]}
COPIES = {"x/1.jpg", "x/y/2.jpg", WILD, "x/3.jpg"}


class Collection:
    """Photographs with copies, and the results of a run on them."""

    def __init__(self, top: Path) -> None:
        self.top, self.work_dir, self.elsewhere = top / "photos", top / "results", top / "elsewhere"
        save_copies(self.top, GROUPS)
        for number, path in enumerate(sorted(self.top.rglob("*.jpg"))):
            path.chmod(0o600 + number)
            os.utime(path, ns=(1_000_000_007 + number, 1_200_000_000_000_000_003 + number))
        self.results = save_results(self.work_dir, self.top, GROUPS)
        self.before = tree(self.top)

    def apply(self, action: str = "trash", **options: float) -> Applied:
        to = str(self.elsewhere) if action == "move" else ""
        plan = plan_of(self.results, PlanOptions.parse(action, "exact", to))
        return apply_plan(plan, self.results, ApplyOptions(threads=1, **options), ProgressReporter())

    def undo(self, run: str) -> list[str]:
        return list(undo_apply(run, str(self.work_dir), ProgressReporter()).failed)

    @property
    def names(self) -> set[str]:
        return set(tree(self.top))


@pytest.fixture
def photos(tmp_path: Path) -> Collection:
    return Collection(tmp_path)


@pytest.mark.parametrize("action", ["trash", "move", "hardlink"])
def test_an_apply_is_undone_with_bytes_names_times_and_permissions(photos: Collection, action: str) -> None:
    kept = contents(photos.top)
    applied = photos.apply(action)
    assert (applied.done, applied.skipped) == (4, [])
    assert photos.names == ({"a.jpg", "b.jpg"} if action != "hardlink" else photos.before.keys())
    assert contents(photos.top, photos.elsewhere) == kept
    if action == "hardlink":
        assert (photos.top / "a.jpg").stat().st_nlink == 4
    assert photos.undo(applied.run) == []
    assert tree(photos.top) == photos.before
    assert (photos.top / "a.jpg").stat().st_nlink == 1
    assert read_removed(photos.results) == []


def test_trash_keeps_the_structure_and_is_no_input(photos: Collection) -> None:
    applied = photos.apply()
    (place,) = applied.places
    assert (Path(place) / "x" / "y" / "2.jpg").exists()
    listed = list_images(str(photos.top), ListingOptions())
    assert [os.path.basename(name) for name in listed.images["filename"]] == [b"a.jpg", b"b.jpg"]  # noqa: PTH119
    assert listed.left_out[".dedup-trash"] == 1
    assert {row.run for row in read_removed(photos.results)} == {applied.run}


def test_a_picture_that_comes_back_is_said_to_have_been_removed(photos: Collection) -> None:
    applied = photos.apply()
    save_copies(photos.top, GROUPS)
    assert plan_of(photos.results, PlanOptions()).returned == 4
    assert applied.done == 4


def test_an_undo_can_be_named_by_its_folder_and_repeated(photos: Collection) -> None:
    applied = photos.apply()
    assert photos.undo(applied.places[0]) == []
    again = undo_apply(applied.run, str(photos.work_dir), ProgressReporter())
    assert (again.restored, again.in_place, again.never_left, again.failed) == (0, 4, 0, [])
    with pytest.raises(PlanError, match="no apply of this id"):
        photos.undo("20010101-000000-0000")


def test_a_plan_that_is_applied_again_after_an_undo_knows_what_is_done(photos: Collection) -> None:
    plan, options = plan_of(photos.results, PlanOptions()), ApplyOptions(threads=1)
    for _ in range(3):
        applied = apply_plan(plan, photos.results, options, ProgressReporter())
        assert (applied.done, applied.before, applied.skipped) == (4, 0, [])
        again = apply_plan(plan, photos.results, options, ProgressReporter())
        assert (again.done, again.before, again.skipped) == (0, 4, [])
        assert photos.undo(applied.run) == []
    assert tree(photos.top) == photos.before


def test_what_was_deleted_is_named_by_the_undo(photos: Collection) -> None:
    applied = photos.apply("delete")
    assert photos.names == {"a.jpg", "b.jpg"}
    failed = photos.undo(applied.run)
    assert len(failed) == 4
    assert all("was deleted, which cannot be undone" in reason for reason in failed)


def replace(path: Path) -> None:
    save_jpeg(path.with_suffix(".new"), photo_like(9)).replace(path)


def link(path: Path) -> None:
    path.rename(path.parent / "real")
    path.symlink_to(path.parent / "real")


def link_folder(path: Path) -> None:
    folder = path.parent
    folder.rename(folder.with_name("real"))
    folder.symlink_to(folder.with_name("real"))


def same_size(path: Path) -> None:
    """Change one byte, and set the time of change back."""
    facts = path.stat()
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


FAULTS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "changed": ("x/1.jpg", lambda path: path.write_bytes(b"other"), "has changed since the plan"),
    "one byte": ("x/1.jpg", same_size, "has changed since the plan"),
    "truncated": ("x/y/2.jpg", lambda path: os.truncate(path, 100), "has changed since the plan"),
    "replaced": ("x/1.jpg", replace, "has changed since the plan"),
    "gone": ("x/1.jpg", Path.unlink, "is gone"),
    "a link": ("x/1.jpg", link, "^'.*x/1.jpg' is a link, and nothing"),
    "in a linked folder": ("x/y/2.jpg", link_folder, "reached through a link"),
    "its folder gone": ("x/y/2.jpg", lambda path: shutil.rmtree(path.parent), "x/y/2.jpg' is gone"),
    "its folder a file": (
        "x/y/2.jpg",
        lambda path: (shutil.rmtree(path.parent), path.parent.write_bytes(b"")),
        "x/y/2.jpg' is inside of a file",
    ),
    "a folder": ("x/1.jpg", lambda path: (path.unlink(), path.mkdir()), "no regular file"),
    "a fifo": ("x/1.jpg", lambda path: (path.unlink(), os.mkfifo(path)), "no regular file"),
    "keeper truncated": (
        "a.jpg",
        lambda path: os.truncate(path, 2000),
        "the kept file '.*a.jpg' has .*; its copies stay",
    ),
    "keeper gone": ("a.jpg", Path.unlink, "the kept file '.*a.jpg' is gone; its copies stay"),
    "keeper a link": ("a.jpg", link, "the kept file '.*a.jpg' is a link, .*; its copies stay"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_group_with_a_file_that_changed_is_left_whole_with_the_reason(photos: Collection, fault: str) -> None:
    name, change, said = FAULTS[fault]
    plan = plan_of(photos.results, PlanOptions())
    change(photos.top / name)
    now = tree(photos.top)
    applied = apply_plan(plan, photos.results, ApplyOptions(threads=1), ProgressReporter())
    (skipped,) = applied.skipped
    assert applied.done == 1
    assert skipped.group_id == "g-000000000000"
    assert re.search(said, skipped.reason), skipped.reason
    assert tree(photos.top) == {name: facts for name, facts in now.items() if name != "x/3.jpg"}
    assert photos.undo(applied.run) == []
    assert tree(photos.top) == now


def test_a_kept_file_that_cannot_be_shown_keeps_its_copies(tmp_path: Path) -> None:
    top = tmp_path / "photos"
    save_copies(top, GROUPS)
    for name in ("b.jpg", "x/3.jpg"):
        os.truncate(top / name, 3000)
    results = save_results(tmp_path / "results", top, GROUPS)
    applied = apply_plan(plan_of(results, PlanOptions()), results, ApplyOptions(threads=1), ProgressReporter())
    assert applied.done == 3
    (skipped,) = applied.skipped
    assert "b.jpg' cannot be shown" in skipped.reason


def test_kept_files_that_are_decoded_together_are_judged_alone(tmp_path: Path) -> None:
    top = tmp_path / "photos"
    groups = {f"{number:02d}.jpg": [f"x/{number:02d}.jpg"] for number in range(20)}
    save_copies(top, groups)
    for name in ("03.jpg", "x/03.jpg", "17.jpg", "x/17.jpg"):
        os.truncate(top / name, 3000)
    results = save_results(tmp_path / "results", top, groups)
    plan = plan_of(results, PlanOptions())
    (top / "x" / "05.jpg").unlink()
    applied = apply_plan(plan, results, ApplyOptions(threads=1), ProgressReporter())
    reasons = {skipped.group_id[-2:]: skipped.reason for skipped in applied.skipped}
    assert reasons.keys() == {"03", "05", "11"}
    assert "03.jpg' cannot be shown" in reasons["03"]
    assert "17.jpg' cannot be shown" in reasons["11"]
    assert "x/05.jpg' is gone" in reasons["05"]
    assert {path.name for path in (top / "x").iterdir()} == {"03.jpg", "17.jpg"}


def test_another_name_of_the_kept_file_is_no_copy(photos: Collection) -> None:
    plan = plan_of(photos.results, PlanOptions())
    (photos.top / "x" / "3.jpg").unlink()
    (photos.top / "x" / "3.jpg").hardlink_to(photos.top / "b.jpg")
    applied = apply_plan(plan, photos.results, ApplyOptions(threads=1), ProgressReporter())
    assert [skipped.group_id for skipped in applied.skipped] == ["g-000000000001"]
    assert "the same file as the kept one" in applied.skipped[0].reason


def test_a_plan_of_older_groups_is_refused(photos: Collection, tmp_path: Path) -> None:
    plan = plan_of(photos.results, PlanOptions())
    save_results(photos.work_dir, photos.top, {"a.jpg": ["x/1.jpg"]})
    with pytest.raises(PlanError, match="other groups"):
        apply_plan(plan, photos.results, ApplyOptions(), ProgressReporter())
    with pytest.raises(PlanError, match="holds none"):
        apply_plan(plan, WorkDir(str(tmp_path / "none")), ApplyOptions(), ProgressReporter())
    assert tree(photos.top) == photos.before


def test_a_plan_that_would_empty_a_collection_is_refused(photos: Collection) -> None:
    save_results(photos.work_dir, photos.top, GROUPS, others=0)
    with pytest.raises(PlanError, match="4 of the 6 images in all"):
        photos.apply()
    assert photos.apply(max_removed_share=0.7).done == 4


def test_a_second_apply_at_the_same_time_is_refused(photos: Collection, tmp_path: Path) -> None:
    with (
        hold(photos.results, "another apply"),
        pytest.raises(PlanError, match=r"results' is in use by another run \(another apply"),
    ):
        photos.apply()
    other = save_results(tmp_path / "other results", photos.top, {"x/3.jpg": ["b.jpg"]})
    with open(photos.top / "x" / "3.jpg", "rb") as file:  # noqa: PTH123 - as an apply of the other results has it
        fcntl.flock(file, fcntl.LOCK_EX)
        options = ApplyOptions(threads=1)
        applied = apply_plan(plan_of(other, PlanOptions()), other, options, ProgressReporter())
    assert "x/3.jpg' is in use by another apply" in applied.skipped[0].reason
    assert tree(photos.top) == photos.before


def test_two_plans_that_contradict_leave_one_copy(photos: Collection, tmp_path: Path) -> None:
    other = save_results(tmp_path / "other results", photos.top, {"x/3.jpg": ["b.jpg"]})
    contrary = plan_of(other, PlanOptions())
    photos.apply()
    applied = apply_plan(contrary, other, ApplyOptions(threads=1), ProgressReporter())
    assert "x/3.jpg' is gone" in applied.skipped[0].reason
    assert photos.names == {"a.jpg", "b.jpg"}


def test_nothing_is_overwritten_by_a_move_or_an_undo(photos: Collection) -> None:
    (photos.elsewhere / "x").mkdir(parents=True)
    (photos.elsewhere / "x" / "3.jpg").write_bytes(b"mine")
    applied = photos.apply("move")
    assert "is there already" in applied.skipped[0].reason
    (photos.top / "x" / "1.jpg").write_bytes(b"new")
    (failed,) = photos.undo(applied.run)
    assert "another file has its name" in failed
    assert (photos.top / "x" / "1.jpg").read_bytes() == b"new"
    assert (photos.elsewhere / "x" / "1.jpg").exists()
    (photos.top / "x" / "1.jpg").unlink()
    assert photos.undo(applied.run) == []
    assert tree(photos.top) == photos.before


@pytest.fixture
def other_disk() -> Path:
    """A folder on another file system than temporary files."""
    place = Path("/dev/shm")  # noqa: S108 - a small disk in memory
    if not place.is_dir() or not os.access(place, os.W_OK):
        pytest.skip("no second file system")
    return place


def test_across_disks_a_file_goes_once_its_copy_is_verified(
    photos: Collection, other_disk: Path, request: pytest.FixtureRequest
) -> None:
    photos.elsewhere = other_disk / f"dedup-assets-tests-{os.getpid()}"
    request.addfinalizer(lambda: shutil.rmtree(photos.elsewhere, ignore_errors=True))
    if photos.elsewhere.parent.stat().st_dev == photos.top.stat().st_dev:
        pytest.skip("no second file system")
    kept = contents(photos.top)
    applied = photos.apply("move")
    assert (applied.done, photos.names) == (4, {"a.jpg", "b.jpg"})
    assert contents(photos.top, photos.elsewhere) == kept
    assert (photos.elsewhere / "x" / "1.jpg").stat().st_mtime_ns == photos.before["x/1.jpg"][1]
    assert photos.undo(applied.run) == []
    assert tree(photos.top) == photos.before
    assert contents(photos.elsewhere) == set()


def test_a_full_disk_stops_an_apply_or_an_undo_and_loses_nothing(
    photos: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own calls fail: a link as across disks, then a write as on a full disk."""

    def refuse(number: int) -> Callable[..., int]:
        def call(*_: object, **__: object) -> int:
            raise OSError(number, os.strerror(number))

        return call

    with monkeypatch.context() as full:
        full.setattr("dedup_assets.engine.work_dir.folders.os.link", refuse(errno.EXDEV))
        full.setattr(copying.os, "pread", refuse(errno.ENOSPC))
        said = r"^stopped before any file was touched: group g-\S+: '.*' cannot go to '.*': No space left .* Make room"
        with pytest.raises(PlanError, match=said):
            photos.apply()
    assert tree(photos.top) == photos.before
    assert contents(photos.top) == {facts[0] for facts in photos.before.values()}
    applied = photos.apply()
    assert applied.done == 4
    assert len(applied.places) == 1
    with monkeypatch.context() as full:
        full.setattr("dedup_assets.engine.work_dir.folders.os.link", refuse(errno.EXDEV))
        full.setattr(copying.os, "pread", refuse(errno.ENOSPC))
        said = "^stopped: 0 files are back, then '.*' cannot be put back: No space left .* Make room there, then run"
        with pytest.raises(PlanError, match=said):
            photos.undo(applied.run)
    assert photos.undo(applied.run) == []
    assert tree(photos.top) == photos.before


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("across_disks", [False, True])
def test_a_file_that_cannot_leave_its_folder_has_no_second_name_in_the_trash(
    photos: Collection, monkeypatch: pytest.MonkeyPatch, across_disks: bool
) -> None:
    """The system's own calls fail, as in a folder without permission to write, which root may write to."""
    unlink = os.unlink

    def refuse(name: str, *, dir_fd: int | None = None) -> None:
        if dir_fd is not None and os.readlink(f"/proc/self/fd/{dir_fd}") == str(photos.top / "x"):  # noqa: PTH115
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
        unlink(name, dir_fd=dir_fd)

    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    with monkeypatch.context() as protected:
        protected.setattr("dedup_assets.engine.work_dir.folders.os.unlink", refuse)
        if across_disks:
            protected.setattr("dedup_assets.engine.work_dir.folders.os.link", link)
        applied = photos.apply()
    gone = photos.before.keys() - tree(photos.top).keys()
    assert "x/3.jpg" not in gone
    assert applied.done == len(gone)
    in_trash = [path for place in applied.places for path in Path(place).rglob("*.jpg")]
    assert len(in_trash) == applied.done
    undone = undo_apply(applied.run, str(photos.work_dir), ProgressReporter())
    assert (undone.restored, undone.failed) == (applied.done, [])
    assert tree(photos.top) == photos.before


def test_an_undo_of_files_that_a_later_apply_took_names_that_one(photos: Collection) -> None:
    first = photos.apply()
    assert photos.undo(first.run) == []
    second = photos.apply()
    undone = undo_apply(first.run, str(photos.work_dir), ProgressReporter())
    assert (undone.restored, undone.failed) == (0, [])
    assert [(each.run, each.files, each.place) for each in undone.taken] == [(second.run, 4, second.places[0])]
    assert photos.names == {"a.jpg", "b.jpg"}
    assert photos.undo(second.run) == []
    assert tree(photos.top) == photos.before
    again = undo_apply(first.run, str(photos.work_dir), ProgressReporter())
    assert (again.in_place, again.failed, again.taken) == (4, [], [])


def test_an_undo_of_an_apply_that_wrote_nothing_says_that_nothing_was_moved(photos: Collection) -> None:
    empty = photos.top / ".dedup-trash" / "20260101-000000-000000"
    empty.mkdir(parents=True)
    with pytest.raises(PlanError, match="holds no journal of an apply, and nothing was moved to it"):
        photos.undo(str(empty))
    (empty / "journal.jsonl").touch()
    with pytest.raises(PlanError, match="nothing was moved to it"):
        photos.undo(str(empty))
    (empty / "a.jpg").touch()
    with pytest.raises(PlanError, match=r"holds no journal of an apply$"):
        photos.undo(str(empty))


WRITTEN = {  # the file, how much is written before the disk is full, and what is said then
    "journal": (".dedup-trash", 0, "stopped before any file was touched: '.*journal.jsonl' cannot be written"),
    "acts": (".dedup-trash", 1, "stopped before any file was touched: '.*journal.jsonl' cannot be written"),
    "end": (".dedup-trash", 2, "stopped: 4 files were moved to the trash, then '.*journal.jsonl' cannot be written"),
    "removed": ("results", 0, "stopped: 4 files were moved to the trash, then '.*removed.csv' cannot be written"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the system names an open file in /proc")
@pytest.mark.parametrize("written", WRITTEN)
def test_a_full_disk_beside_the_images_is_told_in_words_of_an_apply_or_undo(
    photos: Collection, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    folder, left, said = WRITTEN[written]
    plan, options = plan_of(photos.results, PlanOptions()), ApplyOptions(threads=1)
    with full_disk(monkeypatch, folder, left), pytest.raises(PlanError, match=f"{said}: No space left .* Make room"):
        apply_plan(plan, photos.results, options, ProgressReporter())
    assert len(photos.names) == (6 if "before" in said else 2)
    assert len(list(photos.top.glob(".dedup-trash/2*"))) == (written != "journal")
    resumed = apply_plan(plan, photos.results, options, ProgressReporter())
    assert (resumed.done + resumed.before, photos.names) == (4, {"a.jpg", "b.jpg"})
    (run,) = {row.run for row in read_removed(photos.results)}
    said = (
        "^an undo is refused before any file was touched" if left == 0 and folder != "results" else "^4 files are back"
    )
    with (
        full_disk(monkeypatch, folder, min(left, 1)),
        pytest.raises(PlanError, match=f"{said}.* No space left .* again"),
    ):
        photos.undo(run)
    assert photos.undo(run) == []
    assert tree(photos.top) == photos.before


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, folder: str, left: int) -> Iterator[None]:
    """The system refuses to synchronise what is written below a folder, but for the first files."""
    sync, synced = os.fsync, list[str]()

    def refuse(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if folder in path.parts and path.is_file():
            synced.append(path.name)
            if len(synced) > left:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", refuse)
        yield


class Interrupting(ProgressReporter):
    """Somebody presses Ctrl-C after this many files."""

    def __init__(self, files: int) -> None:
        super().__init__()
        self._left = files

    def advance(self, done: int, bad: int) -> None:
        super().advance(done, bad)
        self._left -= done
        if self._left <= 0:
            raise KeyboardInterrupt


def test_ctrl_c_says_how_many_files_an_apply_has_moved_and_an_undo_put_back(photos: Collection) -> None:
    plan, options = plan_of(photos.results, PlanOptions()), ApplyOptions(threads=1)
    with pytest.raises(CleaningInterrupt, match=r"^interrupted: 3 files were moved to the trash; .*same command again"):
        apply_plan(plan, photos.results, options, Interrupting(3))
    assert len(photos.before.keys() - tree(photos.top).keys()) == 3
    (run,) = {row.run for row in read_removed(photos.results)}
    again = "1 file was moved to the trash, 3 by an earlier apply of this plan; .* dedup-assets undo .*" + run
    with pytest.raises(CleaningInterrupt, match=again):
        apply_plan(plan, photos.results, options, Interrupting(1))
    with pytest.raises(CleaningInterrupt, match=r"^interrupted: 2 files are back, .*run the same command again"):
        undo_apply(run, str(photos.work_dir), Interrupting(2))
    assert photos.undo(run) == []
    assert tree(photos.top) == photos.before


@pytest.mark.skipif(sys.platform != "linux", reason="clones as Linux has them")
def test_a_file_system_without_clones_is_said_so(photos: Collection) -> None:
    try:
        applied = photos.apply("reflink")
    except PlanError as error:
        assert "no clones" in str(error)  # noqa: PT017 - whether it is raised depends on the file system
        assert tree(photos.top) == photos.before
        return
    assert applied.done == 4
    assert tree(photos.top) == photos.before


@pytest.mark.parametrize("action", ["trash", "move", "hardlink", "reflink"])
def test_a_journal_of_others_leads_to_no_file_outside_of_the_trash(photos: Collection, action: str) -> None:
    folder = photos.top / ".dedup-trash" / "X"
    folder.mkdir(parents=True)
    only = photos.top / "only.jpg"
    only.write_bytes((photos.top / "b.jpg").read_bytes())
    header = RunHeader("X", "", action, [str(folder)], str(photos.work_dir))
    digest = hashlib.sha256(only.read_bytes()).hexdigest()
    targets = (os.fsencode(photos.top / "b.jpg"), os.fsencode(only))
    act = Act("g", action, *targets, digest, only.stat().st_size, os.fsencode(photos.top / "a.jpg"), digest)
    journal = JournalFolder(str(folder))
    journal.begin(header)
    journal.append_acts([act])
    journal.close()
    applied = photos.apply()
    assert (applied.done, applied.skipped) == (4, [])
    assert only.exists()
    assert (photos.top / "b.jpg").exists()


def test_the_trash_of_an_apply_is_undone_from_a_folder_of_another_name(photos: Collection) -> None:
    (place,) = map(Path, photos.apply("hardlink").places)
    renamed = place.rename(place.with_name("before"))
    assert undo_apply(str(renamed), "", ProgressReporter()).failed == []
    assert tree(photos.top) == photos.before
