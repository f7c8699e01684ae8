"""Ranges as Dagster partitions: what is shared among workers.

Positions of the listing for extraction, registered by `image_manifest`; rows of features.dat for the search, registered
by `faiss_index`. Keys are zero-padded and full-width, so that they are append-only and sort in order; see
`engine.listing.ranges` and `engine.searching.full_ranges` for how they are cut.
"""

import os
from collections.abc import Iterable
from typing import TypeVar

import dagster as dg

from dedup_assets.engine.errors import SettingsError
from dedup_assets.engine.records import OffsetRange

offset_ranges = dg.DynamicPartitionsDefinition(name="offset_ranges")
row_ranges = dg.DynamicPartitionsDefinition(name="row_ranges")

REGISTERED_AT_ONCE = 10_000  # Dagster looks all new keys up in one SQL statement


def register(
    instance: dg.DagsterInstance, definition: dg.DynamicPartitionsDefinition, ranges: list[OffsetRange]
) -> None:
    """Make ranges known to Dagster; those it knows already stay as they are."""
    keys = [offsets.key for offsets in ranges]
    for start in range(0, len(keys), REGISTERED_AT_ONCE):
        instance.add_dynamic_partitions(str(definition.name), keys[start : start + REGISTERED_AT_ONCE])


RANGES_PER_RUN = "DEDUP_RANGES_PER_RUN"

_Asset = TypeVar("_Asset")


def spread_over_runs(assets: Iterable[_Asset]) -> list[_Asset]:
    """Let a backfill of ranges become as many runs as the deployment wants; no code differs between deployments.

    Where the environment variable DEDUP_RANGES_PER_RUN is a number, each run takes so many ranges, for many workers.
    Where it is not set, one run takes them all, which suits one machine.

    Raises:
        SettingsError: it is no number of ranges.
    """
    given = os.environ.get(RANGES_PER_RUN, "")
    if not given:
        return list(assets)
    if not (given.isdecimal() and int(given) > 0):
        raise SettingsError(f"{RANGES_PER_RUN}={given!r}: must be a whole number of ranges, at least 1, or not set")
    policy = dg.BackfillPolicy.multi_run(int(given))
    return [_with_policy(asset, policy) for asset in assets]


def _with_policy(asset: _Asset, policy: dg.BackfillPolicy) -> _Asset:
    if isinstance(asset, dg.AssetsDefinition) and asset.partitions_def in (offset_ranges, row_ranges):
        return asset.with_attributes(backfill_policy=policy)  # type: ignore[return-value]  # an AssetsDefinition again
    return asset
