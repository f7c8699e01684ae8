"""Materializing the pipeline from Python, for `run()` and the command line.

The run uses the Dagster instance of DAGSTER_HOME, so that its UI shows it; without DAGSTER_HOME, one in memory
(`instances`). It leaves the host process unchanged (`host_process`). `jobs` selects what is materialized.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial

import dagster as dg

from dedup_assets.engine.core.errors import DedupError
from dedup_assets.engine.core.own_files import TEST
from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.extraction.gathering import gather_parts, gather_ranges
from dedup_assets.engine.inputs.emptiness import refuse_empty
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets.engine.work_dir.identity import Config, read_config, replaced_origins
from dedup_assets.engine.work_dir.journal import staged_name
from dedup_assets.engine.work_dir.locks import Lock
from dedup_assets.engine.work_dir.publishing import note_told
from dedup_assets.engine.work_dir.result_files import files_of
from dedup_assets.engine.work_dir.verdict_file import VerdictFile
from dedup_assets.pipeline.building import build_assets
from dedup_assets.pipeline.checks import LEAKS_CHECK
from dedup_assets.pipeline.contracts import SHARED
from dedup_assets.pipeline.dagster_internals import DagsterAssetCheckFailedError, accepting_beta
from dedup_assets.pipeline.host_process import hidden_event_loop, restored_signal_handlers
from dedup_assets.pipeline.instances import dagster_home, open_instance
from dedup_assets.pipeline.io_manager import WorkDirIOManager
from dedup_assets.pipeline.jobs import assets_of, selection_of_mode
from dedup_assets.pipeline.publishing import has_ended
from dedup_assets.pipeline.resources import (
    IO_MANAGER,
    LAUNCH_TAG,
    SETTINGS,
    UNSEEN_TAG,
    DedupSettings,
    SettingsResource,
)
from dedup_assets.pipeline.run_facts import CHECKS, RunFacts
from dedup_assets.pipeline.set_results import withdrawn_by
from dedup_assets.pipeline.stages import StageTeller

_JOB = "__ephemeral_asset_job__"  # as `dg.materialize` names it


class CheckFailedError(DedupError):
    """A check failed and stopped the run: a limit with `stop_on_failed_checks`, a damaged file, or a defect of ours."""


def materialize(settings: Settings, progress: ProgressReporter, started: Callable[[], None]) -> RunFacts:
    """Materialize the assets of the settings' run mode, with their checks.

    Args:
        settings: settings of the run.
        progress: counts images.
        started: called when everything is imported, just before the first asset.

    Raises:
        DedupError: a problem that the user can fix.
        KeyboardInterrupt: Ctrl-C, or SIGTERM while Dagster runs.
        Exception: a defect of ours, without Dagster's wrappers.
    """
    if settings.mode.reads_images:
        refuse_empty(settings.input_dir)  # before the folder for results is made
    work_dir = WorkDir(settings.work_dir)
    folder, train = work_dir, Lock()
    with ExitStack() as held:
        if settings.mode.needs_train_set:
            train = held.enter_context(hold(work_dir, _doing(settings), shared=True, is_over=_has_ended))
            folder = work_dir.within(TEST)
        elif settings.range_folder:
            folder = work_dir.within(settings.range_folder)
        results = [name.rpartition("/")[2] for name in assets_of(settings.mode, has_sets=bool(settings.asked_sets))]
        making = generation(
            folder,
            _doing(settings),
            will_write=files_of(results),
            withdrawn=withdrawn_by(results, settings),
            is_over=_has_ended,
            is_told=False,
        )
        view = held.enter_context(making)
        before = read_config(view)
        if settings.mode is RunMode.SIMILARITY:
            gather_parts(view)
        facts = _materialize(settings, progress, started, _scratch(view))
        facts.warnings.extend(_notes(settings, before, read_config(view)))
        if "bad_images" in facts.metadata:  # which says what has changed
            facts = replace(facts, told=partial(note_told, folder, view.generation))
        train.check()
    if settings.range_folder:
        facts.warnings.extend(gather_ranges(work_dir, settings))
    return facts


def _notes(settings: Settings, before: Config, after: Config) -> Iterator[str]:
    """Notes for the user about the settings and the former content of work_dir."""
    yield from _notes_of_verdicts(settings, before)
    if settings.mode.makes_features:
        yield from replaced_origins(before, after)
    elif settings.mode is RunMode.SIMILARITY and settings.model_path:
        made_by = after.features.model_sha256
        yield f"model_path={settings.model_path!r} was not used: run_mode=2 takes the features as they are" + (
            f", of model {made_by[:12]}" if made_by else ""
        )


def _notes_of_verdicts(settings: Settings, before: Config) -> Iterator[str]:
    """That no decision is known, where a person may believe that there are some."""
    former = str(before.settings.get("verdicts", ""))
    if settings.verdicts and not VerdictFile.of(settings.verdicts, settings.work_dir).read().digest:
        yield f"verdicts={settings.verdicts!r}: there is no such file yet, so that no verdict is honoured"
    elif former and former != settings.verdicts:
        read = repr(settings.verdicts) if settings.verdicts else "the one in work_dir"
        yield f"the last run read verdicts={former!r}, and this one {read}: verdicts of the former are not honoured"


def _doing(settings: Settings) -> str:
    return f"run_mode {settings.run_mode}"


def _scratch(view: WorkDir) -> str | None:
    """A folder for Dagster's temporary files among the staged files, so that the next run deletes a killed run's.

    None for a work_dir on a store; Dagster then uses a temporary folder.
    """
    return view.inside(staged_name(view.generation, ".dagster")) if view.is_local else None


def _materialize(
    settings: Settings, progress: ProgressReporter, started: Callable[[], None], scratch: str | None
) -> RunFacts:
    run_tag = {LAUNCH_TAG: uuid.uuid4().hex}
    log_level = "DEBUG" if settings.verbose else "CRITICAL"
    with accepting_beta(), hidden_event_loop(), restored_signal_handlers(), open_instance(scratch) as instance:
        job = _job(settings)
        run_id = str(uuid.uuid4())
        if progress.watches_stages:
            instance.add_event_listener(run_id, StageTeller(progress))
        started()
        try:
            result = job.execute_in_process(
                run_id=run_id,
                instance=instance,
                tags=run_tag if dagster_home() else {**run_tag, UNSEEN_TAG: "true"},
                resources=_resources(settings, progress),
                run_config={"loggers": {"console": {"config": {"log_level": log_level}}}},
            )
        except dg.DagsterExecutionInterruptedError:
            raise KeyboardInterrupt from None
        except Exception as error:  # noqa: BLE001 - its cause is raised
            raise _root_cause(error, instance, run_tag) from None
    return _facts(result)


def _resources(settings: Settings, progress: ProgressReporter) -> dict[str, object]:
    """The resources of a run, ready for use: Dagster would make a configurable one anew for each that refers to it."""
    resource = _blank_settings().model_copy(update=settings.model_dump(exclude={"version", "verbose"}))
    manager = WorkDirIOManager(settings=resource)
    return {
        SETTINGS: dg.ResourceDefinition.hardcoded_resource(resource),
        "progress": progress,
        IO_MANAGER: dg.IOManagerDefinition.hardcoded_io_manager(manager),
    }


@cache
def _blank_settings() -> SettingsResource:
    """The settings that runs copy: for each one that is made, Dagster makes the schema of all fields."""
    return DedupSettings()


def _job(settings: Settings) -> dg.JobDefinition:
    """The job of the settings' run mode. Code versions name these settings if there is a UI that shows them."""
    if dagster_home():
        return _build_job(settings, settings.mode, has_sets=bool(settings.asked_sets))
    return _unseen_job(settings.mode, has_sets=bool(settings.asked_sets))


