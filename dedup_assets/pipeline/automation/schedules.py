"""Schedules: the pipeline at fixed times, for whoever does not want a sensor."""

from collections.abc import Sequence

import dagster as dg


def build_schedules(
    target: dg.AssetSelection, cron_schedule: str, key_prefix: Sequence[str] = ()
) -> list[dg.ScheduleDefinition]:
    """A schedule, off until somebody switches it on under Automation in the UI.

    Args:
        target: what it materializes.
        cron_schedule: when, UTC.
        key_prefix: of the pipeline's asset keys; the name begins with it.
    """
    return [
        dg.ScheduleDefinition(
            name="_".join([*key_prefix, "daily_refresh"]),
            target=target,
            cron_schedule=cron_schedule,
            description="Lists the input again and brings every result up to date; only what is new is computed.",
        )
    ]
