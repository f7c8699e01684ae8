"""Holding the work_dir for a Dagster run, and publishing its files together.

For a run that `launch` started, `launch` holds the work_dir, and publishes after the checks have passed. For every
other run (the UI, a schedule, Dagster's command line), this module does both: the files appear when the last asset is
stored. The steps of such a run may be separate processes on several machines. Notes in the generation's folder say
which assets are stored (`finished_results`), because Dagster's event log lags. `io_manager` knows the files of assets.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import ClassVar, Self

import dagster as dg
from pydantic import PrivateAttr

from dedup_assets.engine.core.errors import DedupError
from dedup_assets.engine.core.own_files import TEST
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.finished_results import (
    begin_step,
    finished_results,
    is_staged,
    note_finished,
    taking_turns,
)
from dedup_assets.engine.work_dir.generations import open_here, registered
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets.engine.work_dir.locks import Lock
from dedup_assets.engine.work_dir.publishing import commit
from dedup_assets.engine.work_dir.result_files import FILES_OF
from dedup_assets.pipeline.dagster_internals import has_all_steps
from dedup_assets.pipeline.resources import SettingsResource
from dedup_assets.pipeline.set_results import withdrawn_by, written_for
from dedup_assets.pipeline.verdicts import NAME, observe

_PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
_STORED = dg.DagsterEventType.ASSET_MATERIALIZATION
_ROOT_TAG = "dagster/root_run_id"


class PublishingIOManager(dg.ConfigurableIOManager):
    """An IO manager that makes the files of one run appear together.

    Attributes:
        settings: settings of the run.
        key_prefix: prefix of the pipeline's asset keys; its parts are not names of folders. A class variable, because
            a field would appear in the launchpad.
    """

    settings: dg.ResourceDependency[SettingsResource]
    key_prefix: ClassVar[tuple[str, ...]] = ()
    _run: "_RunOfDagster | None" = PrivateAttr(None)
    _refusal: DedupError | None = PrivateAttr(None)

    @classmethod
    def below(cls, key_prefix: Sequence[str]) -> type[Self]:
        """The IO manager of a pipeline whose asset keys have this prefix."""
        return type(cls.__name__, (cls,), {"key_prefix": tuple(key_prefix), "__doc__": cls.__doc__})

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Hold the work_dir while this process executes steps of a run that writes there, unless `launch` holds it."""
        with ExitStack() as held:
            try:
                run = _RunOfDagster.of(context, self.key_prefix)
                self._observe_verdicts(context, run)
                if run is not None and not open_here(self.folder(run.planned[0])):
                    self._run = run
                    self._hold(run, held)
            except DedupError as refusal:  # the first step raises it, because Dagster then shows its message
                self._refusal = refusal
            yield self

    def _observe_verdicts(self, context: dg.InitResourceContext, run: "_RunOfDagster | None") -> None:
        """Note the verdicts that this run reads, before its first step; see `verdicts`."""
        groups = dg.AssetKey([*self.key_prefix, "groups"])
        if run is not None and groups in run.planned and context.instance is not None:
            observe(context.instance, dg.AssetKey([*self.key_prefix, NAME]), self.parsed())

    def _hold(self, run: "_RunOfDagster", held: ExitStack) -> None:
        doing, name = f"Dagster run {run.name}", run.name
        folders, train = self._folders(run.planned), WorkDir(self.parsed().work_dir)
        if self._reads_train_set(run) and train.url not in {folder.url for folder in folders}:
            run.train = held.enter_context(hold(train, doing, shared=True, is_over=run.is_over))
        for folder in folders:
            prepare = partial(self._begin, run, folder)
            lock = held.enter_context(
                hold(folder, doing, run=name, has_steps=True, is_over=run.is_over, prepare=prepare)
            )
            held.callback(run.leave, folder, lock)
            run.locks[folder.url] = lock
            held.enter_context(registered(folder.url, name))

    def _reads_train_set(self, run: "_RunOfDagster") -> bool:
        return any(TEST in key.path[len(self.key_prefix) : -1] for key in run.planned)

    def _begin(self, run: "_RunOfDagster", folder: WorkDir, lock: Lock) -> None:
        run.leave(folder, lock)  # in case of a refusal
        made, planned = self._results(run.made_before(), folder), self._results(run.planned, folder)
        begin_step(folder, lock, run.name, made, written_for(planned, self.parsed()))

    def parsed(self) -> Settings:
        """The validated settings. Raises SettingsError that names every wrong parameter."""
        return self.settings.parsed()

    def folder(self, key: dg.AssetKey) -> WorkDir:
        """The folder of an asset, as the run sees it.

        `test` in the key is a sub-folder; a range of run_mode 1 has a sub-folder of its own.

        Raises:
            DedupError: the run was refused.
        """
        if self._refusal is not None:
            raise self._refusal
        work_dir = self.settings.open_work_dir()
        folder = "/".join(key.path[len(self.key_prefix) : -1]) or self.parsed().range_folder
        work_dir = work_dir.within(folder) if folder else work_dir
        name = open_here(work_dir) or (self._run.name if self._run is not None else "")
        return work_dir.in_generation(name) if name else work_dir

    @contextmanager
    def storing(self, context: dg.OutputContext, work_dir: WorkDir) -> Iterator[None]:
        """Record a written result in the block; after it, publish the run's files if this was the last result.

        Steps in separate processes take turns, because they change the same files.
        """
        run = self._run
        if run is None:  # `launch` publishes
            yield
            return
        run.is_whole = run.is_whole or has_all_steps(context)
        folders = self._folders(run.planned)
        with ExitStack() as turn:
            if not run.is_whole:
                turn.enter_context(taking_turns(folders[0], run.name))
            yield
            note_finished(work_dir, run.name, context.asset_key.path[-1], run.run_id, work_dir.written)
            if all(self._is_complete(run, folder) for folder in folders):
                run.train.check()
                for folder in folders:
                    withdrawn = withdrawn_by(finished_results(folder, run.name), self.parsed())
                    commit(folder, run.name, run.locks[folder.url], withdrawn)

    def _is_complete(self, run: "_RunOfDagster", folder: WorkDir) -> bool:
        """Whether every asset of the run that has files in a folder is stored."""
        finished = finished_results(folder, run.name)
        stored = {name for name, result in finished.items() if result.run == run.run_id}
        return stored.issuperset(self._results(run.planned, folder))

    def _results(self, keys: Iterable[dg.AssetKey], folder: WorkDir) -> list[str]:
        return [key.path[-1] for key in keys if self.folder(key).url == folder.url]

    def _folders(self, keys: Iterable[dg.AssetKey]) -> list[WorkDir]:
        return list({folder.url: folder for folder in map(self.folder, keys)}.values())


