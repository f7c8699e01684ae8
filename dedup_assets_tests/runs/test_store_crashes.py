"""Runs that are killed while their work_dir is on a store: one whole result at every moment, as on a disk.

Moments are the requests that change the store; a server between the run and the store counts them.
"""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.journal import read_journal
from dedup_assets_tests.support.changing import FEATURE_FILES, ChangingPhotos
from dedup_assets_tests.support.faulty_server import FaultyServer, faulty_bucket
from dedup_assets_tests.support.killing import Outcome, Runner

# Number of runs to kill; for more: DEDUP_KILLS=20 ./dev test -k store_crashes
KILLS = int(os.environ.get("DEDUP_KILLS", "2"))
STALE_SECONDS = 1.5


class Chain:
    """Photographs that change between two states, and runs on them into a work_dir on a store."""

    def __init__(self, top: Path, server: FaultyServer, runner: Runner) -> None:
        self.photos, self._server, self._runner = ChangingPhotos(top, standing=6, changing=2), server, runner
        self.changes: list[str] = []

    def run(self, name: str, kill_before: int = 0) -> Outcome:
        """Run; kill the run at its change number `kill_before`, which the store does not get."""
        self.changes = []

        def rule(method: str, path: str, before: int) -> str | None:
            del before
            if method not in {"PUT", "POST", "DELETE"} or "/.lock/" in path:
                return None
            self.changes.append(path)
            if len(self.changes) != kill_before:
                return None
            self._runner.kill()
            return "error 500"

        self._server.rule = rule
        settings = ("--model-path", self.photos.model, "--shard-size", "4", "--run-mode", "1", "--num-threads", "2")
        outcome = self._runner.run("run", str(self.photos.folder), f"s3://crashing/{name}", *settings)
        self._server.rule = lambda method, path, before: None
        return outcome


@pytest.fixture
def chain(tmp_path: Path, command_line: Runner) -> Iterator[Chain]:
    with faulty_bucket("crashing") as (server, _):
        yield Chain(tmp_path, server, command_line.watching(tmp_path / "outs", STALE_SECONDS))


def as_read(name: str) -> dict[str, bytes]:
    """Every documented file, as this package reads it."""
    work_dir, found = WorkDir(f"s3://crashing/{name}"), {}
    for file in FEATURE_FILES:
        with work_dir.open(file) as opened:
            found[file] = opened.read()
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.timeout(300 + 60 * KILLS)
def test_a_run_killed_on_a_store_leaves_one_result_and_the_next_goes_on(chain: Chain) -> None:
    undisturbed = {}
    for state in "ab":
        chain.photos.show(state)
        outcome = chain.run(state)
        assert outcome.exit_code == 0, outcome.said
        undisturbed[state] = as_read(state)
    chain.photos.show("a")
    assert chain.run("out").exit_code == 0
    chain.photos.show("b")
    publishing = next(
        place for place, path in enumerate(chain.changes) if "/.publishing/" in path and path.endswith(".json")
    )
    last = len(chain.changes)
    chance = random.Random(5)  # noqa: S311 - moments, no secret
    stands, wanted, halfway, killed, unfinished = "a", "b", 0, 0, False
    while killed < KILLS:
        moment = chance.randint(publishing, last) if killed % 2 else chance.randint(1, last)
        outcome = chain.run("out", kill_before=moment)
        killed += outcome.exit_code is None
        found = as_read("out")
        assert found in (undisturbed[stands], undisturbed[wanted]), f"killed before change {moment}"
        halfway += read_journal(WorkDir("s3://crashing/out")) is not None
        unfinished = found == undisturbed[stands]
        if not unfinished or outcome.exit_code == 0:
            assert found == undisturbed[wanted]
            stands, wanted = wanted, stands
            chain.photos.show(wanted)
    outcome = chain.run("out")
    assert outcome.exit_code == 0, outcome.said
    assert as_read("out") == undisturbed[wanted]
    left = [path for path in fsspec.filesystem("s3").find("crashing/out") if "/." in path]
    names = (path.removeprefix("crashing/out/") for path in left)
    hidden = {name.split("/")[0] if name.startswith(".") else name for name in names}
    assert hidden == {".lock", ".published.json", ".publishing", "shards/.used.json"}
    assert read_journal(WorkDir("s3://crashing/out")) is None
    print(f"killed {killed} runs on a store, {halfway} of them while publishing; lost: nothing")
