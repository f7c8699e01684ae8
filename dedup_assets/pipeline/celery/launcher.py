"""The run launcher of the cluster profile: Dagster's launcher on Celery, which also notices lost workers.

Dagster's own launcher only asks the result store for a task's state. A worker whose machine died leaves "started" there
for ever, so its run would hang. This launcher also asks the worker. `deploy/dagster.yaml` names it; it needs the extra
[cluster].
"""

from typing import Any

import dagster as dg
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from dedup_assets.pipeline.dagster_internals import CheckRunHealthResult, WorkerStatus

_ATTEMPTS = 3  # a busy machine may miss one question


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """Launches each run as a Celery task, and reports to Dagster's run monitoring when its worker is lost.

    It has the options of `dagster_celery.launcher.CeleryRunLauncher`, and `worker_timeout_seconds`.
    """

    def __init__(self, worker_timeout_seconds: int = 30, **options: Any) -> None:  # noqa: ANN401 - passed on
        self._patience_seconds = worker_timeout_seconds / _ATTEMPTS
        super().__init__(**options)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The options of the parent class, and ours."""
        ours = dg.Field(
            dg.IntSource,
            default_value=30,
            is_required=False,
            description="A worker that does not answer for this time counts as lost; its runs are launched again.",
        )
        return {**super().config_type(), "worker_timeout_seconds": ours}  # type: ignore[dict-item]  # a dict, as documented

    def terminate(self, run_id: str) -> bool:
        """Stop a run on request. It is marked as canceling first, so that it is not launched again as a failed run."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        self._instance.report_run_canceling(run)
        return super().terminate(run_id)

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return the state of a run's worker; Dagster's run monitoring calls this while the run is unfinished."""
        task_id = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        kept = self.celery.AsyncResult(task_id)._get_task_meta()  # state and details of the same moment
        if kept["status"] == "SUCCESS":
            # Monitoring then reads the run once more, and leaves it alone if it has finished meanwhile.
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
        """Ask the worker whether it has this task; ask all workers if the result store does not know which one."""
        for _ in range(_ATTEMPTS):
            asked = {"destination": [worker], "limit": 1} if worker else {}
            answers = self.celery.control.inspect(timeout=self._patience_seconds, **asked).query_task(task_id)
            if answers:
                return any(task_id in held for held in answers.values())
        return False
