"""Telling a progress reporter which stage of a run is under way: the steps of Dagster, by the names of assets."""

import dagster as dg

from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.pipeline.run_facts import CHECKS


class StageTeller:
    """Listens to the events of a run in this process.

    Args:
        progress: is told.
    """

    def __init__(self, progress: ProgressReporter) -> None:
        self._progress = progress
        self._figures: dict[str, object] = {}
        self._checks = 0

    def __call__(self, entry: dg.EventLogEntry) -> None:
        """Note an event."""
        event = entry.dagster_event
        if event is None or event.step_key is None:
            return
        if event.event_type is dg.DagsterEventType.STEP_START:
            self._figures, self._checks = {}, 0
            self._progress.stage_begins(_name_of(event))
        elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            found = event.step_materialization_data.materialization
            asset = found.asset_key.path[-1]
            self._figures.update((f"{asset}.{key}", value.value) for key, value in found.metadata.items())
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._checks += 1
        elif event.is_step_success or event.is_step_failure:
            figures = {**self._figures, f"{CHECKS}.{CHECKS}": self._checks}
            self._progress.stage_ends(_name_of(event), figures, failed=event.is_step_failure)


def _name_of(event: dg.DagsterEvent) -> str:
    """The last part of a step's key: the name of an asset, or `CHECKS` for the checks of one."""
    return str(event.step_key).rpartition("__")[2]
