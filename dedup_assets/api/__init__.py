"""The Python surface: fastdup's `run()`, feature files and gallery functions, one module per subject.

A function here checks a call, passes it to the pipeline or the engine, and reports the outcome. The work itself belongs
in `engine/`, runs of assets in `pipeline/`. Output to a terminal or a notebook is here too (`console`, `notebook`).
"""

from dedup_assets.api.analyzing import Analysis, analyze
from dedup_assets.api.calibration import calibrate
from dedup_assets.api.cleaning import apply, plan, undo
from dedup_assets.api.exporting import export
from dedup_assets.api.features import load_binary, load_binary_feature, load_binary_features, save_binary_feature
from dedup_assets.api.galleries import (
    create_components_gallery,
    create_duplicates_gallery,
    create_outliers_gallery,
    create_stats_gallery,
    generate_duplicates_gallery,
)
from dedup_assets.api.index import Index
from dedup_assets.api.results import load
from dedup_assets.api.rewriting import rewrite
from dedup_assets.api.runs import run
from dedup_assets.api.verdicts import VerdictBook

__all__ = [
    "Analysis",
    "Index",
    "VerdictBook",
    "analyze",
    "apply",
    "calibrate",
    "create_components_gallery",
    "create_duplicates_gallery",
    "create_outliers_gallery",
    "create_stats_gallery",
    "export",
    "generate_duplicates_gallery",
    "load",
    "load_binary",
    "load_binary_feature",
    "load_binary_features",
    "plan",
    "rewrite",
    "run",
    "save_binary_feature",
    "undo",
]
