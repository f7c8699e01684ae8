"""A worker of the cluster profile: `python -m dedup_assets.celery_worker [OPTIONS OF celery worker]`.

Broker, queue and all other options come from the run launcher in dagster.yaml of DAGSTER_HOME, so that launcher and
workers cannot differ.
"""

import sys

import dagster as dg
from celery import Celery
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from dedup_assets.engine.core.errors import SettingsError

# One run at a time, because the engine uses all cores. Workers do not need to know each other.
_DEFAULTS = ["--concurrency", "1", "--without-gossip", "--without-mingle"]


def main(options: list[str]) -> None:
    """Work until stopped; after SIGTERM the current run is finished first.

    Args:
        options: options of `celery worker`; they override our defaults (one process).

    Raises:
        SettingsError: the instance has another run launcher.
    """
    app, queue = _application()
    app.worker_main(["worker", "--queues", queue, *_DEFAULTS, *options])


def _application() -> tuple[Celery, str]:
    with dg.DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        if not isinstance(launcher, CeleryRunLauncher):
            raise SettingsError(
                f"run_launcher={type(launcher).__name__} in dagster.yaml of {instance.root_directory!r}: a worker "
                "needs dedup_assets.celery_launcher.WatchfulCeleryRunLauncher; see deploy/dagster.yaml"
            )
        create_execute_job_task(launcher.celery)
        create_resume_job_task(launcher.celery)
        return launcher.celery, launcher.default_queue


def start() -> None:
    """Run `main` with the options of the command line; a wrong launcher is one line on stderr and exit code 1."""
    try:
        main(sys.argv[1:])
    except SettingsError as error:
        sys.exit(str(error))
