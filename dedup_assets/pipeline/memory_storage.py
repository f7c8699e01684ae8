"""Runs and events of a Dagster instance that lasts as long as one run.

These answer what a run in this process asks for, and nothing else. They do not derive from Dagster's storages: the
modules of these import sqlalchemy, alembic with all its dialects, and Dagster's daemon, which takes as long as the
rest of Dagster. A question that no run asks is an AttributeError or a NotImplementedError.
"""

import weakref
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import dagster as dg

_EVENTS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_OBSERVATION,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}
_STATUS = {
    dg.DagsterEventType.RUN_START: dg.DagsterRunStatus.STARTED,
    dg.DagsterEventType.RUN_SUCCESS: dg.DagsterRunStatus.SUCCESS,
    dg.DagsterEventType.RUN_FAILURE: dg.DagsterRunStatus.FAILURE,
    dg.DagsterEventType.RUN_CANCELING: dg.DagsterRunStatus.CANCELING,
    dg.DagsterEventType.RUN_CANCELED: dg.DagsterRunStatus.CANCELED,
}


class MemoryRuns:
    """Runs by id, without the snapshots of jobs and plans that only a UI shows."""

    def __init__(self) -> None:
        self._runs: dict[str, dg.RunRecord] = {}

    def add_run(self, dagster_run: dg.DagsterRun) -> dg.DagsterRun:
        """Remember a run."""
        now = datetime.now().astimezone()
        self._runs[dagster_run.run_id] = dg.RunRecord(
            storage_id=len(self._runs) + 1, dagster_run=dagster_run, create_timestamp=now, update_timestamp=now
        )
        return dagster_run

    def handle_run_event(self, run_id: str, event: dg.DagsterEvent, update_timestamp: datetime) -> None:
        """Note the status that an event gives to its run."""
        if event.event_type in _STATUS:
            record = self._runs[run_id]
            self._runs[run_id] = dg.RunRecord(
                storage_id=record.storage_id,
                dagster_run=record.dagster_run.with_status(_STATUS[event.event_type]),
                create_timestamp=record.create_timestamp,
                update_timestamp=update_timestamp,
            )

    def get_run_records(
        self, filters: dg.RunsFilter | None = None, limit: int | None = None, *unused: object
    ) -> list[dg.RunRecord]:
        """The runs of some ids or tags, the latest first."""
        wanted = filters or dg.RunsFilter()
        if wanted != dg.RunsFilter(run_ids=wanted.run_ids, tags=wanted.tags):
            raise NotImplementedError(f"a run asks for runs by their ids and tags, not {wanted}")
        found = [
            record
            for run_id, record in reversed(self._runs.items())
            if (wanted.run_ids is None or run_id in wanted.run_ids)
            and wanted.tags.items() <= record.dagster_run.tags.items()
        ]
        return found[:limit]

    def get_runs(self, filters: dg.RunsFilter | None = None, *unused: object, **more: object) -> list[dg.DagsterRun]:
        """As `get_run_records`."""
        return [record.dagster_run for record in self.get_run_records(filters)]

    def has_job_snapshot(self, job_snapshot_id: str) -> bool:
        """Yes, so that none is stored."""
        return True

    def has_execution_plan_snapshot(self, execution_plan_snapshot_id: str) -> bool:
        """Yes, so that none is stored."""
        return True

    def dispose(self) -> None:
        """Forget all."""
        self._runs.clear()


class _AssetEntry(NamedTuple):
    asset_key: dg.AssetKey
    last_materialization_record: dg.EventLogRecord


class _AssetRecord(NamedTuple):
    asset_entry: _AssetEntry


class MemoryEvents:
    """Events of assets and checks, and partitions."""

    handles_run_events_in_store_event = False
    asset_records_have_last_observation = False
    can_store_asset_failure_events = False

    def __init__(self) -> None:
        self._records: list[dg.EventLogRecord] = []
        self._materialized: dict[dg.AssetKey, dg.EventLogRecord] = {}  # the latest of each asset
        self._partitions: defaultdict[str, dict[str, None]] = defaultdict(dict)  # in the order in which they were added

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Note the instance whose events these are."""
        self._instance = weakref.ref(instance)

    def get_pool_config(self) -> object:
        """How many steps may run at once, as the instance says."""
        instance = self._instance()
        assert instance is not None  # noqa: S101 - it asks
        return instance.get_concurrency_config().pool_config

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Remember an event, if a run asks for its kind."""
        kind = event.dagster_event_type
        if kind not in _EVENTS:
            return
        record = dg.EventLogRecord(storage_id=len(self._records) + 1, event_log_entry=event)
        self._records.append(record)
        if kind is dg.DagsterEventType.ASSET_MATERIALIZATION and record.asset_key is not None:
            self._materialized[record.asset_key] = record

    def get_logs_for_run(
        self, run_id: str, cursor: None = None, of_type: dg.DagsterEventType | None = None
    ) -> list[dg.EventLogEntry]:
        """The events of a run, in their order."""
        return [
            record.event_log_entry
            for record in self._records
            if record.run_id == run_id and of_type in (None, record.event_log_entry.dagster_event_type)
        ]

    def fetch_observations(
        self,
        records_filter: dg.AssetKey | dg.AssetRecordsFilter,
        limit: int,
        cursor: str | None = None,
        *unused: object,
    ) -> dg.EventRecordsResult:
        """The latest observations of an asset, the latest first."""
        if cursor is not None or not isinstance(records_filter, dg.AssetKey):
            raise NotImplementedError(f"a run asks for the latest observations of an asset, not {records_filter}")
        found = [
            record
            for record in reversed(self._records)
            if record.asset_key == records_filter
            and record.event_log_entry.dagster_event_type is dg.DagsterEventType.ASSET_OBSERVATION
        ]
        return dg.EventRecordsResult(found[:limit], cursor="", has_more=len(found) > limit)

    def get_asset_records(self, asset_keys: Sequence[dg.AssetKey] | None = None) -> list[_AssetRecord]:
        """What is known of each asset that was materialized."""
        keys = self._materialized if asset_keys is None else asset_keys
        return [_AssetRecord(_AssetEntry(key, self._materialized[key])) for key in keys if key in self._materialized]

    def get_latest_materialization_events(
        self, asset_keys: Iterable[dg.AssetKey]
    ) -> dict[dg.AssetKey, dg.EventLogEntry]:
        """The latest materialization of each asset."""
        return {key: self._materialized[key].event_log_entry for key in asset_keys if key in self._materialized}

    def add_dynamic_partitions(self, partitions_def_name: str, partition_keys: Sequence[str]) -> None:
        """Remember partitions."""
        self._partitions[partitions_def_name].update(dict.fromkeys(partition_keys))

    def get_dynamic_partitions(self, partitions_def_name: str) -> list[str]:
        """All partitions of a name."""
        return list(self._partitions[partitions_def_name])

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        """Whether a partition is there."""
        return partition_key in self._partitions[partitions_def_name]

    def get_existing_dynamic_partitions(self, partitions_def_name: str, partition_keys: Sequence[str]) -> set[str]:
        """Those of some partitions that are there."""
        return self._partitions[partitions_def_name].keys() & set(partition_keys)

    def dispose(self) -> None:
        """Forget all."""
        self._records.clear()
