"""Runs that are killed while their work_dir is on a store: as on a disk, one whole result at every moment.

Moments are the requests that change something, as a server between the run and the store counts them.
"""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import fsspec
import pytest
from moto.server import ThreadedMotoServer

from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.generations import read_journal
from dedup_assets_tests.conftest import photo_like, save_jpeg
from dedup_assets_tests.engine.models import save_mean_model
from dedup_assets_tests.faulty_server import FaultyServer
from dedup_assets_tests.killing import Outcome, Runner

# How many runs are killed; more by hand: DEDUP_KILLS=20 ./dev test -k store_crashes
KILLS = int(os.environ.get("DEDUP_KILLS", "2"))
# Of a run_mode 1: publishing is the same for all files, and each takes a dozen requests.
FILES = (
    "features.dat",
    "features.dat.csv",
    "features.bad.csv",
    "features.dat.bad",
    "image_manifest.parquet",
    "image_ledger.parquet",
)
STALE_SECONDS = 1.5


class Chain:
    """Photographs that change between two states, and runs over them into a work_dir on a store."""

    def __init__(self, top: Path, server: FaultyServer, runner: Runner) -> None:
        self._photos, self._server, self._runner = top / "photos", server, runner
        self._model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
        for number in range(6):
            save_jpeg(self._photos / f"{number}.jpg", photo_like(number % 4, 64, 48), quality=80 + number % 2)
        self.changes: list[str] = []

    def show(self, state: str) -> None:
        """Put the photographs into a state."""
        for path in self._photos.glob("x*.jpg"):
            path.unlink()
        for number in range(2):
            path = save_jpeg(self._photos / f"x{state}{number}.jpg", photo_like(40 + number + ord(state), 64, 48))
            os.utime(path, ns=(1, 1))

    def run(self, name: str, kill_before: int = 0) -> Outcome:
        """Run; killed before so many changes to the store, and this one is not made."""
        self.changes = []

        def rule(method: str, path: str, before: int) -> str | None:
            del before
            if method not in {"PUT", "POST", "DELETE"} or path.endswith("/.lock"):
                return None
            self.changes.append(path)
            if len(self.changes) != kill_before:
                return None
            self._runner.kill()
            return "error 500"

        self._server.rule = rule
        settings = ("--model-path", self._model, "--shard-size", "4", "--run-mode", "1")
        arguments = ("run", str(self._photos), f"s3://crashing/{name}", *settings, "--num-threads", "2")
        outcome = self._runner.run(*arguments)
        self._server.rule = lambda method, path, before: None
        return outcome


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment, FaultyServer(host, port, lambda *_: None) as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }.items():
            environment.setenv(name, value)
        fsspec.filesystem("s3").clear_instance_cache()
        bucket = boto3.resource("s3", endpoint_url=f"http://{host}:{port}").Bucket("crashing")
        bucket.create()
        (tmp_path / "outs").mkdir()
        with Runner(tmp_path / "outs", STALE_SECONDS) as runner:
            yield Chain(tmp_path, server, runner)
        bucket.objects.delete()
    fsspec.filesystem("s3").clear_instance_cache()
    moto.stop()


def as_read(name: str) -> dict[str, bytes]:
    """Every documented file, as this package's readers meet it."""
    work_dir, found = WorkDir(f"s3://crashing/{name}"), {}
    for file in FILES:
        with work_dir.open(file) as opened:
            found[file] = opened.read()
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.timeout(300 + 60 * KILLS)
def test_whenever_a_run_on_a_store_is_killed_there_is_one_whole_result_and_the_next_one_goes_on(chain: Chain) -> None:
    undisturbed = {}
    for state in "ab":
        chain.show(state)
        outcome = chain.run(state)
        assert outcome.exit_code == 0, outcome.said
        undisturbed[state] = as_read(state)
    chain.show("a")
    assert chain.run("out").exit_code == 0
    chain.show("b")
    publishing = next(place for place, path in enumerate(chain.changes) if path.endswith("publishing.json"))
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
            chain.show(wanted)
    outcome = chain.run("out")
    assert outcome.exit_code == 0, outcome.said
    assert as_read("out") == undisturbed[wanted]
    left = [path for path in fsspec.filesystem("s3").find("crashing/out") if "/." in path]
    assert left == []
    print(f"killed {killed} runs on a store, {halfway} of them while publishing; lost: nothing")
