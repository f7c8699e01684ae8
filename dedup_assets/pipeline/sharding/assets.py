"""The search, shared among workers: an asset beside the chain, which finds what it left.

`feature_shards`, the same for extraction, is in `assets.py`. On one machine nobody needs either.
"""

import dagster as dg

from dedup_assets.engine.core.records import Features, OffsetRange, SearchIndex
from dedup_assets.engine.neighbors.row_ranges import RangeSearcher
from dedup_assets.pipeline import metadata, versions
from dedup_assets.pipeline.assets import SCALE_OUT, asset
from dedup_assets.pipeline.resources import SettingsResource
from dedup_assets.pipeline.sharding.partitions import row_ranges


# Not by itself: after new uploads every range must be searched again, and whether workers pay is for a person to say.
@asset(
    kinds={"faiss", "parquet"},
    partitions_def=row_ranges,
    pool="search",
    group_name=SCALE_OUT,
    automation_condition=None,
)
def neighbor_shards(
    context: dg.AssetExecutionContext, settings: SettingsResource, features: Features, faiss_index: SearchIndex
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Nearest neighbours of single ranges of rows, for many workers: backfill them here, then materialize `similarity`.

    All workers search the one `faiss_index`, memory-mapped. `similarity` and `outliers` search what no shard holds. A
    range that is done is not searched again, by either way.
    """
    parsed = settings.parsed()
    searcher = RangeSearcher(parsed, features, faiss_index, settings.open_work_dir())
    outcomes = {key: searcher.complete_from(OffsetRange.parse(key)) for key in sorted(context.partition_keys)}
    versions.stamp(context, parsed)
    for key, outcome in outcomes.items():
        context.add_asset_metadata(metadata.of_search_range(outcome), partition_key=key)
    return dg.MaterializeResult()
