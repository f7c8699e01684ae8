"""Roots with roles, from the command line: what groups make of them, and that no plan or apply acts against them."""

import csv
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from dedup_assets.cli.main import main
from dedup_assets.engine.cleaning import ApplyOptions, PlanOptions, apply_plan, generation_of, plan_of
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like
from dedup_assets_tests.support.plans import plan_for, save_copies, save_results, tree


class Library:
    """A library with copies of its own, and new files of which some are in it."""

    def __init__(self, top: Path) -> None:
        self.top, self.out = top, top / "out"
        self.model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
        for number in range(3):
            picture = photo_like(number, 320, 240)
            names = {0: ("library/0.png", "library/0 again.png"), 1: ("library/1.png", "new/1.png"), 2: ()}[number]
            for name in (*names, f"new/{number}b.png"):
                (top / name).parent.mkdir(exist_ok=True)
                picture.save(top / name)
        photo_like(1, 320, 240).crop((0, 0, 240, 240)).save(top / "library" / "1.png")

    def run(self, *options: str) -> str:
        """Run, and return the words that are printed."""
        inputs = [str(self.top / "library"), str(self.top / "new")]
        done = CliRunner().invoke(main, ["run", *inputs, str(self.out), "--model-path", str(self.model), *options])
        assert done.exit_code == 0, done.output
        return " ".join(done.output.split())

    def rows(self) -> dict[str, tuple[str, str]]:
        """Role and kept file of each file in a group."""
        with (self.out / "groups.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        return {self._short(row["filename"]): (row["role"], self._short(row["keep"])) for row in rows}

    def planned(self, only: str = "exact,pixels,copy") -> tuple[list[str], dict[str, int]]:
        plan = plan_of(WorkDir(str(self.out)), PlanOptions.parse("trash", only))
        return sorted(self._short(os.fsdecode(name)) for name in plan.rows["filename"]), dict(plan.left_out)

    def _short(self, name: str) -> str:
        return os.path.relpath(name, self.top)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


@pytest.mark.parametrize("role", ["protected", "reference"])
def test_files_of_a_root_stay_and_copies_elsewhere_go(library: Library, role: str) -> None:
    printed = library.run("--root", f"{library.top}/library:{role}")
    assert "copies in groups 4 " in printed
    assert "of the copies, to review 1 of the copies, protected 1 " in printed
    rows = library.rows()
    planned, left_out = library.planned()
    # The library has a part of this photograph alone: a person decides about the whole one, of which one file stays.
    assert planned == ["new/0b.png", "new/1b.png"]
    assert rows["new/0b.png"][1].startswith("library/0")
    assert sorted(rows[f"library/0{rest}.png"][0] for rest in ("", " again")) == ["keep", "protected"]
    assert left_out.pop(f"in the {role} root '{library.top}/library'") == 1
    assert rows["new/1.png"] == rows["new/1b.png"] == ("review", "library/1.png")
    assert sum(left_out.values()) == 1


def test_copies_of_one_another_in_a_reference_root_are_no_finding(library: Library) -> None:
    (library.top / "new" / "0b.png").unlink()
    library.run("--root", f"{library.top}/library:reference")
    assert "library/0.png" not in library.rows()
    library.run("--root", f"{library.top}/library:protected")
    assert library.rows()["library/0.png"][0] in ("keep", "protected")
    assert library.planned()[0] == ["new/1b.png"]


def test_with_an_inbox_only_its_files_go(library: Library) -> None:
    library.run("--root", f"{library.top}/new:inbox", "--keep-policy", "uncropped,name")
    planned, left_out = library.planned()
    assert planned == ["new/0b.png", "new/1b.png"]
    assert left_out["outside of all inboxes"] == 2


def test_across_only_leaves_copies_inside_one_input_alone(library: Library) -> None:
    library.run("--across-only")
    planned, left_out = library.planned()
    assert [name for name in planned if name.startswith("library/0")] == []
    assert left_out["in one root with the kept file (across_only)"] == 2
    (library.top / "new" / "0b.png").unlink()
    library.run("--across-only")
    assert "library/0.png" not in library.rows()


def test_an_apply_never_acts_in_a_protected_root_whatever_the_plan_says(tmp_path: Path) -> None:
    top, groups = tmp_path / "photos", {"a.jpg": ["x/1.jpg"], "b.jpg": ["y/2.jpg"]}
    save_copies(top, groups)
    results = save_results(tmp_path / "out", top, groups, roots=[f"{top}/x:protected"])
    forged = replace(plan_for(top, groups), generation=generation_of(results))
    assert len(forged) == 2
    before = tree(top)
    applied = apply_plan(forged, results, ApplyOptions(threads=1), ProgressReporter())
    assert [skipped.reason for skipped in applied.skipped] == [f"'{top}/x/1.jpg' is in the protected root '{top}/x'"]
    assert set(tree(top)) == set(before) - {"y/2.jpg"}


def test_a_root_that_is_not_there_ends_the_run_before_it_begins(library: Library) -> None:
    arguments: Sequence[str] = ["run", str(library.top / "new"), str(library.out), "--root", "/no/such:protected"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert "roots: '/no/such' is no folder" in done.output
    assert not (library.out / "features.dat").exists()
