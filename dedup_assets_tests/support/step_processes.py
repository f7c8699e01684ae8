"""Jobs whose runs execute each step in a process of its own, as Dagster's default executor does.

The processes are forks of one that has imported the libraries, because importing them takes most of a step's time.
"""

import os
import time
from pathlib import Path
from typing import Any

import dagster as dg

from dedup_assets.pipeline.building import build_definitions
from dedup_assets.pipeline.io_manager import WorkDirIOManager

TOGETHER = 2  # steps at once
_SECONDS = 100  # after which one goes on alone, and the test fails
_STEPS = dg.multiprocess_executor.configured(
    {"max_concurrent": TOGETHER, "start_method": {"forkserver": {"preload_modules": [__name__]}}}
)
_link = WorkDirIOManager._link


def job(
    *selection: str,
    photos: Path,
    work_dir: Path,
    model: str,
    barrier: Path | None = None,
    planted: Path | None = None,
    checks: bool = True,
) -> Any:
    """A job of some assets, for `dagster.execute_job`.

    Args:
        selection: names of the assets.
        photos: folder of images.
        work_dir: where results go.
        model: path of the embedding model.
        barrier: an empty folder. Steps that store their result wait for one another there, so that `TOGETHER` of them
            end at the same moment.
        planted: a file that somebody else makes when faiss_index has been stored.
        checks: whether the checks of these assets are steps as well.
    """
    given = {"photos": photos, "work_dir": work_dir, "model": model, "barrier": barrier or "", "planted": planted or ""}
    options = {"selection": list(selection), "checks": checks} | {name: str(value) for name, value in given.items()}
    return dg.build_reconstructable_job(__name__, "define", reconstructable_kwargs=options)


def define(
    selection: list[str], checks: bool, photos: str, work_dir: str, model: str, barrier: str, planted: str
) -> dg.JobDefinition:
    """Define a job; its arguments are those of `job`."""
    if barrier:
        _meet_in(Path(barrier))
    if planted:
        plant_after("faiss_index", Path(planted), "steps")
    made = build_definitions(photos, work_dir, model_path=model, threshold=0.5, num_threads=1)
    chosen = dg.AssetSelection.assets(*selection)
    steps = dg.define_asset_job("steps", chosen if checks else chosen.without_checks(), executor_def=_STEPS)
    return dg.Definitions.merge(made, dg.Definitions(jobs=[steps])).resolve_job_def("steps")


def plant_after(asset: str, file: Path, job: str) -> None:
    """Have somebody else make a file when this process stores an asset in a run of a job."""

    def link_and_plant(self: WorkDirIOManager, context: dg.OutputContext, *arguments: Any) -> None:
        _link(self, context, *arguments)
        if (context.job_name, context.asset_key.path[-1]) == (job, asset):
            file.write_text("a file in the way of a folder")

    WorkDirIOManager._link = link_and_plant  # type: ignore[method-assign]


def _meet_in(folder: Path) -> None:
    def link_together(self: WorkDirIOManager, *arguments: Any) -> None:
        _link(self, *arguments)
        (folder / str(os.getpid())).touch()
        end = time.monotonic() + _SECONDS
        while len(list(folder.iterdir())) < TOGETHER and time.monotonic() < end:
            time.sleep(0.01)

    WorkDirIOManager._link = link_together  # type: ignore[method-assign]
