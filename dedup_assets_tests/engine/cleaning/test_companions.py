"""Sidecars, raw files and films go with their image and come back with it, or the image stays."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from dedup_assets.engine.cleaning import ApplyOptions, PlanOptions, apply_plan, plan_of, undo_apply
from dedup_assets.engine.core.plan_records import Applied, Plan
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets_tests.support.plans import save_copies, save_results, tree

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="plans are not applied on Windows")
GROUPS = {"a/IMG_1.jpg": ["b/IMG_1.jpg"], "a/IMG_2.jpg": ["b/IMG_2.jpg"]}
IMAGES = {name for kept, copies in GROUPS.items() for name in (kept, *copies)}


class Shots:
    """Photographs with copies, and files beside them."""

    def __init__(self, top: Path) -> None:
        self.top, self.work_dir, self.elsewhere = top / "photos", top / "results", top / "elsewhere"
        save_copies(self.top, GROUPS)

    def save(self, *names: str, content: str = "") -> None:
        for name in names:
            (self.top / name).write_text(content or Path(name).name)

    def plan(self, action: str = "trash", only: str = "exact") -> Plan:
        self.results = save_results(self.work_dir, self.top, GROUPS)
        to = str(self.elsewhere) if action == "move" else ""
        return plan_of(self.results, PlanOptions.parse(action, only, to))

    def planned(self, plan: Plan) -> dict[str, str]:
        """The relation of each planned file."""
        rows = plan.rows.select("filename", "relation").iter_rows()
        return {os.path.relpath(os.fsdecode(name), self.top): relation for name, relation in rows}

    def apply(self, plan: Plan) -> Applied:
        return apply_plan(plan, self.results, ApplyOptions(threads=1), ProgressReporter())

    def left(self) -> set[str]:
        return set(tree(self.top))


@pytest.fixture
def shots(tmp_path: Path) -> Shots:
    return Shots(tmp_path)


def test_sidecars_go_with_their_image_and_come_back_with_it(shots: Shots) -> None:
    shots.save("a/IMG_1.xmp", "b/IMG_1.xmp", "a/IMG_1.jpg.json", "b/IMG_1.jpg.json", "a/other.xmp", "b/other.xmp")
    before = tree(shots.top)
    plan = shots.plan()
    assert shots.planned(plan) == {
        "b/IMG_1.xmp": "sidecar",
        "b/IMG_1.jpg.json": "sidecar",
        "b/IMG_1.jpg": "exact",
        "b/IMG_2.jpg": "exact",
    }
    assert plan.removed_shares()[0][1] == 2
    applied = shots.apply(plan)
    assert (applied.done, applied.skipped) == (4, [])
    assert shots.left() == before.keys() - shots.planned(plan).keys()
    assert not undo_apply(applied.run, str(shots.work_dir), ProgressReporter()).failed
    assert tree(shots.top) == before


def test_a_sidecar_that_two_images_share_is_not_left_without_them(shots: Shots) -> None:
    shots.save("b/IMG_1.xmp", "b/IMG_1.png")
    assert shots.planned(shots.plan()) == {"b/IMG_2.jpg": "exact"}
    shots.save("a/IMG_1.xmp")
    assert shots.planned(shots.plan()) == {"b/IMG_1.jpg": "exact", "b/IMG_2.jpg": "exact"}


def test_an_image_with_a_sidecar_that_the_kept_one_lacks_is_for_review(shots: Shots) -> None:
    shots.save("a/IMG_1.xmp", "b/IMG_1.xmp", "b/IMG_1.aae", "b/IMG_2.jpg.json")
    plan = shots.plan()
    assert shots.planned(plan) == {}
    ((reason, count),) = plan.left_out.items()
    assert (count, "the kept image has none with its bytes" in reason) == (2, True)
    reviewed = shots.planned(shots.plan(only="exact,review"))
    assert set(reviewed) == {"b/IMG_1.jpg", "b/IMG_1.xmp", "b/IMG_1.aae", "b/IMG_2.jpg", "b/IMG_2.jpg.json"}


def test_an_image_whose_sidecar_says_something_else_is_for_review(shots: Shots) -> None:
    shots.save("a/IMG_1.xmp", "a/IMG_2.jpg.json", content="Anna")
    shots.save("b/IMG_1.xmp", "b/IMG_2.jpg.json", content="Berta in Rome")
    assert shots.planned(shots.plan()) == {}
    assert len(shots.planned(shots.plan(only="exact,review"))) == 4


def test_both_halves_of_a_shot_go_only_where_both_have_a_copy(shots: Shots) -> None:
    shots.save("a/IMG_1.CR2", "b/IMG_1.CR2", content="raw")
    shots.save("a/IMG_2.MOV", content="film")
    shots.save("b/IMG_2.MOV", content="clip")
    plan = shots.plan()
    assert shots.planned(plan) == {"b/IMG_1.CR2": "half", "b/IMG_1.jpg": "exact"}
    ((reason, count),) = plan.left_out.items()
    assert (count, "other half" in reason) == (1, True)
    before = shots.left()
    applied = shots.apply(plan)
    assert (applied.done, applied.skipped) == (2, [])
    assert shots.left() == before - {"b/IMG_1.CR2", "b/IMG_1.jpg"}


def test_a_half_whose_kept_copy_has_changed_keeps_the_shot(shots: Shots) -> None:
    shots.save("a/IMG_1.CR2", "b/IMG_1.CR2", content="raw")
    plan = shots.plan()
    shots.save("a/IMG_1.CR2", content="new")
    before = shots.left()
    applied = shots.apply(plan)
    assert ["a/IMG_1.CR2' has changed" in skipped.reason for skipped in applied.skipped] == [True]
    assert shots.left() == before - {"b/IMG_2.jpg"}


@pytest.mark.parametrize("gone", ["b/IMG_1.xmp", "b/IMG_1.jpg"])
def test_a_plan_from_which_a_part_of_a_stack_was_removed_leaves_the_whole(shots: Shots, gone: str) -> None:
    shots.save("a/IMG_1.xmp", "b/IMG_1.xmp")
    plan = shots.plan()
    before = shots.left()
    cut = replace(plan, rows=plan.rows.filter(pl.col("filename") != os.fsencode(shots.top / gone)))
    applied = shots.apply(cut)
    (skipped,) = applied.skipped
    assert "belongs to" in skipped.reason
    assert shots.left() == before - {"b/IMG_2.jpg"}


def test_a_sidecar_that_came_after_the_plan_keeps_its_image(shots: Shots) -> None:
    plan = shots.plan()
    shots.save("b/IMG_1.xmp")
    before = shots.left()
    applied = shots.apply(plan)
    assert ["the plan does not name it" in skipped.reason for skipped in applied.skipped] == [True]
    assert shots.left() == before - {"b/IMG_2.jpg"}


def test_sidecars_are_put_back_where_their_image_cannot_go(shots: Shots) -> None:
    shots.save("a/IMG_1.xmp", "b/IMG_1.xmp")
    plan = shots.plan("move")
    (shots.elsewhere / "b").mkdir(parents=True)
    (shots.elsewhere / "b" / "IMG_1.jpg").write_text("mine")
    before = tree(shots.top)
    applied = shots.apply(plan)
    assert ["is there already" in skipped.reason for skipped in applied.skipped] == [True]
    assert applied.done == 1
    assert tree(shots.top) == {name: facts for name, facts in before.items() if name != "b/IMG_2.jpg"}
    assert not undo_apply(applied.run, str(shots.work_dir), ProgressReporter()).failed
    assert tree(shots.top) == before


def test_a_sidecar_of_two_images_stays(shots: Shots) -> None:
    shots.save("a/IMG_1.xmp", "b/IMG_1.xmp", "b/IMG_1.png")
    before = shots.left()
    shots.apply(shots.plan())
    assert shots.left() == before - {"b/IMG_1.jpg", "b/IMG_2.jpg"}


def test_files_beside_an_image_that_stays_in_place_are_left_alone(shots: Shots) -> None:
    shots.save("b/IMG_1.xmp")
    before = shots.left()
    applied = shots.apply(shots.plan("hardlink"))
    assert (applied.done, applied.skipped) == (2, [])
    assert shots.left() == before


def test_captions_of_a_training_set_go_with_equal_ones_alone(shots: Shots) -> None:
    shots.save("a/IMG_1.txt", "b/IMG_1.txt", "a/IMG_1.json", "b/IMG_1.json", "a/IMG_2.txt")
    shots.save("b/IMG_2.txt", content="another caption")
    plan = shots.plan()
    assert shots.planned(plan) == {"b/IMG_1.txt": "sidecar", "b/IMG_1.json": "sidecar", "b/IMG_1.jpg": "exact"}
    assert sum(plan.left_out.values()) == 1


@pytest.mark.parametrize(
    ("leaf", "noted", "elsewhere"),
    [
        (".picasa.ini", "[IMG_1.jpg]\r\nstar=yes\r\nbackuphash=1\r\n", "[IMG_2.jpg]\nwidth=9\n[Picasa]\nname=x"),
        ("Picasa.ini", "\ufeff[img_1.JPG]\nfaces=rect64(1),2\n", "[IMG_1.jpg]\nrotate=rotate(1)\n"),
        ("descript.ion", "IMG_1.jpg Anna in Rome\n", '"IMG_1.jpg" Anna\n"IMG 3.jpg" a'),
    ],
)
def test_what_a_file_of_the_folder_notes_of_an_image_is_for_a_person(
    shots: Shots, leaf: str, noted: str, elsewhere: str
) -> None:
    shots.save(f"b/{leaf}", content=noted)
    shots.save(f"a/{leaf}", content=elsewhere)
    plan = shots.plan()
    assert shots.planned(plan) == {"b/IMG_2.jpg": "exact"}
    assert [".picasa.ini, descript.ion" in reason for reason in plan.left_out] == [True]
    assert set(shots.planned(shots.plan(only="exact,review"))) == {"b/IMG_1.jpg", "b/IMG_2.jpg"}
    shots.save(f"a/{leaf}", content=noted.lower().replace("anna in rome", "Anna in Rome") + "[other]\nstar=yes\n")
    assert set(shots.planned(shots.plan())) == {"b/IMG_1.jpg", "b/IMG_2.jpg"}


def test_what_a_disk_keeps_of_an_image_goes_along_unless_a_person_wrote_it(shots: Shots) -> None:
    (shots.top / "b" / "@eaDir" / "IMG_1.jpg").mkdir(parents=True)
    shots.save("b/@eaDir/IMG_1.jpg@SynoEAStream", "b/._IMG_1.jpg", content="com.apple.lastuseddate")
    shots.save("b/._IMG_2.jpg", content="com.apple.metadata:_kMDItemUserTags Anna")
    before = tree(shots.top)
    plan = shots.plan()
    assert set(shots.planned(plan)) == {"b/@eaDir/IMG_1.jpg@SynoEAStream", "b/._IMG_1.jpg", "b/IMG_1.jpg"}
    applied = shots.apply(plan)
    assert (applied.done, applied.skipped) == (3, [])
    assert not undo_apply(applied.run, str(shots.work_dir), ProgressReporter()).failed
    assert tree(shots.top) == before


def test_the_picture_before_the_edits_of_acdsee_is_for_a_person_and_stays(shots: Shots) -> None:
    (shots.top / "b" / "[Originals]").mkdir()
    shots.save("b/[Originals]/IMG_1.jpg", "b/[Originals]/IMG_1.xmp")
    assert shots.planned(shots.plan()) == {"b/IMG_2.jpg": "exact"}
    assert set(shots.planned(shots.plan(only="exact,review"))) == {"b/IMG_1.jpg", "b/IMG_2.jpg"}
