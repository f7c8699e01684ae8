"""What earlier applies of a plan have done and what still holds, as their journals and the files are now."""

import os
from collections.abc import Callable, Mapping

from dedup_assets.engine.cleaning.runs import Run, has_happened, runs_in
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.plan_records import PastApply, Plan
from dedup_assets.engine.stores import is_url
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.apply_journal import Act, trash_of


def earlier_applies(plan: Plan, work_dir: WorkDir, note: Callable[[str], None] = lambda said: None) -> list[PastApply]:
    """What earlier applies of a plan have done, as the journals and files are now.

    Args:
        plan: the plan.
        work_dir: the results that it was made from.
        note: called with a sentence for each journal that cannot be read.
    """
    trashes = {trash_for(plan, work_dir, name) for name in plan.rows["filename"]}
    runs = runs_in(sorted(trashes), note)
    return past_applies(runs, done_before(runs, plan))


def done_before(runs: Mapping[str, Run], plan: Plan) -> dict[str, dict[bytes, Act]]:
    """What applies of a plan have done that still holds: by their ids, the earliest first, then by the file's name.

    Of a file that several of them announced, any may be the one that has not been undone. The latest counts.
    """
    names, found = set(plan.rows["filename"]), dict[str, dict[bytes, Act]]()
    for run, each in sorted(runs.items(), reverse=True):
        if each.plan_id == plan.plan_id:
            found[run] = {act.filename: act for act in each.acts if act.filename in names and has_happened(act)}
            names -= found[run].keys()
    return {run: found[run] for run in sorted(found) if found[run]}


def past_applies(runs: Mapping[str, Run], done: Mapping[str, Mapping[bytes, Act]]) -> list[PastApply]:
    """The applies that have done what `done_before` says."""
    return [PastApply(run, len(acts), runs[run].journals[0].url) for run, acts in done.items()]


def trash_for(plan: Plan, work_dir: WorkDir, name: bytes) -> str:
    """The trash folder for a file: of its input; for one that lies in none, of the bucket or of the work_dir.

    Raises:
        PlanError: there is none, because the work_dir is on a store.
    """
    root = os.fsdecode(plan.root_of(name).name)
    if not root and is_url(name):
        root = "/".join(os.fsdecode(name).split("/")[:3])
    elif not root and not work_dir.is_local:
        raise PlanError(
            f"{os.fsdecode(name)!r} lies in no input of the run, and work_dir={work_dir.url!r} is no folder"
        )
    return trash_of(root or os.path.abspath(work_dir.root))  # noqa: PTH100 - text, like all paths of fsspec
