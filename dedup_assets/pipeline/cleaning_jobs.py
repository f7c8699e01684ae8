"""Jobs that act on files: only a person starts them. No sensor, schedule or automation condition names them."""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from dedup_assets.engine.cleaning import ApplyOptions, apply_plan, undo_apply
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.plan_records import Skipped
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.work_dir.plan_file import read_plan, read_plan_file
from dedup_assets.pipeline.resources import SettingsResource


class ApplyConfig(dg.Config):
    """What a person says in the launchpad of the job `apply`."""

    plan: str = Field(default="", description="Path of the plan; empty: plan.jsonl in work_dir.")
    yes: bool = Field(default=False, description="Do what the plan says; without it, the job is refused.")


class UndoConfig(dg.Config):
    """What a person says in the launchpad of the job `undo`."""

    run: str = Field(description="Id of the apply, or its folder in a .dedup-trash.")


@dg.op(name="apply_plan")
def _apply(
    context: dg.OpExecutionContext,
    config: ApplyConfig,
    settings: SettingsResource,
    progress: dg.ResourceParam[ProgressReporter],
) -> None:
    """Do what a plan says: each group is verified first, and left whole where a file has changed."""
    parsed, work_dir = settings.parsed(), settings.open_work_dir()
    plan = read_plan(config.plan) if config.plan else read_plan_file(work_dir)
    if not config.yes:
        raise PlanError(f"yes=False: the plan names {len(plan):,} files; set yes=true to act on them")
    options = ApplyOptions(parsed.max_removed_share, parsed.num_threads, parsed.image_seconds)

    def tell(skipped: Skipped) -> None:
        context.log.warning(f"left as it is: group {skipped.group_id}: {skipped.reason}")

    applied = apply_plan(plan, work_dir, options, progress, tell, context.log.warning)
    context.add_output_metadata(
        {
            "run": applied.run,
            "files": applied.done,
            "megabytes": round(applied.bytes / 1e6, 3),
            "done_before": applied.before,
            "skipped_groups": len(applied.skipped),
            "trash": list(applied.places),
        }
    )


@dg.op(name="undo_apply")
def _undo(
    context: dg.OpExecutionContext,
    config: UndoConfig,
    settings: SettingsResource,
    progress: dg.ResourceParam[ProgressReporter],
) -> None:
    """Put back what an apply has moved or replaced; nothing is overwritten."""
    undone = undo_apply(config.run, settings.parsed().work_dir, progress)
    for reason in undone.failed:
        context.log.warning(f"not put back: {reason}")
    for later in undone.taken:
        context.log.warning(f"not put back: {later.files:,} files that a later apply, {later.run}, has moved")
    counts = {name: getattr(undone, name) for name in ("restored", "in_place", "never_left")}
    context.add_output_metadata(
        {"run": undone.run, **counts, "not_put_back": len(undone.failed) + sum(each.files for each in undone.taken)}
    )


def build_cleaning_jobs(key_prefix: Sequence[str] = ()) -> list[dg.JobDefinition]:
    """Build the jobs that apply a plan and undo it.

    Args:
        key_prefix: prefix of the pipeline's asset keys; names of jobs begin with it.
    """
    applying, undoing = (_prefixed(op, key_prefix) for op in (_apply, _undo))

    @dg.job(
        name="_".join([*key_prefix, "apply"]),
        description="Do what plan.jsonl says. A person starts it, with yes=true; the job undo puts all back.",
        executor_def=dg.in_process_executor,
    )
    def apply_job() -> None:
        applying()

    @dg.job(
        name="_".join([*key_prefix, "undo"]),
        description="Put back what an apply has moved or replaced. A person starts it, and names the apply.",
        executor_def=dg.in_process_executor,
    )
    def undo_job() -> None:
        undoing()

    return [apply_job, undo_job]


def _prefixed(op: dg.OpDefinition, key_prefix: Sequence[str]) -> dg.OpDefinition:
    """The op under a name of its own, because a code location may have two pipelines."""
    return op.with_replaced_properties(name="__".join([*key_prefix, op.name])) if key_prefix else op
