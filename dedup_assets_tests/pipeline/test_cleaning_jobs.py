"""The plan as an asset with checks, and the jobs that apply and undo it, as a person starts them in Dagster."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dedup_assets.engine.core.errors import PlanError
from dedup_assets.pipeline.building import build_definitions
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.plans import tree

QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name, seed in (("a.jpg", 1), ("b.jpg", 2), ("x/copy of a.jpg", 1)):
        save_jpeg(tmp_path / "photos" / name, photo_like(seed))
    return tmp_path / "photos"


def test_a_plan_is_materialized_checked_applied_and_undone(
    photos: Path, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    defs = build_definitions(str(photos), str(tmp_path / "out"), max_removed_share=0.2)
    before = tree(photos)

    def run(job: str, op: str = "", **given: Any) -> dg.ExecuteInProcessResult:
        config: dict[str, Any] = {"loggers": QUIET, **({"ops": {op: {"config": given}}} if op else {})}
        return defs.resolve_job_def(job).execute_in_process(run_config=config, instance=instance)

    run("dedup")
    plan = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        run_config={"loggers": QUIET}, instance=instance, asset_selection=[dg.AssetKey("plan")]
    )
    (made,) = plan.get_asset_materialization_events()
    assert made.materialization.metadata["open"] == dg.MetadataValue.path(str(tmp_path / "out" / "plan.jsonl"))
    checks = {each.check_name: each for each in plan.get_asset_check_evaluations()}
    assert checks["plan_is_fresh"].passed
    assert "1 of the 3 images" in str(checks["max_removed_share"].description)
    with pytest.raises(PlanError, match="set yes=true"):
        run("apply", "apply_plan", yes=False)
    with pytest.raises(PlanError, match=r"max_removed_share=0\.2"):
        run("apply", "apply_plan", yes=True)
    assert tree(photos) == before
    defs = build_definitions(str(photos), str(tmp_path / "out"))
    run("apply", "apply_plan", yes=True)
    assert tree(photos).keys() == {"a.jpg", "b.jpg"}
    (trash,) = (each for each in (photos / ".dedup-trash").iterdir() if each.is_dir())
    run("undo", "undo_apply", run=trash.name)
    assert tree(photos) == before
