"""Ranges as Dagster partitions, so that many workers share them.

`image_manifest` registers positions of the listing for extraction, `faiss_index` rows of features.dat for the search.
`features`, the search and `evidence` note the ranges that they completed, because they work without a backfill before
them.
Each pipeline of an instance has a dynamic partitions definition for each of the two. Keys are zero-padded to full
width, so that they sort in order and never need to be renamed. `engine/` decides how an input is cut into ranges.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.records import OffsetRange, RowRange

OFFSET_RANGES = "offset_ranges"
ROW_RANGES = "row_ranges"
RANGES_PER_RUN = "DEDUP_RANGES_PER_RUN"
# Ranges that were never computed. eager() would request all ranges after each listing; on_missing() would leave out
# ranges that were registered before automation was switched on. A failed range waits for a person.
IF_MISSING = (
    dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.in_progress()
    & ~dg.AutomationCondition.execution_failed()
    & ~dg.AutomationCondition.any_deps_missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
).with_label("missing")

_REGISTERED_AT_ONCE = 10_000  # Dagster looks up all new keys in one SQL statement


def ranges_of(name: str, key_prefix: Sequence[str] = ()) -> dg.DynamicPartitionsDefinition:
    """The partitions of one pipeline; the key prefix is part of the name, because each pipeline has its own listing."""
    return dg.DynamicPartitionsDefinition(name="_".join([*key_prefix, name]))


offset_ranges = ranges_of(OFFSET_RANGES)
row_ranges = ranges_of(ROW_RANGES)


def register(
    instance: dg.DagsterInstance, name: str, asset: dg.AssetKey, ranges: Sequence[OffsetRange] | Sequence[RowRange]
) -> int:
    """Add ranges to the partitions of a pipeline.

    Args:
        instance: the instance that stores them.
        name: OFFSET_RANGES or ROW_RANGES.
        asset: an asset of the pipeline, whose key has the pipeline's prefix.
        ranges: all current ranges, in order.

    Returns:
        The number of stored ranges that are not current. They stay, because deleting a key would orphan its history.
    """
    keys = [offsets.key for offsets in ranges]
    full_name = str(ranges_of(name, asset.path[:-1]).name)
    for start in range(0, len(keys), _REGISTERED_AT_ONCE):
        instance.add_dynamic_partitions(full_name, keys[start : start + _REGISTERED_AT_ONCE])
    return len(set(instance.get_dynamic_partitions(full_name)) - set(keys))


def note_completed(
    context: dg.AssetExecutionContext, name: str, completed: Mapping[OffsetRange, Any] | Mapping[RowRange, Any]
) -> None:
    """Note that ranges are complete, as materializations of the asset whose partitions they are.

    An asset that depends on that asset, as in a cluster, notes nothing, because backfills have made its partitions.

    Args:
        context: of the asset that completed the ranges.
        name: of the asset whose partitions they are.
        completed: metadata of each range.
    """
    prefix = min(context.selected_asset_keys).path[:-1]
    key = dg.AssetKey([*prefix, name])
    if key in context.assets_def.dependency_keys:
        return
    for each, facts in completed.items():
        context.log_event(dg.AssetMaterialization(key, partition=each.key, metadata=facts))


def backfill_policy() -> dg.BackfillPolicy:
    """The number of ranges that one run of a backfill takes, from the environment, so that a deployment decides it.

    With DEDUP_RANGES_PER_RUN=n a run takes n ranges, for many workers. If the variable is not set, one run takes all
    ranges, which suits one machine.

    Raises:
        SettingsError: the variable is not a whole number from 1 up.
    """
    given = os.environ.get(RANGES_PER_RUN, "")
    if not given:
        return dg.BackfillPolicy.single_run()
    if not (given.isdecimal() and int(given) > 0):
        raise SettingsError(f"{RANGES_PER_RUN}={given!r}: must be a whole number of ranges, at least 1, or not set")
    return dg.BackfillPolicy.multi_run(int(given))
