"""Which settings each result reads: declared here once, for records, for reuse and for Dagster's versions.

A setting that is listed for no result changes no result: num_threads, sizes of ranges, limits of checks. To add a
setting, name it in the tuple of each result that reads it. To add a result, add an entry.
"""

import hashlib
import json
from operator import attrgetter
from typing import Any

from pydantic_core import to_jsonable_python

from dedup_assets.engine.core.setting_fields import AUTO
from dedup_assets.engine.core.settings import Settings

_PIXELS = ("model_path", "compute", "bounding_box", "max_pixels")
_INDEX = ("distance", "nn_provider", "nnmodel", "faiss_mode", "faiss_param", "recall_target")
_SEARCH = (*_INDEX, "nearest_neighbors_k", "range_search", "range_search_limit")
_COMPARED = ("evidence", "evidence_pairs_per_image", "keep_policy", "bounding_box", "max_pixels")

_SETS = ("sets", "set_column", "set_folders")

READ_BY: dict[str, tuple[str, ...]] = {
    "image_manifest": ("input_dir", "min_offset", "max_offset", "num_images", "video_fps", "include", "exclude"),
    "feature_shards": _PIXELS,
    "features": _PIXELS,
    "bad_images": (),
    "faiss_index": _SEARCH,
    "neighbor_shards": _SEARCH,
    "similarity": (*_SEARCH, "threshold"),
    "outliers": (*_SEARCH, "lower_threshold"),
    "components": ("ccthreshold", "run_cc", "run_pagerank", "run_degree"),
    "evidence_shards": (*_SEARCH, *_COMPARED, *_SETS, "evaluation_sets"),
    "evidence": (*_COMPARED, *_SETS, "evaluation_sets"),
    "verdicts": ("verdicts",),
    "groups": ("keep_policy", "labels", *_SETS, "verdicts", "group_ids_from", "roots", "across_only"),
    "plan": (),
    "leaks": (*_SETS, "evaluation_sets"),
    "gallery": ("gallery_pairs", "gallery_thumbnails"),
}
"""Names of settings by result. The gallery also shows all of them, see `settings_shown`."""

_OTHER_PROVIDERS = {"faiss": {"nnmodel"}, "turi": {"faiss_mode", "faiss_param", "recall_target"}}
_READ_AS = {  # for settings that count only in part, or that can be written in two ways
    "nn_provider": "search.provider",
    "nnmodel": "search.nnmodel",
    "faiss_param": "search.faiss_param",
    "range_search": "search.range_from",  # the similarity that a range begins at: `threshold`
    "bounding_box": "box",
    "across_only": "places_apart",
    **{name: f"graph.{name}" for name in ("ccthreshold", "run_cc", "run_pagerank", "run_degree")},
}
_ONLY_SEARCHED = {"nearest_neighbors_k", "range_search", "range_search_limit"}  # an index reads them only to be tuned
_MOST_ROWS = 10
_WHOLE = ("roots", "across_only")  # applies read them again
_NOT_SHOWN = {"version", "verbose"}


def settings_read(result: str, settings: Settings) -> dict[str, Any]:
    """The settings that a result reads, as it reads them: equal values give an equal result.

    Args:
        result: the last part of an asset's key.
        settings: settings of a run or of a code location.

    Returns:
        Values that JSON can hold, by the name of the setting.
    """
    unread = set(_OTHER_PROVIDERS[settings.nn_provider])
    if not settings.range_search:
        unread.add("range_search_limit")
    if result == "faiss_index" and not _is_tuned(settings):
        unread |= _ONLY_SEARCHED
    read = {name: attrgetter(_READ_AS.get(name, name))(settings) for name in READ_BY[result] if name not in unread}
    values: dict[str, Any] = to_jsonable_python(read)
    return {name: value if name in _WHOLE else _short(value) for name, value in values.items()}


def settings_shown(settings: Settings) -> dict[str, Any]:
    """All settings of a run, as the gallery and config.json list them."""
    return {name: _short(value) for name, value in settings.model_dump(mode="json", exclude=_NOT_SHOWN).items()}


def _short(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    """The value itself; a long list (input_dir may have 100,000 rows) is cut and ends with its length and a digest."""
    if not isinstance(value, list) or len(value) <= _MOST_ROWS:
        return value
    digest = hashlib.sha256(json.dumps(value).encode()).hexdigest()
    return [*value[:_MOST_ROWS], f"and {len(value) - _MOST_ROWS} more (sha256 of all: {digest})"]


def _is_tuned(settings: Settings) -> bool:
    """Whether the index is tuned to the search that it is built for: a large one that faiss_mode=auto chooses."""
    return settings.nn_provider == "faiss" and settings.faiss_mode == AUTO and not settings.faiss_param
