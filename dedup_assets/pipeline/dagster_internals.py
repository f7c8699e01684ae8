"""What we use of Dagster beyond its public interface: private names, and methods that its documentation leaves out.

No other module imports `dagster._*` or `dagster_*._*`. Each name here has the reason why the public interface is not
enough. The comment of the pin in pyproject.toml names the versions that were tested. When the pin moves, test these
names again and correct the comment.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import dagster as dg
import sqlalchemy
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.instance.types import InstanceType
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.event_log.base import AssetEntry, AssetRecord, EventLogConnection
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage, TemporaryLocalArtifactStorage
from dagster._core.storage.runs import InMemoryRunStorage
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster_shared.utils.warnings import _warnings_on

__all__ = [
    "CheckRunHealthResult",  # what a run launcher must return
    "DagsterAssetCheckFailedError",  # the only sign that a blocking check, and not a step, ended a run
    "WorkerStatus",
    "accepting_beta",
    "forget_values",
    "function_of",
    "has_all_steps",
    "instance_in_memory",
    "keep_host_logging",
    "naming_nested",
    "rename_op",
    "run_daemon",
    "serve_code",
    "serve_webserver",
]

_LOCATION = "dedup_assets"
_STATEMENT_MS, _RECYCLE_SECONDS, _MOST_CONNECTIONS = 15_000, 3600, 20  # as dagster-webserver has them
_REFRESH_MS = 2000


@contextmanager
def accepting_beta() -> Iterator[None]:
    """Switch off Dagster's warnings about beta features in the block.

    A context variable of Dagster does this for the current thread or task only. A filter of the module `warnings`
    would change the host process.
    """
    token = _warnings_on.set(False)
    try:
        yield
    finally:
        _warnings_on.reset(token)


def keep_host_logging(instance: dg.DagsterInstance) -> None:
    """Keep Dagster from calling `logging.config.dictConfig` if `dagster.yaml` configures no handlers.

    Dagster calls it in every run, even with nothing to configure. The call closes all handlers of the process: log
    files of the host that were opened with mode "w" get no more lines, and two threads that call it can deadlock.
    """
    if not instance.get_python_log_dagster_handler_config():
        instance.get_yaml_python_handlers = list  # type: ignore[method-assign]


def instance_in_memory(folder: str | None, settings: Mapping[str, Any]) -> dg.DagsterInstance:
    """An instance for one run that nobody looks at afterwards.

    `DagsterInstance.ephemeral` costs more than a small run: it loads alembic and opens a database for each statement.

    Args:
        folder: for the few files of the instance; a temporary one if None.
        settings: as in `dagster.yaml`.
    """
    return dg.DagsterInstance(
        instance_type=InstanceType.EPHEMERAL,
        local_artifact_storage=LocalArtifactStorage(folder) if folder else TemporaryLocalArtifactStorage(),  # type: ignore[no-untyped-call]
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

    def __init__(self) -> None:
        self._records: list[dg.EventLogRecord] = []
        self._materialized: dict[dg.AssetKey, dg.EventLogRecord] = {}  # the latest of each asset
        self._partitions: defaultdict[str, dict[str, None]] = defaultdict(dict)  # in the order in which they were added

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

    def get_latest_materialization_events(
        self, asset_keys: Iterable[dg.AssetKey]
    ) -> dict[dg.AssetKey, dg.EventLogEntry | None]:
        return {key: self._materialized[key].event_log_entry for key in asset_keys if key in self._materialized}

    def add_dynamic_partitions(self, partitions_def_name: str, partition_keys: Sequence[str]) -> None:
        self._partitions[partitions_def_name].update(dict.fromkeys(partition_keys))

    def get_dynamic_partitions(self, partitions_def_name: str) -> list[str]:
        return list(self._partitions[partitions_def_name])

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        return partition_key in self._partitions[partitions_def_name]

    def get_existing_dynamic_partitions(self, partitions_def_name: str, partition_keys: Sequence[str]) -> set[str]:
        return self._partitions[partitions_def_name].keys() & set(partition_keys)

    def _connect(self) -> NoReturn:
        raise NotImplementedError("the events of a run in memory are in no database")

    def dispose(self) -> None:
        self._records.clear()


def function_of(asset: dg.AssetsDefinition) -> Callable[..., Any]:
    """The function under an `@dg.asset`, so that a second asset can have the same body and another contract."""
    compute = asset.op.compute_fn
    assert isinstance(compute, DecoratedOpFunction)  # noqa: S101 - @dg.asset makes no other kind
    return compute.decorated_fn


def rename_op(asset: dg.AssetsDefinition, name: str) -> dg.AssetsDefinition:
    """The same asset with another name of its op. The public interface can rename asset keys, but not ops."""
    op = asset.op.with_replaced_properties(name=name, ins=asset.op.ins)
    return dg.AssetsDefinition.dagster_internal_init(**{**asset.get_attributes_dict(), "node_def": op})


def naming_nested(resource: dg.ConfigurableIOManager, key: str) -> dg.ConfigurableIOManager:
    """The same IO manager, which names the resource that is nested in it and configured at launch.

    Runs find that resource by themselves. `Definitions.load_asset_value` finds only what is named.
    """
    definition = resource.get_resource_definition()  # one object for each resource
    definition._required_resource_keys = {*definition.required_resource_keys, key}
    return resource


def forget_values(context: dg.OutputContext) -> None:
    """Free values that are stored: `dg.materialize` keeps each one until the run ends, although nothing reads them."""
    held = context.step_context.output_capture
    if isinstance(held, dict):
        held.clear()


def has_all_steps(context: dg.OutputContext) -> bool:
    """Whether this process executes all steps of its run, so that the run has ended when it ends."""
    plan, run = context.step_context.execution_plan, context.step_context.dagster_run
    return set(plan.step_keys_to_execute) == set(run.step_keys_to_execute or plan.step_dict)


def serve_code(instance: dg.DagsterInstance, module: str, address: Mapping[str, Any]) -> None:
    """Serve a code location, as `dagster code-server start` does, which cannot be given an instance openly.

    Args:
        instance: the instance of its runs.
        module: the module that defines the location.
        address: `socket` or `port`.
    """
    from dagster._cli.code_server import start_command
    from dagster._serdes import serialize_value

    options = {"module-name": module, "location-name": _LOCATION, "log-level": "warning", **address}
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    start_command.main([*given, "--instance-ref", serialize_value(instance.get_ref())], standalone_mode=False)


def serve_webserver(
    instance: dg.DagsterInstance, address: Mapping[str, Any], port: int, wrapped: Callable[[Any], Any]
) -> None:
    """Serve the UI, as `dagster-webserver` does, which has no option for what is put before its application.

    Args:
        instance: the instance that it shows.
        address: of the code server, `socket` or `port`.
        port: on the loopback interface.
        wrapped: gives the ASGI application that is served for Dagster's.
    """
    import uvicorn
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster_webserver.app import create_app_from_workspace_process_context

    instance.optimize_for_webserver(_STATEMENT_MS, _RECYCLE_SECONDS, _MOST_CONNECTIONS)
    with WorkspaceProcessContext(instance, _target(address), version=dg.__version__) as workspace:
        application = create_app_from_workspace_process_context(workspace, "", _REFRESH_MS)
        served = wrapped(application)
        uvicorn.run(served, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1)


def run_daemon(instance: dg.DagsterInstance, address: Mapping[str, Any]) -> None:
    """Run schedules, sensors and queued runs, as `dagster-daemon run` does, which cannot name a code server's location.

    Args:
        instance: the instance of the runs.
        address: of the code server, `socket` or `port`.
    """
    from dagster._daemon.controller import daemon_controller_from_instance
    from dagster._utils.interrupts import capture_interrupts

    with capture_interrupts(), daemon_controller_from_instance(instance, _target(address)) as controller:
        controller.check_daemon_loop()


def _target(address: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a class of Dagster that is imported late
    from dagster._core.workspace.load_target import GrpcServerTarget

    given = {"port": None, "socket": None, **address}
    return GrpcServerTarget(host="localhost", location_name=_LOCATION, **given)
