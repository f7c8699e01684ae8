"""A Dagster instance in memory that answers what steps, sensors and backfills ask, without a database of events.

`DagsterInstance.ephemeral` writes each event into a database as text, which costs more than a small run.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import dagster as dg
import sqlalchemy
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.instance.types import InstanceType
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.event_log.base import AssetEntry, AssetRecord, EventLogConnection
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import TemporaryLocalArtifactStorage
from dagster._core.storage.runs import InMemoryRunStorage
from dagster._core.storage.runs.schema import RunStorageSqlMetadata

from dedup_assets.pipeline.memory_storage import MemoryEvents


def light_instance(settings: Mapping[str, Any]) -> dg.DagsterInstance:
    """An instance in memory.

    Args:
        settings: as in `dagster.yaml`.
    """
    return dg.DagsterInstance(
        instance_type=InstanceType.EPHEMERAL,
        local_artifact_storage=TemporaryLocalArtifactStorage(),  # type: ignore[no-untyped-call]
        run_storage=_Runs(),
        event_storage=_Events(),
        compute_log_manager=NoOpComputeLogManager(),
        run_coordinator=DefaultRunCoordinator(),
        run_launcher=SyncInMemoryRunLauncher(),
        settings=dict(settings),
    )


class _Runs(InMemoryRunStorage):
    """Runs in one database in memory, without the snapshots of jobs and plans that only a UI shows."""

    def __init__(self) -> None:
        self._engine = sqlalchemy.create_engine(
            "sqlite://",
            poolclass=sqlalchemy.StaticPool,  # all users share one connection, which keeps the database
            pool_reset_on_return=None,
            connect_args={"check_same_thread": False},
        )
        with self._engine.begin() as connection:
            RunStorageSqlMetadata.create_all(connection, checkfirst=False)
        self._held_conn = self._engine.connect()

    @contextmanager
    def connect(self) -> Iterator[sqlalchemy.Connection]:
        with self._engine.begin() as connection:
            yield connection

    def has_job_snapshot(self, job_snapshot_id: str) -> bool:
        return True

    def has_execution_plan_snapshot(self, execution_plan_snapshot_id: str) -> bool:
        return True


class _Events(InMemoryEventLogStorage):
    """Events of assets and checks, and partitions, in memory: what a run asks for, without a database.

    Dagster's own storage writes events into a database as text and reads them back, which takes a fifth of a small run.
    A question that no run asks is an error, because the tables of the base class do not exist.
    """

    __init__, dispose = MemoryEvents.__init__, MemoryEvents.dispose
    get_latest_materialization_events = MemoryEvents.get_latest_materialization_events
    add_dynamic_partitions = MemoryEvents.add_dynamic_partitions
    get_dynamic_partitions = MemoryEvents.get_dynamic_partitions
    has_dynamic_partition = MemoryEvents.has_dynamic_partition
    get_existing_dynamic_partitions = MemoryEvents.get_existing_dynamic_partitions

    def store_event(self, event: dg.EventLogEntry) -> None:
        kind = event.dagster_event_type
        if kind not in ASSET_EVENTS | ASSET_CHECK_EVENTS:
            return
        record = dg.EventLogRecord(storage_id=len(self._records) + 1, event_log_entry=event)
        self._records.append(record)
        if kind is dg.DagsterEventType.ASSET_MATERIALIZATION and record.asset_key is not None:
            self._materialized[record.asset_key] = record

    def get_records_for_run(
        self,
        run_id: str,
        cursor: str | None = None,
        of_type: dg.DagsterEventType | set[dg.DagsterEventType] | None = None,
        limit: int | None = None,
        ascending: bool = True,
    ) -> EventLogConnection:
        if cursor is not None or limit is not None or not ascending:
            raise NotImplementedError("a run reads all its events, in their order")
        kinds = {of_type} if isinstance(of_type, dg.DagsterEventType) else of_type
        found = [
            each
            for each in self._records
            if each.run_id == run_id and (not kinds or each.event_log_entry.dagster_event_type in kinds)
        ]
        return EventLogConnection(found, cursor=str(len(self._records)), has_more=False)

    def _get_event_records(
        self, event_records_filter: dg.EventRecordsFilter, limit: int | None = None, ascending: bool = False
    ) -> list[dg.EventLogRecord]:
        wanted = event_records_filter
        if wanted != dg.EventRecordsFilter(wanted.event_type, wanted.asset_key):
            raise NotImplementedError(f"a run asks for the events of an asset, not {wanted}")
        found = [
            each
            for each in self._records
            if each.event_log_entry.dagster_event_type is wanted.event_type and each.asset_key == wanted.asset_key
        ]
        return (found if ascending else found[::-1])[:limit]

    def get_asset_records(self, asset_keys: Sequence[dg.AssetKey] | None = None) -> list[AssetRecord]:
        keys = self._materialized if asset_keys is None else asset_keys
        found = ((key, self._materialized[key]) for key in keys if key in self._materialized)
        return [
            AssetRecord(
                storage_id=record.storage_id,
                asset_entry=AssetEntry(asset_key=key, last_materialization_record=record, last_run_id=record.run_id),
            )
            for key, record in found
        ]

    def _connect(self) -> NoReturn:
        raise NotImplementedError("the events of a run in memory are in no database")
