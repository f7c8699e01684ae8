"""A pool has as many workers as it may have."""

import os
import sys

import pytest

from dedup_assets.engine.inputs.containers import DECODER
from dedup_assets.engine.workers import WorkerPool


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process there")
def test_one_worker_more_than_usual_ends_with_its_block() -> None:
    pool = WorkerPool(DECODER, 1)
    try:
        with pool.one_more():
            with pool.lend() as one, pool.lend() as other:
                pids = {one.ready().pid, other.ready().pid}
            assert all(map(is_there, pids))
        left = [pid for pid in pids if is_there(pid)]
        with pool.lend() as lent:
            assert [lent.ready().pid] == left
    finally:
        pool.close()
