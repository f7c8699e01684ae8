"""The code location for many workers: the pipeline, and `feature_shards`, whose partitions are offset ranges.

`dagster dev -m dedup_assets.scale_out`. A location of its own, because "Materialize all" asks for partitions as soon as
one asset has them, and on one machine nobody needs them.
"""

from dedup_assets.pipeline.building import build_definitions

defs = build_definitions(scale_out=True)
