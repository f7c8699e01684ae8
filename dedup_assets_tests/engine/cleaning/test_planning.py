"""Which copies a plan names, and why it leaves others out."""

import os
from pathlib import Path

import polars as pl
import pytest

from dedup_assets.engine.cleaning import PlanOptions
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.plan_records import Action, Plan, Root, too_many_removed
from dedup_assets.engine.core.plan_tables import PLAN_SCHEMA
from dedup_assets_tests.support.plans import plan_for, save_copies

GROUPS = {"a.jpg": ["x/1.jpg", "x/2.jpg"], "b.jpg": ["x/3.jpg"]}


def names_of(top: Path, names: list[bytes]) -> list[str]:
    return [os.path.relpath(os.fsdecode(name), top) for name in names]


def test_exact_copies_alone_are_planned_unless_more_is_named(tmp_path: Path) -> None:
    save_copies(tmp_path, GROUPS)
    roles = {"x/2.jpg": ("copy", "same"), "x/3.jpg": ("review", "exact")}
    usual = plan_for(tmp_path, GROUPS, roles=roles)
    assert names_of(tmp_path, usual.rows["filename"].to_list()) == ["x/1.jpg"]
    assert sorted(usual.left_out.values()) == [1, 1]
    assert any("--only ...,same" in reason for reason in usual.left_out)
    named = plan_for(tmp_path, GROUPS, PlanOptions.parse("trash", "exact, same,review"), roles=roles)
    assert sorted(names_of(tmp_path, named.rows["filename"].to_list())) == ["x/1.jpg", "x/2.jpg", "x/3.jpg"]


def test_the_group_that_frees_most_comes_first(tmp_path: Path) -> None:
    save_copies(tmp_path, GROUPS)
    plan = plan_for(tmp_path, GROUPS)
    freed = plan.rows.group_by("group_id", maintain_order=True).agg(pl.col("bytes").sum())
    assert freed["bytes"].to_list() == sorted(freed["bytes"], reverse=True)


def test_links_changed_and_missing_files_are_left_out_with_the_reason(tmp_path: Path) -> None:
    groups = {
        "a.jpg": ["link.jpg", "folder/1.jpg", "named twice.jpg", "gone.jpg"],
        "b.jpg": ["2.jpg"],
        "c.jpg": ["3.jpg"],
    }
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    save_copies(tmp_path, groups)
    (tmp_path / "link.jpg").unlink()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "gone.jpg").unlink()
    (tmp_path / "b.jpg").unlink()
    plan = plan_for(tmp_path, groups, linked=["named twice.jpg"])
    assert names_of(tmp_path, plan.rows["filename"].to_list()) == ["3.jpg"]
    assert plan.left_out == {
        "reached through a link": 2,
        "reached by other names, too (links)": 1,
        "gone": 1,
        "a copy of an image that is gone": 1,
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("burn", "exact"), "must be one of trash, move, hardlink, reflink, delete"),
        (("trash", "variant"), "must be one or more of exact, pixels, copy, same, review"),
        (("trash", ""), "must be one or more of"),
        (("hardlink", "exact,copy"), "only=exact alone"),
        (("move", "exact"), "name a folder"),
        (("trash", "exact", "/elsewhere"), "with no other action"),
        (("move", "exact", "s3://bucket/x"), "local folder"),
    ],
)
def test_options_that_cannot_be_met_are_refused(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        PlanOptions.parse(*given)


def test_files_are_not_moved_into_an_input(tmp_path: Path) -> None:
    save_copies(tmp_path, GROUPS)
    with pytest.raises(PlanError, match="lies in the input"):
        plan_for(tmp_path, GROUPS, PlanOptions.parse("move", "exact", str(tmp_path / "copies")))


def test_a_plan_that_empties_an_input_is_too_much(tmp_path: Path) -> None:
    save_copies(tmp_path, GROUPS)
    few, many = plan_for(tmp_path, GROUPS, others=0), plan_for(tmp_path, GROUPS, others=10)
    assert "3 of the 5 images in all" in too_many_removed(few, 0.5)
    assert too_many_removed(few, 0.6) == ""
    assert too_many_removed(many, 0.5) == ""
    linked = plan_for(tmp_path, GROUPS, PlanOptions(Action.HARDLINK), others=0)
    assert too_many_removed(linked, 0.0) == ""


def test_a_file_counts_for_the_longest_input_that_holds_it() -> None:
    names = (b"/", b"/photos", b"/photos/new", b"s3://bucket/photos")
    roots = tuple(Root(name, 1) for name in sorted(names, key=len, reverse=True))
    plan = Plan(pl.DataFrame(schema=PLAN_SCHEMA), "of a test", Action.TRASH, roots=roots)
    holders = {
        b"/photos/new/1.jpg": b"/photos/new",
        b"/photos/new.jpg": b"/photos",
        b"/photos2/new/1.jpg": b"/",
        b"s3://bucket/photos/x/1.jpg": b"s3://bucket/photos",
        b"s3://bucket/photos2/1.jpg": b"",
        b"here.jpg": b"",
    }
    assert {name: plan.root_of(name).name for name in holders} == holders
