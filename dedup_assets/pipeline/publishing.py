"""Holding the work_dir for a run of Dagster and publishing its files together.

A run that `launch` started holds and publishes its work_dir there, once its checks have passed. Every other run (the
UI, a schedule, Dagster's command line) does so here: its files appear when its last asset is stored. Which file an
asset is, is `io_manager`'s.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import ClassVar, Self

import dagster as dg
from pydantic import PrivateAttr

from dedup_assets.engine.core.errors import DedupError
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import open_here, registered
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets.engine.work_dir.ownership import Ownership
from dedup_assets.engine.work_dir.publishing import commit, tidy
from dedup_assets.engine.work_dir.result_files import FILES_OF, files_of
from dedup_assets.pipeline.resources import SettingsResource


class PublishingIOManager(dg.ConfigurableIOManager):
    """An IO manager whose files of one run appear together.

    Attributes:
        settings: of the run.
        key_prefix: of the pipeline's asset keys; its parts name no folder. A class variable, because a field would
            appear in the launchpad.
    """

    settings: dg.ResourceDependency[SettingsResource]
    key_prefix: ClassVar[tuple[str, ...]] = ()
    _run: "_RunInUi | None" = PrivateAttr(None)
    _refusal: DedupError | None = PrivateAttr(None)

    @classmethod
    def below(cls, key_prefix: Sequence[str]) -> type[Self]:
        """The same for a pipeline whose asset keys have a prefix."""
        return type(cls.__name__, (cls,), {"key_prefix": tuple(key_prefix), "__doc__": cls.__doc__})

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Hold the work_dir for as long as the run lasts, if it writes there and `launch` does not hold it."""
        planned = _planned(context.instance, context.run, self.key_prefix)
        with ExitStack() as held:
            try:
                if planned and context.run is not None and not open_here(self.folder(planned[0])):
                    self._run = _RunInUi(context.run, planned)
                    self._hold(self._run, held)
            except DedupError as refusal:  # raised by the first step, because Dagster shows it as what it is there
                self._refusal = refusal
            yield self

    def _hold(self, run: "_RunInUi", held: ExitStack) -> None:
        doing = f"Dagster run {run.name}"
        for folder in self._folders(run):
            held.enter_context(hold(folder, doing, run=run.name))
            tidy(folder, keep=run.name)
            keys = [key for key in run.planned if self.folder(key).url == folder.url]
            Ownership(folder).refuse_foreign(files_of(key.path[-1] for key in keys))
            held.enter_context(registered(folder.url, run.name))

    def parsed(self) -> Settings:
        """The validated settings. Raises SettingsError that names every wrong parameter."""
        return self.settings.parsed()

    def folder(self, key: dg.AssetKey) -> WorkDir:
        """The folder of an asset, as the run sees it.

        `test` in its key is a sub-folder; a range of run_mode 1 has one of its own.

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

    def publish_if_last(self, context: dg.OutputContext) -> None:
        """Publish the run's files if this asset was the last one that they waited for."""
        if self._run is not None and self._run.is_last(context):
            for folder in self._folders(self._run):
                commit(folder, folder.generation)

    def _folders(self, run: "_RunInUi") -> list[WorkDir]:
        return list({folder.url: folder for folder in map(self.folder, run.planned)}.values())


class _RunInUi:
    """A run that Dagster itself started: from the UI, a schedule, its command line."""

    def __init__(self, run: dg.DagsterRun, planned: list[dg.AssetKey]) -> None:
        self.name = run.root_run_id or run.run_id  # a run that is executed again from its failure goes on
        self.planned = planned

    def is_last(self, context: dg.OutputContext) -> bool:
        """Whether every other asset of the run is stored."""
        done = _assets_of(context.step_context.instance, context.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION)
        return set(self.planned) <= done | {context.asset_key}


def _planned(
    instance: dg.DagsterInstance | None, run: dg.DagsterRun | None, prefix: tuple[str, ...]
) -> list[dg.AssetKey]:
    """The assets of a run that have files here, sorted; others may have been chosen beside them.

    Shards are not among them: the engine stores each as soon as it is done.
    """
    if instance is None or run is None:
        return []
    keys = _assets_of(instance, run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    of_pipeline = (key for key in keys if tuple(key.path[: len(prefix)]) == prefix)
    return sorted(key for key in of_pipeline if key.path[-1] in FILES_OF)


def _assets_of(instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType) -> set[dg.AssetKey]:
    """The assets that events of one kind are about."""
    events = (
        record.event_log_entry.dagster_event for record in instance.get_records_for_run(run_id, of_type=kind).records
    )
    return {event.asset_key for event in events if event is not None and event.asset_key is not None}
