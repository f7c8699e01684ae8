"""The search, shared among workers: an asset beside the chain, which finds what it left.

`feature_shards`, the same for extraction, is in `assets.py`. On one machine nobody needs either.
"""

import dagster as dg

from dedup_assets import metadata
from dedup_assets.assets import CODE_VERSION, OWNERS, SCALE_OUT
from dedup_assets.engine.records import Features, OffsetRange, SearchIndex
from dedup_assets.engine.searching import RangeSearcher
from dedup_assets.partitions import row_ranges
from dedup_assets.resources import SettingsResource


@dg.asset(
    group_name=SCALE_OUT,
    kinds={"faiss", "parquet"},
    owners=OWNERS,
    code_version=CODE_VERSION,
    partitions_def=row_ranges,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool="search",
)
def neighbor_shards(
    context: dg.AssetExecutionContext, settings: SettingsResource, features: Features, faiss_index: SearchIndex
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Nearest neighbours of single ranges of rows, for many workers: backfill them here, then materialize `similarity`.

    All workers search the one `faiss_index`, memory-mapped. On one machine leave this asset alone: `similarity` and
    `outliers` search what no shard holds. A range that is done is not searched again, by either way.
    """
    searcher = RangeSearcher(settings.parsed(), features, faiss_index, settings.open_work_dir())
    for key in sorted(context.partition_keys):
        outcome = searcher.complete_from(OffsetRange.parse(key))
        context.add_asset_metadata(metadata.of_search_range(outcome), partition_key=key)
    return dg.MaterializeResult()