@cache
def _unseen_job(mode: RunMode, *, has_sets: bool) -> dg.JobDefinition:
    return _build_job(Settings.parse(), mode, has_sets=has_sets)


def _build_job(settings: Settings, mode: RunMode, *, has_sets: bool) -> dg.JobDefinition:
    """The job of a mode, without resources of a run."""
    assets, checks = build_assets(settings, test_set=mode.needs_train_set)
    selection = selection_of_mode(mode, has_sets=has_sets)
    none = dg.ResourceDefinition.none_resource()
    unset = {SETTINGS: none, "progress": none, IO_MANAGER: dg.mem_io_manager}
    defined = dg.Definitions(
        [*assets], asset_checks=checks, jobs=[dg.define_asset_job(_JOB, selection)], resources=unset
    )
    return defined.resolve_job_def(_JOB)


def _has_ended(run: str) -> bool | None:
    """Whether a Dagster run that uses the work_dir has ended; None if the user's Dagster does not know it."""
    if not dagster_home():
        return None
    with open_instance() as instance:
        return has_ended(instance, run)


def _root_cause(error: Exception, instance: dg.DagsterInstance, run_tag: dict[str, str]) -> Exception:
    """Our error inside Dagster's wrappers; the error itself if there is none of ours."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:  # Dagster re-raises errors in a cycle
        if isinstance(cause, DedupError):
            return cause
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, DagsterAssetCheckFailedError):
        return CheckFailedError(f"stopped, because a check failed: {_failed_checks(instance, run_tag) or error}")
    return error


def _failed_checks(instance: dg.DagsterInstance, run_tag: dict[str, str]) -> str:
    """Descriptions of the checks that stopped a run; Dagster's error only has their names."""
    (run,) = instance.get_runs(dg.RunsFilter(tags=run_tag))
    events = (
        entry.dagster_event for entry in instance.all_logs(run.run_id, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    )
    found = [event.asset_check_evaluation_data for event in events if event]
    return "; ".join(
        f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description}"
        for check in found
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
    )


def _facts(result: dg.ExecuteInProcessResult) -> RunFacts:
    metadata: dict[str, dict[str, object]] = {}
    for event in result.get_asset_materialization_events():
        found = event.materialization
        # The last part of a key is enough, because a run is either of the train set or of a test set.
        metadata[found.asset_key.path[-1]] = {key: value.value for key, value in found.metadata.items()}
    materializing = {event.step_key for event in result.get_asset_materialization_events()}
    seconds: dict[str, float] = {}
    for event in result.all_events:
        if event.is_step_success:
            step = event.step_key if event.step_key and event.step_key in materializing else CHECKS
            seconds[step] = seconds.get(step, 0) + event.step_success_data.duration_ms / 1000
    failed = [
        f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description}"
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.check_name != LEAKS_CHECK
    ]
    failed += [str(found[SHARED]) for found in metadata.values() if SHARED in found]
    leaked = [
        str(check.description)
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.check_name == LEAKS_CHECK
    ]
    return RunFacts(metadata, seconds, failed, leaked)
