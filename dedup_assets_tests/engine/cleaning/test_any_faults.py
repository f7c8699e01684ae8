"""Random trees, plans and faults: no picture is lost, and each end state is that before or after the group's acts."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from dedup_assets.engine.cleaning import ApplyOptions, PlanOptions, apply_plan, plan_of, undo_apply
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets_tests.support.plans import contents, save_copies, save_results, tree

FOLDERS = ("", "x/", "x/y/", "\udcff/")
FAULTS = ("nothing", "change", "truncate", "remove", "link", "hard link to the kept one", "change the kept one")
worlds = some.lists(
    some.lists(some.tuples(some.sampled_from(FOLDERS), some.sampled_from(FAULTS)), max_size=3), max_size=3
)


def harm(top: Path, kept: str, name: str, fault: str) -> None:
    path = top / name
    if fault == "change":
        path.write_bytes(b"changed " + os.fsencode(name))
    elif fault == "truncate":
        os.truncate(path, 50)
    elif fault == "remove":
        path.unlink()
    elif fault == "link":
        path.unlink()
        path.symlink_to(top / kept)
    elif fault == "hard link to the kept one":
        path.unlink()
        path.hardlink_to(top / kept)
    elif fault == "change the kept one":
        (top / kept).write_bytes(b"changed " + os.fsencode(kept))


@pytest.mark.skipif(sys.platform == "win32", reason="plans are not applied on Windows")
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(world=worlds, action=some.sampled_from(["trash", "hardlink"]))
def test_no_fault_loses_a_picture(world: list[list[tuple[str, str]]], action: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        top = Path(temporary) / "photos"
        top.mkdir()
        names = {
            f"{number}.jpg": [(f"{folder}{number}-{place}.jpg", fault) for place, (folder, fault) in enumerate(group)]
            for number, group in enumerate(world)
        }
        groups = {kept: [name for name, _ in copies] for kept, copies in names.items() if copies}
        save_copies(top, groups)
        results = save_results(Path(temporary) / "results", top, groups)
        plan = plan_of(results, PlanOptions.parse(action, "exact"))
        for kept, copies in names.items():
            for name, fault in copies:
                harm(top, kept, name, fault)
        before, all_contents = tree(top), contents(top)
        applied = apply_plan(plan, results, ApplyOptions(threads=1), ProgressReporter())
        assert contents(top) == all_contents
        now, skipped = tree(top), {each.group_id for each in applied.skipped}
        for number, (kept, copies) in enumerate(groups.items()):
            is_left = f"g-{number:012x}" in skipped
            assert now[kept][0] == before[kept][0] if kept in before else kept not in now
            assert not is_left or all(now.get(name) == before.get(name) for name in copies)
            assert is_left or all(fault == "nothing" for _, fault in names[kept])
        undone = undo_apply(applied.run, str(results.url), ProgressReporter()) if applied.places else None
        assert undone is None or not undone.failed
        assert tree(top) == before
        assert contents(top) == all_contents
