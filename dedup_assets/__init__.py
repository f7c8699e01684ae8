"""Find duplicates, near-duplicates, outliers and broken files in image collections.

    import dedup_assets
    dedup_assets.run("photos", "results")

The names are fastdup's open interface (docs/compatibility.md), so that `import dedup_assets as fastdup` keeps working.
Importing this package imports neither Dagster nor any of the heavy libraries.
"""

from typing import Any as _Any

from dedup_assets.api import (
    Index,
    analyze,
    create_components_gallery,
    create_duplicates_gallery,
    create_outliers_gallery,
    create_stats_gallery,
    generate_duplicates_gallery,
    load,
    load_binary,
    load_binary_feature,
    load_binary_features,
    run,
    save_binary_feature,
)

__all__ = [
    "Index",
    "__version__",
    "analyze",
    "create_components_gallery",
    "create_duplicates_gallery",
    "create_outliers_gallery",
    "create_stats_gallery",
    "generate_duplicates_gallery",
    "load",
    "load_binary",
    "load_binary_feature",
    "load_binary_features",
    "run",
    "save_binary_feature",
]


def __dir__() -> list[str]:
    """With the Dagster component, which `dg` looks for here and which is imported only when somebody asks for it."""
    return [*globals(), "DedupComponent", "__version__"]


def __getattr__(name: str) -> _Any:  # noqa: ANN401 - a class or a text
    if name == "__version__":
        from importlib.metadata import version  # decoding processes start without it

        return version("dedup-assets")
    if name == "DedupComponent":
        from dedup_assets.pipeline.component import DedupComponent

        return DedupComponent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
