"""Ranges as Dagster partitions: what is shared among workers.

Positions of the listing for extraction, registered by `image_manifest`; rows of features.dat for the search, registered
by `faiss_index`. A dynamic definition of each for each pipeline of an instance. Keys are zero-padded and full-width, so
that they are append-only and sort in order; see `engine.listing.ranges` and `engine.searching.full_ranges`.
"""

import os
from collections.abc import Sequence

import dagster as dg

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.records import OffsetRange

OFFSET_RANGES = "offset_ranges"
ROW_RANGES = "row_ranges"
RANGES_PER_RUN = "DEDUP_RANGES_PER_RUN"
_REGISTERED_AT_ONCE = 10_000  # Dagster looks all new keys up in one SQL statement


def ranges_of(name: str, key_prefix: Sequence[str] = ()) -> dg.DynamicPartitionsDefinition:
    """The partitions of this name of the pipeline whose asset keys have this prefix: each has its own listing."""
    return dg.DynamicPartitionsDefinition(name="_".join([*key_prefix, name]))


offset_ranges = ranges_of(OFFSET_RANGES)
row_ranges = ranges_of(ROW_RANGES)


def register(instance: dg.DagsterInstance, name: str, asset: dg.AssetKey, ranges: Sequence[OffsetRange]) -> int:
    """Add ranges to those that are known.

    Args:
        instance: which keeps them.
        name: OFFSET_RANGES or ROW_RANGES.
        asset: that asks; its prefix says which pipeline it is.
        ranges: all that there are now, in order.

    Returns:
        How many known ranges there are no more. They stay: deleting a key would orphan its history.
    """
    keys = [offsets.key for offsets in ranges]
    full_name = str(ranges_of(name, asset.path[:-1]).name)
    for start in range(0, len(keys), _REGISTERED_AT_ONCE):
        instance.add_dynamic_partitions(full_name, keys[start : start + _REGISTERED_AT_ONCE])
    return len(set(instance.get_dynamic_partitions(full_name)) - set(keys))


def backfill_policy() -> dg.BackfillPolicy:
    """How many runs a backfill of ranges becomes: as the deployment wants, without a change of code.

    Where the environment variable DEDUP_RANGES_PER_RUN is a number, each run takes so many ranges, for many workers.
    Where it is not set, one run takes them all, which suits one machine.

    Raises:
        SettingsError: it is no number of ranges.
    """
    given = os.environ.get(RANGES_PER_RUN, "")
    if not given:
        return dg.BackfillPolicy.single_run()
    if not (given.isdecimal() and int(given) > 0):
        raise SettingsError(f"{RANGES_PER_RUN}={given!r}: must be a whole number of ranges, at least 1, or not set")
    return dg.BackfillPolicy.multi_run(int(given))
