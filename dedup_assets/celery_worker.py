"""Public address of the cluster profile's worker: `python -m dedup_assets.celery_worker [OPTIONS OF celery worker]`."""

from dedup_assets.pipeline.celery.worker import main, start

__all__ = ["main"]

if __name__ == "__main__":
    start()
