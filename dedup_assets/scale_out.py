"""The code location for many workers: `features` waits for all partitions of `feature_shards`, which workers share.

`dagster dev -m dedup_assets.scale_out`, in place of `dedup_assets.definitions`, which has the same assets.
"""

from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.environment import settings_of_environment

defs = build_definitions(scale_out=True, **settings_of_environment())