class _RunOfDagster:
    """A run that Dagster itself started: from the UI, a schedule or its command line.

    Args:
        instance: the instance that stores its events.
        run: the run.
        planned: the assets that it will store, at least one.
        prefix: prefix of the pipeline's asset keys.

    Attributes:
        name: name of its generation. A run that continues a failed one continues that run's generation.
        run_id: its own id.
        locks: locks of the folders that it holds, by URL.
        train: shared lock of the train set that it scores against, while this process executes its steps.
        is_whole: whether this process is known to execute all its steps.
    """

    def __init__(
        self, instance: dg.DagsterInstance, run: dg.DagsterRun, planned: list[dg.AssetKey], prefix: tuple[str, ...]
    ) -> None:
        self.name, self.run_id = run.root_run_id or run.run_id, run.run_id
        self.planned = planned
        self.locks: dict[str, Lock] = {}
        self.train = Lock()
        self.is_whole = False
        self._instance, self._prefix = instance, prefix

    @classmethod
    def of(cls, context: dg.InitResourceContext, prefix: tuple[str, ...]) -> "_RunOfDagster | None":
        """The run of this process; None if it stores no asset of the pipeline."""
        if context.instance is None or context.run is None:
            return None
        planned = _assets_of(context.instance, context.run.run_id, _PLANNED, prefix)
        return cls(context.instance, context.run, planned, prefix) if planned else None

    def made_before(self) -> list[dg.AssetKey]:
        """Assets that steps of this run have stored, or steps of the failed runs that it continues."""
        made: set[dg.AssetKey] = set()
        run_id: str | None = self.run_id
        while run_id is not None:
            run = self._instance.get_run_by_id(run_id)
            if run is None or run.is_success:  # the results of a successful run are published
                break
            made.update(_assets_of(self._instance, run_id, _STORED, self._prefix))
            run_id = run.parent_run_id
        return sorted(made)

    def is_over(self, name: str) -> bool | None:
        """As `has_ended`, for the instance of this run."""
        return has_ended(self._instance, name)

    def leave(self, folder: WorkDir, lock: Lock) -> None:
        """Note in the lock, when this process ends, whether the run ends with it."""
        lock.is_over = self.is_whole or not is_staged(folder, self.name)


def has_ended(instance: dg.DagsterInstance, name: str) -> bool | None:
    """Whether a run has ended, with all runs that continue it; None if this instance does not know it."""
    run = instance.get_run_by_id(name)
    if run is None:
        return None
    again = instance.get_runs(dg.RunsFilter(tags={_ROOT_TAG: name}))
    return all(each.is_finished for each in (run, *again))


def _assets_of(
    instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType, prefix: tuple[str, ...]
) -> list[dg.AssetKey]:
    """The assets with files that are named in a run's events of one kind, sorted.

    Other pipelines' assets are left out. Shards are too, because the engine stores each as soon as it is done.
    """
    events = (
        record.event_log_entry.dagster_event for record in instance.get_records_for_run(run_id, of_type=kind).records
    )
    keys = {event.asset_key for event in events if event is not None and event.asset_key is not None}
    of_pipeline = (key for key in keys if tuple(key.path[: len(prefix)]) == prefix)
    return sorted(key for key in of_pipeline if key.path[-1] in FILES_OF)
