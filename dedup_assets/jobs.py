"""Jobs: the run modes of RUN.md as one click each, and what the Python API and the command line select.

A mode is a selection of assets; there is one pipeline.
"""

import dagster as dg

from dedup_assets.assets import PIPELINE

_FEATURES = ("image_manifest", "features", "bad_images")
_SIMILARITY = ("faiss_index", "similarity", "outliers", "components", "gallery")

ASSETS_OF_MODE: dict[int, tuple[str, ...]] = {0: _FEATURES + _SIMILARITY, 1: _FEATURES, 2: _SIMILARITY}


def selection_of_mode(run_mode: int) -> dg.AssetSelection:
    """The assets that a run mode materializes, with their checks."""
    return dg.AssetSelection.assets(*ASSETS_OF_MODE[run_mode])


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
]
