"""A code location whose runs execute each step in a process of its own, as Dagster's default executor does.

Environment variables say what it reads and where: STEPS_PHOTOS, STEPS_WORK_DIR, STEPS_MODEL. Where STEPS_BARRIER names
a folder, steps that store their result wait for one another there, so that several end at the same moment.
"""

import os
import time
from pathlib import Path
from typing import Any

import dagster as dg

from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.io_manager import WorkDirIOManager

TOGETHER = 2  # steps that wait for one another
_SECONDS = 100  # after which one goes on alone, and the test fails
_link = WorkDirIOManager._link


def _link_together(self: WorkDirIOManager, *arguments: Any) -> None:
    _link(self, *arguments)
    if not os.environ.get("STEPS_BARRIER"):
        return
    folder = Path(os.environ["STEPS_BARRIER"])
    (folder / str(os.getpid())).touch()
    end = time.monotonic() + _SECONDS
    while len(list(folder.iterdir())) < TOGETHER and time.monotonic() < end:
        time.sleep(0.01)


def definitions() -> dg.Definitions:
    """The pipeline, and a job of two assets that do not depend on one another."""
    WorkDirIOManager._link = _link_together  # type: ignore[method-assign]
    made = build_definitions(
        os.environ["STEPS_PHOTOS"],
        os.environ["STEPS_WORK_DIR"],
        executor=dg.multiprocess_executor.configured({"max_concurrent": TOGETHER}),
        model_path=os.environ["STEPS_MODEL"],
        threshold=0.5,
        num_threads=1,
    )
    steps = dg.multiprocess_executor.configured({"max_concurrent": TOGETHER})
    jobs = [
        dg.define_asset_job("two", selection=["bad_images", "faiss_index"], executor_def=steps),
        dg.define_asset_job("search", selection=["faiss_index", "similarity", "outliers"], executor_def=steps),
    ]
    return dg.Definitions.merge(made, dg.Definitions(jobs=jobs))


def two() -> dg.JobDefinition:
    """Two assets that do not depend on one another."""
    return definitions().resolve_job_def("two")


def search() -> dg.JobDefinition:
    """A chain of two steps."""
    return definitions().resolve_job_def("search")
