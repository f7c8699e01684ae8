"""Runs of some assets of a code location. Their jobs are made once, because making one takes longer than most steps."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

import dagster as dg


def materialize(
    location: str,
    *assets: str,
    instance: dg.DagsterInstance,
    settings: Mapping[str, object],
    partition: str | None = None,
    tags: Mapping[str, str] | None = None,
    raises: bool = True,
    checks: bool = True,
) -> dg.ExecuteInProcessResult:
    """Materialize assets as `dagster.materialize` does, without a log.

    Args:
        location: module of the code location.
        assets: their names; none: the whole chain.
        instance: where the run is.
        settings: as in the launchpad.
        partition: key of a partition.
        tags: of the run.
        raises: whether an error of a step is raised.
        checks: whether the checks of these assets are executed, too.
    """
    return _job(location, *assets, checks=checks).execute_in_process(
        instance=instance,
        run_config={
            "resources": {"settings": {"config": dict(settings)}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        partition_key=partition,
        tags=dict(tags or {}),
        raise_on_error=raises,
    )


@cache
def _job(location: str, *assets: str, checks: bool) -> dg.JobDefinition:
    made: Any = import_module(location).defs
    chosen = dg.AssetSelection.assets(*assets) if assets else dg.AssetSelection.groups("dedup")
    return dg.Definitions(
        assets=made.assets,
        asset_checks=made.asset_checks if checks else None,
        jobs=[dg.define_asset_job("chosen", chosen)],
        resources=made.resources,
    ).resolve_job_def("chosen")
