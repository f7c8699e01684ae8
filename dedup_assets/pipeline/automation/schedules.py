"""Schedules: the pipeline at fixed times, for those who do not want a sensor."""

from collections.abc import Sequence

import dagster as dg

DAILY = "0 3 * * *"  # cron, UTC


def build_schedules(
    target: dg.AssetSelection, cron_schedule: str, key_prefix: Sequence[str] = ()
) -> list[dg.ScheduleDefinition]:
    """Build the daily schedule, which is off until a person switches it on under Automation in the UI.

    Args:
        target: the assets that it materializes.
        cron_schedule: in UTC.
        key_prefix: prefix of the pipeline's asset keys; the name of the schedule begins with it.
    """
    return [
        dg.ScheduleDefinition(
            name="_".join([*key_prefix, "daily_refresh"]),
            target=target,
            cron_schedule=cron_schedule,
            description="Lists the input again and updates every result; only new images are computed.",
        )
    ]
