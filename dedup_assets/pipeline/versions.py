"""Versions: what each asset depends on, so that Dagster marks as stale exactly what a change concerns.

A code version names the settings of the code location, other than defaults, that an asset and what it comes from depend
on (`1 folders=3fa9c2 threshold=0.9`): change one there, and the UI marks this asset and what follows, nothing
else. A data version is a digest over the settings of the run, as the asset reads them, and the versions of its inputs;
it begins with the listing and the model, so that the same images under the same settings have the same versions.
"""

import hashlib
from collections.abc import Iterable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import dagster as dg

from dedup_assets.engine.core.settings import Settings

CODE_VERSION = "1"  # of the assets; raise it when one gives other results for the same settings
DATA_VERSION_TAG = "dagster/data_version"

_SEARCH = ("distance", "nn_provider", "nnmodel", "faiss_mode", "recall_target")
_QUERY = (*_SEARCH, "nearest_neighbors_k", "faiss_param", "range_search", "range_search_limit")
_FOLDERS = ("input_dir", "work_dir")
_READ_BY: dict[str, tuple[str, ...]] = {
    "image_manifest": (*_FOLDERS, "min_offset", "max_offset", "num_images", "video_fps"),
    "feature_shards": ("model_path", "bounding_box", "max_pixels"),
    "features": ("model_path", "bounding_box", "max_pixels"),
    "neighbor_shards": _QUERY,
    "bad_images": (),
    "faiss_index": _SEARCH,
    "similarity": (*_QUERY, "threshold"),
    "outliers": (*_QUERY, "lower_threshold"),
    "components": ("ccthreshold", "run_cc", "run_pagerank", "run_degree"),
    "gallery": ("gallery_pairs",),
}
"""The settings that change what an asset is; num_threads, sizes of ranges and limits of checks change nothing of it."""

_OTHER_PROVIDERS = {"faiss": {"nnmodel"}, "turi": {"faiss_mode", "faiss_param", "recall_target"}}
_READ_AS = {  # settings of which only a part counts, or that may be written in two ways
    "nn_provider": "search.provider",
    "nnmodel": "search.nnmodel",
    "faiss_param": "search.faiss_param",
    "bounding_box": "box",
    **{name: f"graph.{name}" for name in ("ccthreshold", "run_cc", "run_pagerank", "run_degree")},
}


def settings_read(asset: str, settings: Settings) -> dict[str, Any]:
    """The settings an asset depends on, by name, as it reads them.

    Args:
        asset: the last part of its key.
        settings: of a run or of a code location.
    """
    unread = _OTHER_PROVIDERS[settings.nn_provider]
    return {name: attrgetter(_READ_AS.get(name, name))(settings) for name in _READ_BY[asset] if name not in unread}


def code_versions(
    dependencies: Mapping[dg.AssetKey, Iterable[dg.AssetKey]], settings: Settings
) -> dict[dg.AssetKey, str]:
    """The code version of each asset in a code location with these settings.

    Args:
        dependencies: of all assets of the pipeline.
        settings: what the location suggests.
    """
    return {key: _code_version(_behind(key, dependencies), settings) for key in dependencies}


def _behind(key: dg.AssetKey, dependencies: Mapping[dg.AssetKey, Iterable[dg.AssetKey]]) -> set[str]:
    """The names of an asset and of all that it comes from. Dagster itself marks no further than one step."""
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
    """A mark of input_dir and work_dir: paths are long, and of this machine."""
    inputs = settings.input_dir if isinstance(settings.input_dir, list) else [settings.input_dir]
    named = [place if "://" in place else str(Path(place).absolute()) for place in (*inputs, settings.work_dir)]
    return hashlib.sha256(repr(named).encode()).hexdigest()[:6]


def stamp(context: dg.AssetExecutionContext, settings: Settings | None = None, content: str = "") -> None:
    """Give what is being materialized its data version.

    Args:
        context: of the asset.
        settings: of the run; None where the asset reads none.
        content: digest of what it is made from besides settings and inputs: the files listed, the model.
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
    """The data version of an input; empty for files that this Dagster has not made."""
    event = instance.get_latest_materialization_event(key)
    made = event.asset_materialization if event else None
    return (made.tags or {}).get(DATA_VERSION_TAG, "") if made else ""
