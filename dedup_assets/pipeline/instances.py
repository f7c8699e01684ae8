"""The Dagster instance of a run that `launch` starts: it sends no telemetry and keeps the host's logging unchanged.

The user's `dagster.yaml` decides what an instance stores, and where.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.pipeline.dagster_internals import keep_host_logging

_OVERRIDES = {"telemetry": {"enabled": False}}


def dagster_home() -> str:
    """The folder of the user's Dagster; empty if the environment names none.

    Raises:
        SettingsError: DAGSTER_HOME is not the absolute path of a folder.
    """
    home = os.environ.get("DAGSTER_HOME", "")
    if home and not (Path(home).is_absolute() and Path(home).is_dir()):
        raise SettingsError(f"DAGSTER_HOME={home!r}: must be the absolute path of a folder that exists, or not set")
    return home


@contextmanager
def open_instance(scratch: str | None = None) -> Iterator[dg.DagsterInstance]:
    """Open the instance of DAGSTER_HOME; without that variable, one in memory that lasts as long as the block.

    Args:
        scratch: folder for the few files of an instance in memory; a temporary one if None.

    Raises:
        SettingsError: DAGSTER_HOME is not the absolute path of a folder.
    """
    home, instances = dagster_home(), dg.DagsterInstance
    opened = instances.local_temp(home, _OVERRIDES) if home else instances.ephemeral(scratch, settings=_OVERRIDES)
    with opened as instance:
        keep_host_logging(instance)
        yield instance
