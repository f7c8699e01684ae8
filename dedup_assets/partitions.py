"""Offset ranges as Dagster partitions.

One dynamic definition; `image_manifest` registers its keys. Keys are zero-padded and full-width, so that they are
append-only and sort in offset order; see `engine.listing.ranges` for how ranges are cut.
"""

import dagster as dg

offset_ranges = dg.DynamicPartitionsDefinition(name="offset_ranges")

REGISTERED_AT_ONCE = 10_000  # Dagster looks all new keys up in one SQL statement
