"""A plan to its file: in the work_dir it was made from, or where a person wants it."""

import os
from dataclasses import replace

from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.plan_records import Plan
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.identity import Result, file_records, identity_of, read_config, record_results
from dedup_assets.engine.work_dir.plan_file import FORMAT, PLAN, place_of, plan_text, write_plan_file
from dedup_assets.engine.work_dir.publishing import making_generation

_SOURCES = ("groups", "evidence")


def write_plan(work_dir: WorkDir, plan: Plan, out: str = "") -> str:
    """Write a plan.

    Args:
        work_dir: what it was made from.
        plan: the plan.
        out: path or URL of the file; plan.jsonl in the work_dir by default.

    Returns:
        Where it is.

    Raises:
        PlanError: another file has this name.
        WorkDirError: it cannot be written, or another run holds the work_dir.
    """
    if not out or out == work_dir.path(PLAN):
        _publish(work_dir, plan)
        return work_dir.path(PLAN)
    place, name = place_of(out)
    former = place.read_placed(name, follow=False)
    if former is not None and FORMAT.encode() not in former.partition(b"\n")[0]:
        raise PlanError(f"out={out!r}: there is a file of this name that is no plan, and it is not replaced")
    origin = work_dir.url if "://" in work_dir.url else os.path.abspath(work_dir.url)  # noqa: PTH100 - bytes may be wild
    place.write_placed(name, plan_text(replace(plan, work_dir=origin)))
    return out


def _publish(work_dir: WorkDir, plan: Plan) -> None:
    with making_generation(work_dir, "writing a plan", will_write=[PLAN]) as generation:
        view = work_dir.in_generation(generation)
        config = read_config(view)
        if identity_of(config, "groups") != plan.generation:
            raise PlanError(f"another run has replaced the groups in work_dir={work_dir.url!r} meanwhile; plan again")
        write_plan_file(view, plan)
        made_from = {source: identity_of(config, source) for source in _SOURCES}
        result = Result(files=file_records(view.written), made_from=made_from)
        record_results(view, {"plan": result}, config.settings, config.versions)
