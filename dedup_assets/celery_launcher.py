"""Public address of the cluster profile's run launcher, as `dagster.yaml` names it."""

from dedup_assets.pipeline.celery.launcher import WatchfulCeleryRunLauncher

__all__ = ["WatchfulCeleryRunLauncher"]
