"""What people have decided, as an observable source asset: a new verdict marks what follows as stale, nothing else.

The asset has no value and is in no job. It is observed by a sensor, by a person (*Observe* in the UI), and by each run
that makes groups before its first step, because Dagster compares what was observed last with what a run has read.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from dedup_assets.engine.core.errors import DedupError
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.core.verdict_records import Verdicts
from dedup_assets.engine.work_dir.verdict_file import VerdictFile
from dedup_assets.pipeline.dagster_internals import accepting_beta
from dedup_assets.pipeline.resources import SettingsResource
from dedup_assets.pipeline.versions import CODE_VERSION, DATA_VERSION_TAG

NAME = "verdicts"
_TAG = "dedup_assets/source"
_DESCRIPTION = """What people have decided about images: `verdicts.csv`, by content.

Add to it with `dedup-assets verdict A B same|different|variant`, or `verdict A keep|protect`. A new verdict changes
`groups` and the gallery; nothing is extracted, searched or compared again.
"""
_NONE = "none"  # the data version where there is no file
with accepting_beta():
    SOURCES = dg.AssetSelection.tag(_TAG, NAME, include_sources=True)
"""The asset of any pipeline, whatever its key prefix is."""


def build_verdicts(prefix: Sequence[str], group_name: str, owners: Sequence[str]) -> dg.AssetsDefinition:
    """The asset of a pipeline whose keys have this prefix."""
    key = dg.AssetKey([*prefix, NAME])
    with accepting_beta():  # owners
        spec = dg.AssetSpec(
            key,
            description=_DESCRIPTION,
            group_name=group_name,
            owners=owners,
            kinds={"csv"},
            code_version=CODE_VERSION,
            tags={"domain": "image-deduplication", _TAG: NAME},
        )

    def observe_verdicts(settings: SettingsResource) -> Iterator[dg.ObserveResult]:
        found = read_verdicts(settings.parsed())
        yield dg.ObserveResult(
            asset_key=key,
            data_version=_version(found),
            metadata=_facts(found),
        )

    with accepting_beta():
        decorated = dg.multi_observable_source_asset(specs=[spec], name="__".join([*prefix, "observe_verdicts"]))
        (made,) = dg.with_source_code_references([decorated(observe_verdicts)])
    assert isinstance(made, dg.AssetsDefinition)  # noqa: S101 - as it was before
    return made


def read_verdicts(settings: Settings) -> Verdicts:
    """The verdicts that the settings name.

    Raises:
        WorkDirError: the file cannot be read, or is not a file of verdicts.
    """
    return VerdictFile.of(settings.verdicts, settings.work_dir).read()


def observe(instance: dg.DagsterInstance, key: dg.AssetKey, settings: Settings) -> None:
    """Note in Dagster what the verdicts are now, unless that was noted last; a file that cannot be read is left out."""
    observation = observation_of_news(instance, key, settings)
    if observation is not None:
        instance.report_runless_asset_event(observation)


def observation_of_news(
    instance: dg.DagsterInstance, key: dg.AssetKey, settings: Settings
) -> dg.AssetObservation | None:
    """The observation to note, if the verdicts differ from what was observed last."""
    try:
        found = read_verdicts(settings)
    except DedupError:  # the asset groups refuses it
        return None
    version, records = _version(found).value, instance.fetch_observations(key, limit=1).records
    last = records[0].asset_observation if records else None
    if last is not None and last.tags.get(DATA_VERSION_TAG) == version:
        return None
    return dg.AssetObservation(key, metadata=_facts(found), tags={DATA_VERSION_TAG: version})


def _facts(verdicts: Verdicts) -> Mapping[str, Any]:
    return {
        "verdicts": len(verdicts.active()),
        "rows": len(verdicts.given),
        "bad_rows": len(verdicts.bad),
        "file": dg.MetadataValue.path(verdicts.place),
    }


def _version(verdicts: Verdicts) -> dg.DataVersion:
    return dg.DataVersion(verdicts.digest[:16] or _NONE)
