"""Plans of what happens to copies: made, applied and undone. Each function prints its report and returns a code.

Heavy libraries are imported inside the functions, so that `import dedup_assets` stays quick.
"""

import os
import shlex
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from dedup_assets.api.arguments import path_of
from dedup_assets.api.host import run_in_this_process
from dedup_assets.api.outcomes import answer, report, reported, say

if TYPE_CHECKING:
    from dedup_assets.engine.core.plan_records import Plan, Skipped
    from dedup_assets.engine.work_dir import WorkDir

_MOST_NAMED = 20  # groups in what a dry apply says
SOME_SKIPPED = 3
"""Return code where some groups, or some files of an undo, were left as they are."""


def plan(
    work_dir: str | os.PathLike[str],
    action: str = "trash",
    only: str | Collection[str] | None = None,
    to: str | os.PathLike[str] = "",
    out: str | os.PathLike[str] = "",
    marked: str | os.PathLike[str] | None = None,
) -> int:
    """Plan what happens to the copies that a run found; nothing happens to them yet.

    Args:
        work_dir: the results of the run.
        action: trash, move, hardlink, reflink or delete.
        only: relations to the kept image that are planned, one or several of exact, pixels, copy, same (by a verdict);
            and review, for copies that may have what the kept one lacks. By default exact, and of marked files all.
        to: folder for the action move.
        out: where the plan is written; plan.jsonl in work_dir by default.
        marked: a list of marked files that the gallery has saved, which alone are planned. Each that is not is named
            on stderr, with the reason.

    Returns:
        0 on success; 1 on error, with one line on stderr.
    """
    with reported() as outcome:
        from dedup_assets.api.plan_texts import marked_text, plan_table, refusal_text, shown
        from dedup_assets.engine.cleaning import PlanOptions, plan_of, read_marks, write_plan
        from dedup_assets.engine.core.defaults import MAX_REMOVED_SHARE
        from dedup_assets.engine.work_dir import WorkDir

        marks = None if marked is None else read_marks(path_of("marked", marked))
        options = PlanOptions.parse(action, only, path_of("to", to) if to else "", marks)
        results = WorkDir(path_of("work_dir", work_dir))
        made = plan_of(results, options)
        for each in made.not_taken:
            report(f"marked and not planned: {shown(each.filename)}: {each.reason}")
        path = write_plan(results, made, path_of("out", out) if out else "")
        answer(plan_table(made, path))
        if marks is not None:
            answer(f"\n{marked_text(made, len(marks))}")
        answer(f"\nplan: {path}")
        for line in refusal_text(made, MAX_REMOVED_SHARE):
            answer(line)
        if len(made):
            answer("Nothing has changed. Lines of the plan may be removed; then:")
            answer(f"  dedup-assets apply {shlex.quote(path)}")
    return outcome.code


def apply(plan: str | os.PathLike[str], yes: bool = False, max_removed_share: float | None = None) -> int:
    """Show what a plan would do, or do it.

    Args:
        plan: the file, or the work_dir that holds it as plan.jsonl.
        yes: do it.
        max_removed_share: the most images that may be removed, of all and of each input, 0 to 1; 0.5 by default.

    Returns:
        0 on success; 1 on error, with one line on stderr; 3 if some groups were left as they are, each with a line on
        stderr that says why.
    """
    with reported() as outcome, run_in_this_process():
        from dedup_assets.engine.cleaning import ApplyOptions, check_applicable, earlier_applies, refused_groups

        made, work_dir, path = opened_plan(path_of("plan", plan))
        options = ApplyOptions() if max_removed_share is None else ApplyOptions(float(max_removed_share))
        if not len(made):
            from dedup_assets.api.plan_texts import plan_table

            check_applicable(made, work_dir, options)
            answer(f"{plan_table(made)}\n\nplan: {path}\nNothing has changed.")
        elif yes:
            outcome.code = _apply(made, work_dir, options)
        else:
            from dedup_assets.api.plan_texts import earlier_lines, plan_table

            answer(plan_table(made, path))
            check_applicable(made, work_dir, options)
            earlier = earlier_applies(made, work_dir, report)
            for line in earlier_lines(made, earlier):
                answer(line)
            if sum(each.files for each in earlier) == len(made):
                answer("\nNothing has changed, and nothing is left to do.")
                return outcome.code
            left = refused_groups(made, work_dir)
            for skipped in left[:_MOST_NAMED]:
                answer(f"left as it is: group {skipped.group_id}: {skipped.reason}")
            if len(left) > _MOST_NAMED:
                answer(f"left as they are: {len(left) - _MOST_NAMED:,} more groups")
            answer(f"\nNothing has changed. To do it: dedup-assets apply {shlex.quote(path)} --yes")
    return outcome.code


