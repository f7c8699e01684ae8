"""Public address of `build_definitions`; the code is in `dedup_assets.pipeline.building`."""

from dedup_assets.pipeline.building import OWNERS, PIPELINE, build_assets, build_definitions

__all__ = ["OWNERS", "PIPELINE", "build_assets", "build_definitions"]
