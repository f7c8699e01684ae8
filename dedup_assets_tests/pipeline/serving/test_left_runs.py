"""Runs of a UI that has ended, and could not say that they ended."""

import json
from pathlib import Path

import dagster as dg
import pytest

from dedup_assets.pipeline.dagster_internals import end_left_runs
from dedup_assets.pipeline.instances import open_instance

STATUS = dg.DagsterRunStatus


@pytest.mark.parametrize("address", [{"socket": "a/code"}, {"port": 4000}])
def test_runs_of_the_ui_that_ends_have_ended_and_those_of_others_go_on(
    address: dict[str, str | int], tmp_path: Path
) -> None:
    ours, others = ({"host": "localhost", **given} for given in (address, {"socket": "b/code"}))
    with open_instance(home=str(tmp_path)) as instance:
        for name, tag, status in (
            ("importing", ours, STATUS.STARTING),
            ("at work", ours, STATUS.STARTED),
            ("stopping", ours, STATUS.CANCELING),
            ("waiting", None, STATUS.NOT_STARTED),
            ("done", ours, STATUS.SUCCESS),
            ("of another UI", others, STATUS.STARTING),
            ("of no UI", None, STATUS.STARTED),
        ):
            tags = {".dagster/grpc_info": json.dumps(tag)} if tag else {}
            instance.add_run(dg.DagsterRun(job_name=name, tags=tags, status=status))
        end_left_runs(instance, address)
        assert {run.job_name: run.status for run in instance.get_runs()} == {
            "importing": STATUS.FAILURE,
            "at work": STATUS.FAILURE,
            "stopping": STATUS.CANCELED,
            "waiting": STATUS.NOT_STARTED,
            "done": STATUS.SUCCESS,
            "of another UI": STATUS.STARTING,
            "of no UI": STATUS.STARTED,
        }
