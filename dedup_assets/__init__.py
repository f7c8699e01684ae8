"""Find duplicates, near-duplicates, outliers and broken files in image collections.

    import dedup_assets
    dedup_assets.run("photos", "results")

The names are fastdup's open interface (docs/compatibility.md), so that `import dedup_assets as fastdup` keeps working.
Importing this package imports neither Dagster nor any of the heavy libraries. A name is imported when it is first used,
so that the programs of this package, which import it first, can be interrupted at once.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
    from dedup_assets.api import (
        Index,
        VerdictBook,
        analyze,
        apply,
        calibrate,
        create_components_gallery,
        create_duplicates_gallery,
        create_outliers_gallery,
        create_stats_gallery,
        export,
        generate_duplicates_gallery,
        load,
        load_binary,
        load_binary_feature,
        load_binary_features,
        plan,
        rewrite,
        run,
        save_binary_feature,
        undo,
    )

__all__ = [
    "Index",
    "VerdictBook",
    "__version__",
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

_OF_FASTDUP_2 = {"create": "analyze"}


def __dir__() -> list[str]:
    """With the Dagster component, which `dg` looks for here and which is imported only when somebody asks for it."""
    return sorted({*globals(), *__all__, "DedupComponent"})


def __getattr__(name: str) -> _Any:  # noqa: ANN401 - a class, a function or a text
    if name == "__version__":
        from dedup_assets.engine.core.package_version import package_version

        return package_version()
    if name == "DedupComponent":
        from dedup_assets.pipeline.component import DedupComponent

        return DedupComponent
    if name in __all__:
        from dedup_assets import api

        found = globals()[name] = getattr(api, name)
        return found
    meant = ""
    if not name.startswith("_"):
        from dedup_assets.engine.core.spelling import did_you_mean

        meant = did_you_mean(_OF_FASTDUP_2.get(name, name), __all__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{meant}")
