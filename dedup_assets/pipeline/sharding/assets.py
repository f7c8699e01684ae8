"""Search and comparison shared among workers: assets beside the chain, whose stored ranges the chain uses.

`feature_shards` in `assets.py` does the same for extraction. One machine needs neither.
"""

import dagster as dg

from dedup_assets.engine.core.progress import ProgressReporter
from dedup_assets.engine.core.records import Features, RowRange, SearchIndex
from dedup_assets.engine.matching import RangeComparer, candidate_searcher
from dedup_assets.engine.neighbors.row_ranges import RowRangeSearcher
from dedup_assets.pipeline import metadata, versions
from dedup_assets.pipeline.contracts import RANGES, asset
from dedup_assets.pipeline.resources import SettingsResource
from dedup_assets.pipeline.sharding.partitions import row_ranges


# Not automatic: after many uploads every range must be searched again, and a person decides whether that is worth it.
@asset(
    kinds={"faiss", "parquet"},
    partitions_def=row_ranges,
    pool="search",
    group_name=RANGES,
    automation_condition=None,
)
def neighbor_shards(
    context: dg.AssetExecutionContext, settings: SettingsResource, features: Features, faiss_index: SearchIndex
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Nearest neighbours per range of rows: backfill ranges here, on one or many workers; then make `similarity`.

    All workers search the same memory-mapped `faiss_index`. `similarity` and `outliers` search the ranges that no shard
    holds, and note them here. A finished range is not searched again. After images came or went, the worker that is
    first keeps the neighbours of those that stayed, for all ranges. The nearest of each image that `evidence` compares
    are searched for, too.
    """
    parsed, work_dir = settings.parsed(), settings.open_work_dir()
    searcher = RowRangeSearcher(parsed, features, faiss_index, work_dir)
    wanted = [RowRange.parse(key) for key in sorted(context.partition_keys)]
    outcomes = {rows.key: searcher.complete_from(rows) for rows in wanted}
    if parsed.evidence == "on":
        candidates = candidate_searcher(parsed, features, faiss_index, work_dir)
        for rows in wanted:
            candidates.complete_from(rows)
    versions.stamp(context, parsed)
    for key, outcome in outcomes.items():
        context.add_asset_metadata(metadata.of_search_range(outcome), partition_key=key)
    return dg.MaterializeResult()


# Not automatic, as `neighbor_shards`.
@asset(
    kinds={"pillow", "parquet"},
    partitions_def=row_ranges,
    pool="compare",
    group_name=RANGES,
    automation_condition=None,
)
def evidence_shards(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    progress: dg.ResourceParam[ProgressReporter],
    features: Features,
    faiss_index: SearchIndex,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """What pictures show of candidate pairs, per range of rows: backfill ranges here, on many workers; then `evidence`.

    Backfill `neighbor_shards` first. `evidence` uses what was found, compares the pairs that are left, and notes the
    ranges here. It finds the same with and without them. A finished range is not compared again.
    """
    parsed = settings.parsed()
    comparer = RangeComparer(parsed, features, faiss_index, settings.open_work_dir(), progress)
    outcomes = {key: comparer.complete(RowRange.parse(key)) for key in sorted(context.partition_keys)}
    versions.stamp(context, parsed)
    for key, outcome in outcomes.items():
        context.add_asset_metadata(metadata.of_compared_range(len(RowRange.parse(key)), outcome), partition_key=key)
    return dg.MaterializeResult()
