"""The run launcher of the cluster profile: Dagster's on Celery, and it notices when a worker is gone.

Dagster's own launcher asks the result store for a task's state. A worker whose machine died has left "started" there
for ever, so its run would hang. This one also asks the worker. `deploy/dagster.yaml` names it; needs extra [cluster].
"""

from typing import Any

import dagster as dg
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from dedup_assets.pipeline.dagster_internals import CheckRunHealthResult, WorkerStatus

_ASKED_TIMES = 3  # a busy machine may miss one question


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """Launches each run as a Celery task, and tells run monitoring when the worker that held it is gone.

    Takes the options of `dagster_celery.launcher.CeleryRunLauncher`, and `worker_timeout_seconds`.
    """

    def __init__(self, worker_timeout_seconds: int = 30, **options: Any) -> None:  # noqa: ANN401 - passed on
        self._patience_seconds = worker_timeout_seconds / _ASKED_TIMES
        super().__init__(**options)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The parent's options and ours."""
        ours = dg.Field(
            dg.IntSource,
            default_value=30,
            is_required=False,
            description="A worker that does not answer for so long is taken for dead, and its runs are launched again.",
        )
        return {**super().config_type(), "worker_timeout_seconds": ours}  # type: ignore[dict-item]  # a dict, as documented

    def terminate(self, run_id: str) -> bool:
        """Stop a run, as a person asked: it is canceled then, and not launched again as one that failed."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        self._instance.report_run_canceling(run)
        return super().terminate(run_id)

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """What became of the worker of a run; asked by Dagster's run monitoring while the run is not finished."""
        task_id = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        kept = self.celery.AsyncResult(task_id)._get_task_meta()  # state and facts of one moment
        if kept["status"] == "SUCCESS":
            # Monitoring looks at the run once more and leaves it alone where it has finished meanwhile.
            return CheckRunHealthResult(WorkerStatus.FAILED, "The Celery task has ended, but not the run.")
        if kept["status"] == "FAILURE":
            return CheckRunHealthResult(WorkerStatus.FAILED, f"The Celery task failed: {kept['result']!r}.")
        facts = kept["result"]
        name = facts.get("hostname") if isinstance(facts, dict) else None
        if self._is_held(task_id, name):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        said = f"Worker {name!r} is gone, or does not know" if name else "No worker has"
        return CheckRunHealthResult(WorkerStatus.FAILED, f"{said} task {task_id}.")

    def _is_held(self, task_id: str, worker: str | None) -> bool:
        """Whether a worker says that it has this task. Where the result store lost who that was, all are asked."""
        for _ in range(_ASKED_TIMES):
            asked = {"destination": [worker], "limit": 1} if worker else {}
            answers = self.celery.control.inspect(timeout=self._patience_seconds, **asked).query_task(task_id)
            if answers:
                return any(task_id in held for held in answers.values())
        return False
