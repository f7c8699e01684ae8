"""Verdicts that are given between plan and apply: the apply hears them, and leaves the group with one line."""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dedup_assets.engine.cleaning import ApplyOptions, PlanOptions, apply_plan, generation_of, plan_of, refused_groups
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.plan_records import Applied, Plan
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.verdict_records import Decision, GivenVerdict
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.verdict_file import VerdictFile
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.plans import save_copies, save_results, tree

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="plans are not applied on Windows")
GROUPS = {"a.jpg": ["x/1.jpg"], "b.jpg": ["x/2.jpg", "x/3.jpg"]}


class Planned:
    """Photographs with copies, one of which has other bytes, and a plan to remove them."""

    def __init__(self, top: Path) -> None:
        self.top = top / "photos"
        save_copies(self.top, GROUPS)
        save_jpeg(self.top / "x" / "3.jpg", photo_like(1), quality=60)
        self.results: WorkDir = save_results(top / "results", self.top, GROUPS, roles={"x/3.jpg": ("copy", "copy")})
        self.verdicts = VerdictFile.of("", self.results.url)
        self.plan: Plan = plan_of(self.results, PlanOptions.parse("trash", "exact,copy"))
        assert len(self.plan) == 3

    def decide(self, relation: Decision, a: str, b: str = "") -> str:
        contents = [hashlib.sha256((self.top / name).read_bytes()).hexdigest() if name else "" for name in (a, b)]
        row = GivenVerdict("", "", "ann", relation, *contents, a.encode(), b.encode())
        return self.verdicts.add(lambda _: [row])[0].verdict_id

    def apply(self) -> Applied:
        return apply_plan(self.plan, self.results, ApplyOptions(threads=1), ProgressReporter())


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    return Planned(tmp_path)


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ((Decision.PROTECT, "x/2.jpg"), "x/2.jpg' is protected by the verdict"),
        ((Decision.PROTECT, "x/3.jpg"), "x/3.jpg' is protected by the verdict"),
        ((Decision.DIFFERENT, "x/3.jpg", "b.jpg"), "x/3.jpg' is not the picture"),
        ((Decision.VARIANT, "b.jpg", "x/3.jpg"), "x/3.jpg' is not the picture"),
        ((Decision.KEEP, "x/3.jpg"), "x/3.jpg' is to be kept"),
    ],
)
def test_a_group_that_a_newer_verdict_is_about_is_left_whole(
    planned: Planned, decision: tuple[Decision, str], said: str
) -> None:
    assert refused_groups(planned.plan, planned.results) == []
    verdict_id = planned.decide(*decision)
    said_before = refused_groups(planned.plan, planned.results)  # as a dry apply says
    applied = planned.apply()
    (skipped,) = applied.skipped
    assert [each.group_id for each in said_before] == [skipped.group_id]
    assert said in said_before[0].reason
    assert said in skipped.reason
    assert verdict_id in skipped.reason
    assert tree(planned.top).keys() == {"a.jpg", "b.jpg", "x/2.jpg", "x/3.jpg"}


def test_verdicts_that_say_nothing_against_a_plan_change_nothing(planned: Planned) -> None:
    planned.decide(Decision.SAME, "x/3.jpg", "b.jpg")
    planned.decide(Decision.KEEP, "b.jpg")
    planned.decide(Decision.DIFFERENT, "a.jpg", "b.jpg")
    applied = planned.apply()
    assert (applied.done, applied.skipped) == (3, [])


def test_an_apply_without_the_verdicts_that_groups_honour_is_refused(planned: Planned, tmp_path: Path) -> None:
    before = tree(planned.top)
    planned.decide(Decision.PROTECT, "b.jpg")
    with Path(planned.verdicts.path).open("a") as file:
        file.write("v-1,today,ann,protect,,,,,,\n")
    with pytest.raises(PlanError, match=r"verdicts.csv', line 3: .*mend it"):
        planned.apply()
    results = save_results(tmp_path / "results", planned.top, GROUPS, honoured="0" * 64)
    Path(planned.verdicts.path).unlink()
    plan = replace(planned.plan, generation=generation_of(results))
    with pytest.raises(PlanError, match="is not there"):
        apply_plan(plan, results, ApplyOptions(), ProgressReporter())
    assert tree(planned.top) == before
