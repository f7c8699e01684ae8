"""What we use of Dagster beyond its public interface: private names, and methods that its documentation leaves out.

No other module imports `dagster._*` or `dagster_*._*`. Each name here has the reason why the public interface is not
enough. The comment of the pin in pyproject.toml names the versions that were tested. When the pin moves, test these
names again and correct the comment.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster._core.execution import api
from dagster._core.instance.types import InstanceType
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage, TemporaryLocalArtifactStorage
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster_shared.utils.warnings import _warnings_on

from dedup_assets.pipeline.memory_storage import MemoryEvents, MemoryRuns

__all__ = [
    "CheckRunHealthResult",  # what a run launcher must return
    "DagsterAssetCheckFailedError",  # the only sign that a blocking check, and not a step, ended a run
    "WorkerStatus",
    "accepting_beta",
    "end_left_runs",
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


@contextmanager
def instance_in_memory(folder: str | None, settings: Mapping[str, Any]) -> Iterator[dg.DagsterInstance]:
    """An instance for one run that nobody looks at afterwards, as long as the block lasts.

    `DagsterInstance.ephemeral` costs more than a small run: it imports sqlalchemy and alembic, and opens a database for
    each statement.

    Args:
        folder: for the few files of the instance; a temporary one if None.
        settings: as in `dagster.yaml`.
    """
    with _InstanceInMemory(folder, settings) as instance, _telemetry.left_out():
        yield instance


class _InstanceInMemory(dg.DagsterInstance):
    """An instance whose storages are ours. Dagster's own initialization would import and demand those of Dagster."""

    def __init__(self, folder: str | None, settings: Mapping[str, Any]) -> None:
        self._instance_type = InstanceType.EPHEMERAL
        self._settings = dict(settings)
        self._local_artifact_storage = LocalArtifactStorage(folder) if folder else TemporaryLocalArtifactStorage()  # type: ignore[no-untyped-call]
        self._run_storage = MemoryRuns()  # type: ignore[assignment]
        self._event_storage = MemoryEvents()  # type: ignore[assignment]
        self._compute_log_manager = NoOpComputeLogManager()
        self._run_coordinator = DefaultRunCoordinator()
        for part in (self._event_storage, self._compute_log_manager, self._run_coordinator):
            part.register_instance(self)
        self._run_launcher = self._scheduler = self._schedule_storage = None
        self._secrets_loader = self._defs_state_storage = self._ref = None
        self._subscribers = defaultdict(list)
        self._event_buffer = defaultdict(list)
        self._run_monitoring_enabled = False

    def create_run_for_job(self, job_def: dg.JobDefinition, *unused: object, **more: Any) -> dg.DagsterRun:  # noqa: ANN401 - as Dagster has it
        """Make a run, without the snapshots of its job and the events of what is planned, which only a UI shows."""
        given = {name: more[name] for name in ("run_id", "run_config", "tags", "asset_selection")}
        return self._run_storage.add_run(
            dg.DagsterRun(job_name=job_def.name, status=dg.DagsterRunStatus.NOT_STARTED, **given)
        )


class _Telemetry:
    """Keeps Dagster from asking what its telemetry may say of the steps of instances in memory, which have none.

    It imports the database of runs to find that out. Instances may be open in several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._execution: Any = api  # it imports the function by name
        self._open = 0

    @contextmanager
    def left_out(self) -> Iterator[None]:
        """Leave it out while the block lasts."""
        with self._lock:
            if not self._open:
                self._told = self._execution.log_dagster_event
                self._execution.log_dagster_event = self._tell
            self._open += 1
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1
                if not self._open:
                    self._execution.log_dagster_event = self._told

    def _tell(self, event: dg.DagsterEvent, context: Any) -> None:  # noqa: ANN401 - as Dagster has it
        if not isinstance(context.instance, _InstanceInMemory):
            self._told(event, context)


_telemetry = _Telemetry()


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
    """Serve a code location, as `dagster api grpc` does, which cannot be given an instance openly.

    `dagster code-server start` would be one process more, with all that it imports, so that code can be loaded again.

    Args:
        instance: the instance of its runs.
        module: the module that defines the location.
        address: `socket` or `port`.
    """
    from dagster._cli.api import grpc_command
    from dagster._serdes import serialize_value

    options = {"module-name": module, "location-name": _LOCATION, "log-level": "warning", **address}
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    given += ["--lazy-load-user-code", "--instance-ref", serialize_value(instance.get_ref())]
    grpc_command.main(given, standalone_mode=False)


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


def end_left_runs(instance: dg.DagsterInstance, address: Mapping[str, Any]) -> None:
    """Record the end of runs that could not say it, because their workers were stopped while they still imported.

    Args:
        instance: the instance of the runs.
        address: of the code server whose runs are meant, `socket` or `port`. All its processes have ended.
    """
    under_way = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(statuses=under_way)):
        launched_by = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))  # another UI may have the same instance
        if address.items() <= launched_by.items():
            if run.status is dg.DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run, "The UI that had started this run was stopped.")
            else:
                instance.report_run_failed(run, "The UI that had started this run was stopped.")


def _target(address: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a class of Dagster that is imported late
    from dagster._core.workspace.load_target import GrpcServerTarget

    given = {"port": None, "socket": None, **address}
    return GrpcServerTarget(host="localhost", location_name=_LOCATION, **given)
