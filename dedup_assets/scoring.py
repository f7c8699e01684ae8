"""The code location for test sets: the pipeline, and the assets and jobs that score new images against its results.

`dagster dev -m dedup_assets.scoring`, in place of `dedup_assets.definitions`, which has the same assets. A location of
its own, so that nobody scores a train set against itself by materializing everything.
"""

from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.environment import settings_of_environment

defs = build_definitions(test_set=True, **settings_of_environment())
