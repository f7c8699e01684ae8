"""Files of stores for a worker: its parent reads them, and the wait is not the worker's time."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec import AbstractFileSystem

from dedup_assets.engine.workers import WorkerPool
from dedup_assets_tests.support import waiting_worker

SECONDS = 600.0


class Stalling(AbstractFileSystem):  # type: ignore[misc]  # fsspec is untyped
    """A store whose only file is opened when the worker has looked at its clock."""

    protocol = "stalling"
    cachable = False
    waits: Path
    looked: Path

    def _open(self, path: str, mode: str = "rb", **_: object) -> Any:
        with self.waits.open("wb"), self.looked.open("rb"):
            return io.BytesIO(b"content")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no alarm")
@pytest.mark.timeout(60)
def test_the_alarm_of_a_worker_stands_still_while_it_waits_for_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("waits", "looked"):
        os.mkfifo(tmp_path / name)
        monkeypatch.setattr(Stalling, name, tmp_path / name, raising=False)
    fsspec.register_implementation("stalling", Stalling, clobber=True)
    request = {"do": "wait", "seconds": SECONDS, "memory_bytes": 1 << 30, "name": "stalling://a"}
    pool = WorkerPool(waiting_worker.MODULE, 1)
    try:
        with pool.lend() as lent:
            named = {name: str(tmp_path / name) for name in ("waits", "looked")}
            ((before, during, after, content),) = lent.ready().ask(request | named)
    finally:
        pool.close()
    assert content == "content"
    assert during == 0.0
    assert 0.0 < after <= before
