"""Plans of what happens to copies: made, applied and undone. Each function prints its report and returns a code.

Heavy libraries are imported inside the functions, so that `import dedup_assets` stays quick.
"""

import os

from dedup_assets.api.arguments import path_of
from dedup_assets.api.outcomes import reported, say


def plan(
    work_dir: str | os.PathLike[str],
    action: str = "trash",
    only: str = "exact",
    to: str | os.PathLike[str] = "",
    out: str | os.PathLike[str] = "",
) -> int:
    """Plan what happens to the copies that a run found; nothing happens to them yet.

    Args:
        work_dir: the results of the run.
        action: trash, move, hardlink, reflink or delete.
        only: relations to the kept image that are planned, with commas between them: exact, pixels, copy; and review,
            for copies that are finer than the kept image.
        to: folder for the action move.
        out: where the plan is written; plan.jsonl in work_dir by default.

    Returns:
        0 on success; 1 on error, with one line on stderr.
    """
    with reported() as outcome:
        from dedup_assets.api.plan_texts import plan_table
        from dedup_assets.engine.cleaning import PlanOptions, plan_of, write_plan
        from dedup_assets.engine.work_dir import WorkDir

        options = PlanOptions.parse(action, only, path_of("to", to) if to else "")
        results = WorkDir(path_of("work_dir", work_dir))
        made = plan_of(results, options)
        path = write_plan(results, made, path_of("out", out) if out else "")
        say(plan_table(made))
        say(f"\nplan: {path}\nNothing has changed. Lines of the plan may be removed; then: dedup-assets apply {path}")
    return outcome.code
