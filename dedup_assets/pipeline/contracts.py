"""What the assets of the pipeline have in common: the contract that Dagster shows, and the two outputs of a search.

`@asset` is `@dg.asset` with the common contract; an asset states only how it differs. What applies to all assets
belongs here; what applies to one asset belongs beside it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import polars as pl

from dedup_assets.engine.core.records import Neighbors, Similarity
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.gallery.thumbnails import Effort
from dedup_assets.engine.graph import count_matched, count_pairs, find_outliers, similar_pairs
from dedup_assets.engine.neighbors.row_ranges import SearchOutcome
from dedup_assets.pipeline import metadata
from dedup_assets.pipeline.dagster_internals import accepting_beta
from dedup_assets.pipeline.resources import IO_MANAGER, UNSEEN_TAG
from dedup_assets.pipeline.versions import CODE_VERSION

PIPELINE = "dedup"
RANGES = "ranges"
OWNERS = ["team:dedup-assets"]
ONE_RUN = dg.BackfillPolicy.single_run()

_COMMON: dict[str, Any] = {
    "group_name": PIPELINE,
    "owners": OWNERS,
    "tags": {"domain": "image-deduplication"},
    "code_version": CODE_VERSION,
    "io_manager_key": IO_MANAGER,
    "automation_condition": dg.AutomationCondition.eager(),
}

SHARED = "shared_with_train"
"""In the metadata of a test set's listing: that it has files of the train set, in words."""


def asset(**contract: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:  # noqa: ANN401 - as dg.asset
    """`dg.asset` with the common contract, which the arguments override."""
    decorator: Callable[[Callable[..., Any]], dg.AssetsDefinition]
    with accepting_beta():  # owners and backfill policies
        decorator = dg.asset(**{**_COMMON, "backfill_policy": ONE_RUN, **contract})
    return decorator


def preview_effort(context: dg.AssetExecutionContext, settings: Settings) -> Effort | None:
    """Limits for reading the small pictures of metadata; None where no UI shows them, so that none are made."""
    return None if UNSEEN_TAG in context.run.tags else Effort.of(settings)


def search_output(description: str, **contract: Any) -> dg.AssetOut:  # noqa: ANN401 - as dg.AssetOut
    """One output of a search, with the common contract, which the arguments override. A run can select it alone."""
    return dg.AssetOut(
        **{**_COMMON, "kinds": {"faiss", "csv"}, "is_required": False, "description": description, **contract}
    )


def search_results(
    context: dg.AssetExecutionContext,
    settings: Settings,
    neighbors: Neighbors,
    names: pl.Series,
    found_names: pl.Series | None = None,
    outcome: SearchOutcome | None = None,
) -> Iterator[dg.Output]:  # type: ignore[type-arg]
    """Make the outputs `similarity` and `outliers` of a search, as far as the run selected them.

    Args:
        context: context of the asset.
        settings: settings of the run.
        neighbors: the neighbours that the search found.
        names: (n,) names of the images that were searched for.
        found_names: (m,) names of the images that can be found; the same as `names` if None.
        outcome: how many images were searched for.
    """
    effort, selected = preview_effort(context, settings), context.op_execution_context.selected_output_names
    if "similarity" in selected:
        pairs = similar_pairs(neighbors, names, settings.threshold, found_names=found_names)
        count = count_pairs(neighbors, settings.threshold, names, found_names=found_names)
        facts = metadata.of_similarity(neighbors, pairs, count, settings, effort)
        if outcome is not None:
            facts |= metadata.of_search(outcome)
        if found_names is not None:
            facts["matched_images"] = count_matched(neighbors, settings.threshold)
        yield dg.Output(Similarity(neighbors, pairs), "similarity", metadata=facts)
    if "outliers" in selected:
        outliers = find_outliers(neighbors, names, settings.lower_threshold, found_names=found_names)
        yield dg.Output(outliers, "outliers", metadata=metadata.of_outliers(outliers, len(names), effort))
