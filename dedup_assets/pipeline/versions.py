"""Versions of assets, so that Dagster marks as stale exactly what a change affects.

A code version names the settings of the code location that an asset and its ancestors read and that differ from the
defaults (`1 folders=3fa9c2 threshold=0.9`). A change of such a setting makes the UI mark this asset and those that
depend on it, and no others. A data version is a digest of the settings of the run, as the asset reads them, and of the
versions of its inputs. The first versions of a chain are made from the listing and the model, so that the same images
with the same settings have the same versions.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import dagster as dg

from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.work_dir.identity import settings_read

CODE_VERSION = "1"  # of the assets; to be raised when one gives other results for the same settings
DATA_VERSION_TAG = "dagster/data_version"

_FOLDERS = {"input_dir", "work_dir"}  # a code version has a digest of them


def code_versions(
    dependencies: Mapping[dg.AssetKey, Iterable[dg.AssetKey]], settings: Settings
) -> dict[dg.AssetKey, str]:
    """The code version of each asset in a code location with these settings.

    Args:
        dependencies: keys of the inputs of each asset of the pipeline.
        settings: defaults of the location.
    """
    return {key: _code_version(_behind(key, dependencies), settings) for key in dependencies}


def _behind(key: dg.AssetKey, dependencies: Mapping[dg.AssetKey, Iterable[dg.AssetKey]]) -> set[str]:
    """The names of an asset and of all its ancestors. Dagster itself marks only the assets directly after a change."""
    return {key.path[-1]}.union(*(_behind(parent, dependencies) for parent in dependencies.get(key, ())))


def _code_version(assets: Iterable[str], settings: Settings) -> str:
    usual = Settings.parse()
    changed = {
        f"{name}={value!a}"
        for asset in assets
        for name, value in settings_read(asset, settings).items()
        if name not in _FOLDERS and value != settings_read(asset, usual).get(name)
    }
    return " ".join([CODE_VERSION, f"folders={_folders(settings)}", *sorted(changed)])


def _folders(settings: Settings) -> str:
    """A short digest of input_dir and work_dir, because paths are long and belong to this machine."""
    inputs = settings.input_dir if isinstance(settings.input_dir, list) else [settings.input_dir]
    named = [place if "://" in place else str(Path(place).absolute()) for place in (*inputs, settings.work_dir)]
    return hashlib.sha256(repr(named).encode()).hexdigest()[:6]


def stamp(context: dg.AssetExecutionContext, settings: Settings | None = None, content: str = "") -> None:
    """Set the data version of each asset that is being materialized.

    Args:
        context: context of the asset.
        settings: settings of the run; None if the asset reads none.
        content: digest of what it is made from besides settings and inputs: the listed files, or the model.
    """
    loaded = (name for name, entry in context.assets_def.op.ins.items() if not entry.dagster_type.is_nothing)
    inputs = sorted({context.assets_def.keys_by_input_name[name] for name in loaded})
    behind = [f"{key.path[-1]}={_latest_version(context.instance, key)}" for key in inputs]
    for key in context.selected_asset_keys:
        read = settings_read(key.path[-1], settings) if settings else {}
        text = "\n".join(
            [CODE_VERSION, content, *behind, *(f"{name}={value!a}" for name, value in sorted(read.items()))]
        )
        context.set_data_version(key, dg.DataVersion(hashlib.sha256(text.encode()).hexdigest()[:16]))


def _latest_version(instance: dg.DagsterInstance, key: dg.AssetKey) -> str:
    """The data version of an input; empty if this Dagster instance has not made it."""
    event = instance.get_latest_materialization_event(key)
    made = event.asset_materialization if event else None
    return (made.tags or {}).get(DATA_VERSION_TAG, "") if made else ""
