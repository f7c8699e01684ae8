"""The Dagster instance of a run that `launch` starts: it sends no telemetry and keeps the host's logging unchanged.

The user's `dagster.yaml` decides what an instance stores, and where.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import dagster as dg

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.pipeline.dagster_internals import instance_in_memory, keep_host_logging

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
def open_instance(scratch: str | None = None, home: str | None = None) -> Iterator[dg.DagsterInstance]:
    """Open the instance of DAGSTER_HOME; without that variable, one in memory that lasts as long as the block.

    Args:
        scratch: folder for the few files of an instance in memory; a temporary one if None.
        home: folder of the instance; None for that of DAGSTER_HOME.

    Raises:
        SettingsError: DAGSTER_HOME is not the absolute path of a folder that Dagster can use.
    """
    with _open(dagster_home() if home is None else home, scratch) as instance:
        keep_host_logging(instance)
        yield instance


def _open(home: str, scratch: str | None) -> AbstractContextManager[dg.DagsterInstance]:
    if not home:
        return instance_in_memory(scratch, _OVERRIDES)
    try:
        return dg.DagsterInstance.local_temp(home, _OVERRIDES)
    except Exception as error:  # its dagster.yaml may name any class of storage
        said = " ".join(str(error).split())
        raise SettingsError(
            f"DAGSTER_HOME={home!r}: Dagster cannot use it: {said:.300}; mend its dagster.yaml, or name another folder"
        ) from error
