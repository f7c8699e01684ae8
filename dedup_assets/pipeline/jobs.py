"""Jobs: each run mode as a job, and the selection of assets that the API and the command line materialize.

A run mode is a selection of assets of the one pipeline. What a mode reads is a property of `RunMode`.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from dedup_assets.engine.core.own_files import TEST
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.settings import Settings

_FEATURES = ("image_manifest", "features", "bad_images")
LEAKS = "leaks"
_SIMILARITY = ("faiss_index", "similarity", "outliers", "components", "evidence", "groups", LEAKS, "gallery")

_TEST_SET = tuple(f"{TEST}/{name}" for name in (*_FEATURES, "similarity", "outliers", "gallery"))

# The last two select the same assets, which read from the setting run_mode where the test set's vectors come from.
ASSETS_OF_MODE: dict[RunMode, tuple[str, ...]] = {
    RunMode.EVERYTHING: _FEATURES + _SIMILARITY,
    RunMode.FEATURES: _FEATURES,
    RunMode.SIMILARITY: _SIMILARITY,
    RunMode.SCORE_IMAGES: _TEST_SET,
    RunMode.SCORE_FEATURES: _TEST_SET,
}

_JOBS = {
    RunMode.EVERYTHING: (
        "dedup",
        "Everything (run_mode 0): from a folder of images to pairs, outliers, components and the gallery.",
    ),
    RunMode.FEATURES: (
        "extract_features",
        "Features only (run_mode 1): the embedding of every image, and the bad images by name.",
    ),
    RunMode.SIMILARITY: (
        "find_similar",
        "Similarity and graph (run_mode 2) from the features that work_dir holds; input_dir is not read.",
    ),
    RunMode.SCORE_IMAGES: (
        "score_test_set",
        "Score new images (run_mode 3): which images of input_dir resemble the train set whose features and "
        "faiss.index are in work_dir. Results go to work_dir/test; the train set's files stay.",
    ),
    RunMode.SCORE_FEATURES: (
        "score_test_features",
        "Score stored features (run_mode 4): as score_test_set, with vectors that run_mode 1 extracted; input_dir is "
        "their folder or features.dat.",
    ),
}


def assets_of(mode: RunMode, *, has_sets: bool) -> tuple[str, ...]:
    """The assets that a run mode materializes, without `leaks` where it is known that no sets are named."""
    return tuple(name for name in ASSETS_OF_MODE[mode] if has_sets or name != LEAKS)


def selection_of_mode(mode: RunMode, key_prefix: Sequence[str] = (), *, has_sets: bool = True) -> dg.AssetSelection:
    """Select the assets that a run mode materializes, with their checks.

    Jobs have `leaks` at every location, because only the config of a run says whether it has sets.
    """
    names = assets_of(mode, has_sets=has_sets)
    return dg.AssetSelection.assets(*("/".join([*key_prefix, name]) for name in names))


_SHOWN = ("input_dir", "work_dir", "threshold", "nearest_neighbors_k")


def _choose(mode: RunMode, settings: Settings) -> dict[str, object]:
    """Run config that the launchpad shows in advance: what people change; it completes the others as they are typed."""
    shown = {name: getattr(settings, name) for name in _SHOWN}
    run_mode = {"run_mode": mode.value} if mode.needs_train_set else {}
    return {"resources": {"settings": {"config": shown | run_mode}}}


def build_jobs(settings: Settings, key_prefix: Sequence[str] = (), *, test_set: bool = False) -> list[Any]:
    """Build a job for each run mode.

    Args:
        settings: defaults of the code location.
        key_prefix: prefix of the pipeline's asset keys; names of jobs begin with it.
        test_set: the code location has the assets of a test set.

    Returns:
        Unresolved asset jobs, a type that Dagster does not export.
    """
    return [
        dg.define_asset_job(
            "_".join([*key_prefix, name]),
            selection_of_mode(mode, key_prefix),
            config=_choose(mode, settings),
            description=description,
            executor_def=dg.in_process_executor,  # steps share memory, whatever the location's executor is
        )
        for mode, (name, description) in _JOBS.items()
        if test_set or not mode.needs_train_set
    ]
