"""The code location: everything Dagster loads, and nothing else.

`dagster dev -m dedup_assets.definitions`. No asset here asks for partitions; `dedup_assets.scale_out` has them too.
"""

from dedup_assets.pipeline.building import build_definitions

__all__ = ["build_definitions", "defs"]

defs = build_definitions()
