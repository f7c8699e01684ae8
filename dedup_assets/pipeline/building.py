"""Building the pipeline for a code location, alone or beside other assets.

This module decides all that depends on the code location: the key prefix, groups and owners of the assets, the folders
and settings that the launchpad suggests, whether `features` waits for ranges that workers make, and test sets.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.settings import Settings
from dedup_assets.pipeline import assets, set_assets, versions
from dedup_assets.pipeline.assets import features, features_of_shards
from dedup_assets.pipeline.automation.schedules import DAILY, build_schedules
from dedup_assets.pipeline.automation.sensors import build_sensors
from dedup_assets.pipeline.checks import CHECKS, build_checks
from dedup_assets.pipeline.cleaning_jobs import build_cleaning_jobs
from dedup_assets.pipeline.contracts import OWNERS, PIPELINE, RANGES
from dedup_assets.pipeline.dagster_internals import accepting_beta, naming_nested, rename_op
from dedup_assets.pipeline.io_manager import WorkDirIOManager
from dedup_assets.pipeline.jobs import ASSETS_OF_MODE, build_jobs
from dedup_assets.pipeline.resources import IO_MANAGER, SETTINGS, Alerts, DedupSettings, LoggedProgress
from dedup_assets.pipeline.scoring import assets as scoring_assets
from dedup_assets.pipeline.scoring.checks import TEST_SET_CHECKS
from dedup_assets.pipeline.sharding import assets as sharding_assets
from dedup_assets.pipeline.sharding.partitions import OFFSET_RANGES, ROW_RANGES, backfill_policy, ranges_of
from dedup_assets.pipeline.verdicts import NAME as VERDICTS
from dedup_assets.pipeline.verdicts import build_verdicts

__all__ = ["OWNERS", "PIPELINE", "build_assets", "build_definitions"]


def build_definitions(
    input_dir: str | list[str] = "",
    work_dir: str = "work_dir",
    *,
    key_prefix: str | Sequence[str] = (),
    group_name: str = PIPELINE,
    owners: Sequence[str] = tuple(OWNERS),
    scale_out: bool = False,
    test_set: bool = False,
    cron_schedule: str = DAILY,
    alerts: Alerts | None = None,
    automate: bool = False,
    executor: dg.ExecutorDefinition | None = dg.in_process_executor,
    **settings: Any,  # noqa: ANN401 - any field of Settings; unknown names are refused
) -> dg.Definitions:
    """The whole pipeline: assets, checks, jobs, sensors, schedule and resources.

    Args:
        input_dir: what runs read by default; without it, each run must name it.
        work_dir: where runs put results by default.
        key_prefix: prefix of all asset keys and of the names of jobs, sensors and the schedule. Needed if a code
            location has two pipelines, or other assets with names such as `features`.
        group_name: group of the chain; unless it is the default, the other groups are `<group_name>_ranges` and
            `<group_name>_test_set`.
        owners: owners of all assets: `team:NAME` or an e-mail address.
        scale_out: for many workers: `features` waits for all partitions of `feature_shards`.
        test_set: add the assets and jobs that score a test set (run modes 3 and 4).
        cron_schedule: time of the daily schedule, in UTC; the schedule is off until a person switches it on.
        alerts: where failures are reported besides the log.
        automate: switch the sensors on from the start; otherwise a person does it in the UI.
        executor: executor of the whole code location; None if the definitions are merged into others. The engine is
            parallel inside one process; a process per step would load the libraries again for each step.
        **settings: other fields of `engine.core.settings.Settings`: the defaults of all runs.

    Returns:
        Definitions to use alone or in `Definitions.merge`. The resources are named `settings`, `progress`, `alerts` and
        `dedup_io_manager`.

    Raises:
        SettingsError: names every wrong setting and what is allowed.
    """
    prefix = [key_prefix] if isinstance(key_prefix, str) else list(key_prefix)
    parsed = Settings.parse(input_dir=input_dir, work_dir=work_dir, **settings)
    # Values that the config of a run takes. `input_dir` is without the inputs of sets, which a run may replace.
    own = {name: getattr(parsed, name) for name, value in settings.items() if value is not None}
    resource = DedupSettings.configure_at_launch(input_dir=input_dir, work_dir=work_dir, **own)
    adapted, checks = build_assets(parsed, prefix, group_name, owners, scale_out=scale_out, test_set=test_set)
    # With many workers, uploads start only the listing: a run cannot execute partitions that it registers.
    started = ("image_manifest",) if scale_out else ASSETS_OF_MODE[RunMode.EVERYTHING]
    target = dg.AssetSelection.assets(*(dg.AssetKey([*prefix, name]) for name in started))
    keys = [key for each in adapted for key in each.keys]
    return dg.Definitions(
        assets=[*adapted, build_verdicts(prefix, group_name, owners)],
        asset_checks=checks,
        jobs=[*build_jobs(parsed, prefix, test_set=test_set), *build_cleaning_jobs(prefix)],
        sensors=build_sensors(parsed, target, keys, prefix, automate=automate),
        schedules=build_schedules(target, cron_schedule, prefix),
        resources={
            SETTINGS: resource,
            "progress": LoggedProgress(),
            "alerts": alerts or Alerts(),
            # The same resource, nested, so that the launchpad's values reach the IO manager too.
            IO_MANAGER: naming_nested(WorkDirIOManager.below(prefix)(settings=resource), SETTINGS),  # type: ignore[arg-type]  # made from SettingsResource
        },
        executor=executor,
    )


def build_assets(
    settings: Settings,
    prefix: Sequence[str] = (),
    group_name: str = PIPELINE,
    owners: Sequence[str] = tuple(OWNERS),
    *,
    scale_out: bool = False,
    test_set: bool = False,
) -> tuple[list[dg.AssetsDefinition], list[dg.AssetChecksDefinition]]:
    """Build the assets and checks without jobs, sensors and schedule; arguments as for `build_definitions`."""
    with accepting_beta():  # owners, backfill policies, links to source code
        found = _assets(scale_out=scale_out, test_set=test_set)
        adapted = _adapt(found, list(prefix), group_name, owners, settings)
    of_test_set = TEST_SET_CHECKS if test_set else []
    return adapted, build_checks([*CHECKS, *of_test_set], prefix)


def _assets(*, scale_out: bool, test_set: bool) -> list[dg.AssetsDefinition]:
    of_test_set = [scoring_assets] if test_set else []
    found = dg.load_assets_from_modules([assets, set_assets, sharding_assets, *of_test_set])
    defined = [_with_ranges(each, scale_out) for each in found if isinstance(each, dg.AssetsDefinition)]
    return [features_of_shards() if scale_out and each.keys == features.keys else each for each in defined]


def _with_ranges(asset: dg.AssetsDefinition, scale_out: bool) -> dg.AssetsDefinition:
    """An asset with partitions as the deployment wants it: automatic only where `features` waits for it."""
    if asset.partitions_def is None:
        return asset
    spread = asset.with_attributes(backfill_policy=backfill_policy())
    return spread if scale_out else spread.map_asset_specs(_by_hand)


def _by_hand(spec: dg.AssetSpec) -> dg.AssetSpec:
    return spec.replace_attributes(automation_condition=None)


def _adapt(
    found: Sequence[dg.AssetsDefinition], prefix: list[str], group_name: str, owners: Sequence[str], settings: Settings
) -> list[dg.AssetsDefinition]:
    """Rename the assets for this code location, with code versions that name its settings."""
    own = [dg.AssetKey(VERDICTS), *(key for each in found for key in each.keys)]
    keys = {key: dg.AssetKey([*prefix, *key.path]) for key in own}
    renamed = [_prefix_op(each.with_attributes(asset_key_replacements=keys), prefix) for each in found]
    dependencies = {spec.key: [dep.asset_key for dep in spec.deps] for each in renamed for spec in each.specs}
    code = versions.code_versions(dependencies, settings)
    groups = _groups(group_name)
    ranges = {name: ranges_of(name, prefix) for name in (OFFSET_RANGES, ROW_RANGES)}

    def adapt(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(
            group_name=groups[str(spec.group_name)],
            owners=owners,
            code_version=code[spec.key],
            partitions_def=_moved(spec.partitions_def, ranges),
        )

    linked = dg.with_source_code_references([each.map_asset_specs(adapt) for each in renamed])
    return [each for each in linked if isinstance(each, dg.AssetsDefinition)]


def _moved(
    partitions: dg.PartitionsDefinition | None, ranges: Mapping[str, dg.DynamicPartitionsDefinition]
) -> dg.DynamicPartitionsDefinition | None:
    """Replace the partitions of a pipeline without prefix by those of this one."""
    return ranges[str(partitions.name)] if isinstance(partitions, dg.DynamicPartitionsDefinition) else None


def _prefix_op(asset: dg.AssetsDefinition, prefix: list[str]) -> dg.AssetsDefinition:
    """Name the op like its asset, because Dagster 1.13 confuses ops of one name (another asset may be `features`)."""
    if not prefix:
        return asset
    return rename_op(asset, "__".join([*prefix, asset.op.name]))


def _groups(group_name: str) -> Mapping[str, str]:
    own = {name: name for name in (RANGES, scoring_assets.TEST_SET)}
    if group_name != PIPELINE:
        own = {name: f"{group_name}_{name}" for name in own}
    return {PIPELINE: group_name, **own}
