"""Jobs: the run modes of RUN.md as one click each, and what the Python API and the command line select.

A mode is a selection of assets; there is one pipeline.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.work_dir.files import TEST

_FEATURES = ("image_manifest", "features", "bad_images")
_SIMILARITY = ("faiss_index", "similarity", "outliers", "components", "gallery")

_TEST_SET = tuple(f"{TEST}/{name}" for name in (*_FEATURES, "similarity", "outliers", "gallery"))

# 3 and 4 are the same assets: where the test set's vectors come from is what the setting run_mode says.
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
        "Score stored features (run_mode 4): as score_test_set, for vectors that run_mode 1 has extracted; input_dir "
        "is their folder or features.dat.",
    ),
}


def selection_of_mode(mode: RunMode, key_prefix: Sequence[str] = ()) -> dg.AssetSelection:
    """The assets that a run mode materializes, with their checks."""
    return dg.AssetSelection.assets(*("/".join([*key_prefix, name]) for name in ASSETS_OF_MODE[mode]))


def _choose(mode: RunMode) -> dict[str, object]:
    """Run config that the launchpad shows filled in."""
    return {"resources": {"settings": {"config": {"run_mode": mode.value}}}}


def build_jobs(key_prefix: Sequence[str] = ()) -> list[Any]:
    """A job for each run mode, as a type that Dagster does not export; names begin with the key prefix.

    Args:
        key_prefix: of the pipeline's asset keys.
    """
    return [
        dg.define_asset_job(
            "_".join([*key_prefix, name]),
            selection_of_mode(mode, key_prefix),
            config=_choose(mode) if mode.needs_train_set else None,
            description=description,
            executor_def=dg.in_process_executor,  # steps share what is in memory, wherever the job stands
        )
        for mode, (name, description) in _JOBS.items()
    ]
