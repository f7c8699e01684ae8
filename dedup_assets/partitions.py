"""Offset ranges as Dagster partitions.

A dynamic definition for each pipeline of an instance; `image_manifest` registers its keys. Keys are zero-padded and
full-width, so that they are append-only and sort in offset order; see `engine.listing.ranges` for how ranges are cut.
"""

from collections.abc import Sequence

import dagster as dg

_NAME = "offset_ranges"
_REGISTERED_AT_ONCE = 10_000  # Dagster looks all new keys up in one SQL statement


def ranges_of(key_prefix: Sequence[str] = ()) -> dg.DynamicPartitionsDefinition:
    """The partitions of the pipeline whose asset keys have this prefix: two pipelines have two listings."""
    return dg.DynamicPartitionsDefinition(name="_".join([*key_prefix, _NAME]))


offset_ranges = ranges_of()


def register(instance: dg.DagsterInstance, manifest: dg.AssetKey, keys: Sequence[str]) -> int:
    """Add the ranges of a listing to those that are known.

    Args:
        instance: which keeps them.
        manifest: the asset that lists; its prefix says which pipeline it is.
        keys: of all ranges of the listing, in order.

    Returns:
        How many known ranges the listing no longer has. They stay: deleting a key would orphan its history.
    """
    name = str(ranges_of(manifest.path[:-1]).name)
    for start in range(0, len(keys), _REGISTERED_AT_ONCE):
        instance.add_dynamic_partitions(name, keys[start : start + _REGISTERED_AT_ONCE])
    return len(set(instance.get_dynamic_partitions(name)) - set(keys))
