"""The code location: everything Dagster loads, and nothing else.

`dagster dev -m dedup_assets.definitions`. The settings object is one: nested in the IO manager and registered, so that
what the launchpad says reaches both.
"""

import warnings

import dagster as dg

# Backfill policies and owners are marked beta by Dagster 1.13; they are used on purpose.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

from dedup_assets import asset_checks, assets, scale_out_assets, scoring_assets, scoring_checks  # noqa: E402 - after the filter: decorators warn when they run
from dedup_assets.io_manager import WorkDirIOManager  # noqa: E402
from dedup_assets.jobs import JOBS  # noqa: E402
from dedup_assets.partitions import spread_over_runs  # noqa: E402
from dedup_assets.resources import DedupSettings, LoggedProgress  # noqa: E402


def build_definitions(input_dir: str = "images", work_dir: str = "work_dir") -> dg.Definitions:
    """The whole pipeline, to be a code location of its own or merged into another.

    Args:
        input_dir: what the launchpad suggests to read.
        work_dir: where it suggests to put results.
    """
    settings = DedupSettings.configure_at_launch(input_dir=input_dir, work_dir=work_dir)
    return dg.Definitions(
        assets=spread_over_runs(dg.load_assets_from_modules([assets, scale_out_assets, scoring_assets])),
        asset_checks=dg.load_asset_checks_from_modules([asset_checks, scoring_checks]),
        jobs=JOBS,
        resources={
            "settings": settings,
            "progress": LoggedProgress(),
            "io_manager": WorkDirIOManager(settings=settings),  # type: ignore[arg-type]  # made from SettingsResource
        },
        # Our parallelism is threads inside the engine; a process for each step would only load everything again.
        executor=dg.in_process_executor,
    )


defs = build_definitions()
