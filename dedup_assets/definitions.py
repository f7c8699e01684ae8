"""The code location: everything Dagster loads, and nothing else.

`dagster dev -m dedup_assets.definitions`. The group `dedup` needs no partitions; the group `ranges` shows those of its
work. `scale_out` is the location of a cluster, `scoring` that of test sets; all have this pipeline, so load one.
"""

from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.environment import settings_of_environment

__all__ = ["build_definitions", "defs"]

defs = build_definitions(**settings_of_environment())
