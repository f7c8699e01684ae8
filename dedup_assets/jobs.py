"""Jobs: the run modes of RUN.md as one click each, and what the Python API and the command line select.

A mode is a selection of assets; there is one pipeline.
"""

import dagster as dg

from dedup_assets.assets import PIPELINE
from dedup_assets.engine.work_dir.files import TEST

_FEATURES = ("image_manifest", "features", "bad_images")
_SIMILARITY = ("faiss_index", "similarity", "outliers", "components", "gallery")

_TEST_SET = tuple(f"{TEST}/{name}" for name in (*_FEATURES, "similarity", "outliers", "gallery"))

# 3 and 4 are the same assets: where the test set's vectors come from is what the setting run_mode says.
ASSETS_OF_MODE: dict[int, tuple[str, ...]] = {
    0: _FEATURES + _SIMILARITY,
    1: _FEATURES,
    2: _SIMILARITY,
    3: _TEST_SET,
    4: _TEST_SET,
}


def selection_of_mode(run_mode: int) -> dg.AssetSelection:
    """The assets that a run mode materializes, with their checks."""
    return dg.AssetSelection.assets(*ASSETS_OF_MODE[run_mode])


def _run_mode(run_mode: int) -> dict[str, object]:
    """Run config that the launchpad shows filled in."""
    return {"resources": {"settings": {"config": {"run_mode": run_mode}}}}


JOBS = [
    dg.define_asset_job(
        "dedup",
        dg.AssetSelection.groups(PIPELINE),
        description="Everything (run_mode 0): from a folder of images to pairs, outliers, components and the gallery.",
    ),
    dg.define_asset_job(
        "extract_features",
        selection_of_mode(1),
        description="Features only (run_mode 1): the embedding of every image, and the bad images by name.",
    ),
    dg.define_asset_job(
        "find_similar",
        selection_of_mode(2),
        description="Similarity and graph (run_mode 2) from the features that work_dir holds; input_dir is not read.",
    ),
    dg.define_asset_job(
        "score_test_set",
        selection_of_mode(3),
        config=_run_mode(3),
        description="Score new images (run_mode 3): which images of input_dir resemble the train set whose "
        "features and faiss.index are in work_dir. Results go to work_dir/test; the train set's files stay.",
    ),
    dg.define_asset_job(
        "score_test_features",
        selection_of_mode(4),
        config=_run_mode(4),
        description="Score stored features (run_mode 4): as score_test_set, for vectors that run_mode 1 has extracted; "
        "input_dir is their folder or features.dat.",
    ),
]