def undo(run: str | os.PathLike[str] = "", work_dir: str | os.PathLike[str] = ".") -> int:
    """Put back what an apply has moved or replaced. Nothing is overwritten.

    Args:
        run: id of the apply, or its folder `.dedup-trash/ID` in an input, as it printed it; empty: the applies that
            can be undone are listed, and nothing happens.
        work_dir: the results that the plan was made from; they say where to look for an id.

    Returns:
        0 on success; 1 on error, with one line on stderr; 3 if some files could not be put back, each with a line on
        stderr that says why.
    """
    with reported() as outcome, run_in_this_process():
        from dedup_assets.api.plan_texts import taken_lines, undoable_text
        from dedup_assets.api.progress import ConsoleProgress
        from dedup_assets.engine.cleaning import undo_apply, undoable_runs
        from dedup_assets.engine.work_dir import WorkDir

        if run == "":
            where = path_of("work_dir", work_dir)
            has_results = WorkDir(where).exists("config.json")
            answer(undoable_text(where, *undoable_runs(where, report), has_results=has_results))
            return outcome.code
        with ConsoleProgress() as progress:
            undone = undo_apply(path_of("run", run), path_of("work_dir", work_dir), progress)
        for reason in undone.failed:
            report(f"not put back: {reason}")
        said = "file is back in its place" if undone.restored == 1 else "files are back in their places"
        others = {"put back before": undone.in_place, "never moved": undone.never_left}
        say(
            "; ".join([f"{undone.restored:,} {said}", *(f"{why}: {count:,}" for why, count in others.items() if count)])
        )
        for line in taken_lines(undone.taken):
            say(line)
        if undone.taken:
            outcome.code = SOME_SKIPPED
        if undone.failed:
            say(f"{len(undone.failed):,} could not be put back, as said above; once mended, run the same command again")
            outcome.code = SOME_SKIPPED
    return outcome.code


def opened_plan(path: str) -> "tuple[Plan, WorkDir, str]":
    """The plan in a file or a work_dir, the work_dir that it was made from, and the path of the file."""
    from dedup_assets.engine.core.errors import PlanError
    from dedup_assets.engine.work_dir import WorkDir
    from dedup_assets.engine.work_dir.plan_file import PLAN, read_plan

    if not path.endswith(".jsonl") and not Path(path).is_file():
        results = WorkDir(path)
        if why := results.missing():
            raise PlanError(f"plan={path!r}{why}; name the file of a plan (plan.jsonl), or the folder that holds it")
        path = results.path(PLAN)
    made = read_plan(path)
    return made, WorkDir(made.work_dir or path.rpartition("/")[0] or "."), path


def _apply(made: "Plan", work_dir: "WorkDir", options: object) -> int:
    from dedup_assets.api.plan_texts import applied_text
    from dedup_assets.api.progress import ConsoleProgress
    from dedup_assets.engine.cleaning import ApplyOptions, apply_plan

    def tell(skipped: "Skipped") -> None:
        report(f"left as it is: group {skipped.group_id}: {skipped.reason}")

    assert isinstance(options, ApplyOptions)  # noqa: S101 - the type is imported late
    with ConsoleProgress() as progress:
        applied = apply_plan(made, work_dir, options, progress, tell, report)
    say(applied_text(made, applied))
    return SOME_SKIPPED if applied.skipped else 0
