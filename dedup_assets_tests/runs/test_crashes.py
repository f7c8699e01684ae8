"""Runs that are killed: the last good result is whole at every moment, and the next run completes the work."""

import itertools
import json
import os
import random
import shutil
import time
from pathlib import Path

import pytest

from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.journal import JOURNAL, read_journal
from dedup_assets_tests.support.changing import FEATURE_FILES, ChangingPhotos
from dedup_assets_tests.support.killing import Outcome, Runner

# Number of runs to kill; for more: DEDUP_KILLS=500 ./dev test -k crashes
KILLS = int(os.environ.get("DEDUP_KILLS", "6"))
FILES = (
    *FEATURE_FILES,
    "faiss.index",
    "neighbors.parquet",
    "similarity.csv",
    "outliers.csv",
    "components_info.csv",
    "connected_components.csv",
    "evidence.parquet",
    "groups.parquet",
    "gallery/index.html",
    "gallery/duplicates.html",
)


class Chain:
    """A folder of photographs that changes between two states, and runs on it into work_dirs."""

    def __init__(self, top: Path, runner: Runner) -> None:
        self.photos, self.outs, self._runner = ChangingPhotos(top, standing=12, changing=6), top / "outs", runner
        (self.photos.folder / "05 broken.jpg").write_bytes(b"\xff\xd8 no picture")

    def run(self, name: str, *more: str, kill_before: int | str = 0, kill_after: float = 0.0) -> Outcome:
        settings = ("--model-path", self.photos.model, "--shard-size", "4", "--threshold", "0.5")
        arguments = ("run", str(self.photos.folder), str(self.outs / name), *settings, "--gallery-pairs", "2")
        return self._runner.run(*arguments, "--num-threads", "2", *more, kill_before=kill_before, kill_after=kill_after)

    def as_read(self, name: str) -> dict[str, bytes]:
        """Every documented file, as this package reads it."""
        work_dir = WorkDir(str(self.outs / name))
        found = {}
        for file in FILES:
            with work_dir.open(file) as opened:
                found[file] = opened.read()
        return found

    def on_disk(self, name: str) -> dict[str, bytes]:
        """Every documented file, as it is on disk."""
        return {file: (self.outs / name / file).read_bytes() for file in FILES}

    def shards(self, name: str) -> dict[str, int]:
        """Finished ranges and the inodes of their files."""
        return {path.name: path.stat().st_ino for path in (self.outs / name / "shards").glob("[!.]*.parquet")}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, command_line: Runner) -> Chain:
    top = tmp_path_factory.mktemp("crashes")
    (top / "outs").mkdir()
    return Chain(top, command_line.watching(top / "outs"))


@pytest.mark.timeout(300 + 40 * KILLS)
def test_a_run_killed_at_any_moment_leaves_one_result_and_the_next_goes_on(chain: Chain) -> None:
    undisturbed, takes = {}, 0.0
    for state in "ab":
        chain.photos.show(state)
        shutil.rmtree(chain.outs / "out", ignore_errors=True)
        begun = time.monotonic()
        outcome = chain.run("out")
        takes = time.monotonic() - begun
        assert outcome.exit_code == 0, outcome.said
        undisturbed[state] = chain.on_disk("out")
    moments = outcome.moments
    publishing = [moment for moment in moments if moment in {f"os.rename out/{file}" for file in FILES}]
    stands, wanted, killed, halfway = "b", "a", 0, 0
    chain.photos.show(wanted)
    chance = random.Random(8)  # noqa: S311 - moments, no secret
    shards: dict[str, int] = {}
    for attempt in itertools.count():
        if killed == KILLS:
            break
        moment = chance.choice(publishing) if attempt % 2 else chance.randint(1, len(moments))
        lasts = chance.uniform(0.05, 1.0) * takes if attempt % 4 == 0 else 0.0
        outcome = chain.run("out", kill_before=0 if lasts else moment, kill_after=lasts)
        killed += outcome.exit_code is None
        found = chain.as_read("out")
        assert found in (undisturbed[stands], undisturbed[wanted]), f"killed before {moment} or after {lasts} s"
        if read_journal(WorkDir(str(chain.outs / "out"))) is None:
            assert chain.on_disk("out") == found
        else:
            halfway += 1
        now = chain.shards("out")
        lost = {shard for shard, identity in shards.items() if now.get(shard, identity) != identity}
        assert not lost, "a finished range was written again"
        shards = now
        if outcome.exit_code == 0:  # it ended before it could be killed
            assert found == undisturbed[wanted]
            stands, wanted, shards = wanted, stands, {}
            chain.photos.show(wanted)

    outcome = chain.run("out")
    assert outcome.exit_code == 0, outcome.said
    assert chain.on_disk("out") == undisturbed[wanted]
    left = {path.name for path in (chain.outs / "out").rglob("*") if path.name.startswith(".")}
    assert left == {".lock", ".published.json", ".contents.json", ".used.json"}
    print(f"killed {killed} runs, {halfway} of them while publishing; lost: nothing")
    assert halfway


def test_killed_between_any_two_files_that_it_publishes_readers_see_the_new_result(chain: Chain) -> None:
    chain.photos.show("a")
    shutil.rmtree(chain.outs / "each", ignore_errors=True)
    assert chain.run("each").exit_code == 0
    old, kept = chain.on_disk("each"), chain.outs.parent / "kept"
    shutil.copytree(chain.outs / "each", kept)
    chain.photos.show("b")
    moments = chain.run("each", "--threshold", "0.4").moments
    new = chain.on_disk("each")
    assert new != old
    # By name, because the number of files that a run makes before this one varies.
    halfway = "os.rename each/similarity.csv"
    assert moments.index(halfway) > moments.index(f"os.rename each/{JOURNAL}") + 1
    shutil.rmtree(chain.outs / "each")
    kept.rename(chain.outs / "each")
    assert chain.run("each", "--threshold", "0.4", kill_before=halfway).exit_code is None
    assert chain.as_read("each") == new
    assert chain.on_disk("each") not in (old, new)
    config = json.loads((chain.outs / "each" / "config.json").read_text())
    assert config["settings"]["threshold"] == 0.5
    assert chain.run("each", "--run-mode", "2", "--threshold", "0.4").exit_code == 0
    assert chain.on_disk("each")["features.dat"] == new["features.dat"]


@pytest.fixture(scope="module")
def told(chain: Chain) -> Path:
    """The work_dir of a run on state a, in another place; the photographs are in state b since."""
    chain.photos.show("a")
    assert chain.run("told").exit_code == 0
    kept = (chain.outs / "told").rename(chain.outs.parent / "told")
    chain.photos.show("b")
    return kept


@pytest.mark.parametrize("halfway", ["similarity.csv", "image_ledger.parquet", ".published.json"])
def test_changes_are_counted_from_the_last_run_that_was_not_killed(chain: Chain, told: Path, halfway: str) -> None:
    shutil.rmtree(chain.outs / "told", ignore_errors=True)
    shutil.copytree(told, chain.outs / "told")
    assert chain.run("told", "--threshold", "0.4", kill_before=f"os.rename told/{halfway}").exit_code is None
    assert chain.run("told", "--threshold", "0.3", kill_before="os.rename told/similarity.csv").exit_code is None
    said = chain.run("told", "--threshold", "0.4").said
    assert "since the last run: images 6 added, 0 changed, 0 moved, 6 removed, 13 unchanged" in said
    assert "since the last run: images 0 added" in chain.run("told", "--threshold", "0.4").said
    assert not (chain.outs / "told" / ".staged").exists()


def test_what_changed_is_said_by_a_run_that_is_killed_at_its_end_or_by_the_next_one(chain: Chain, told: Path) -> None:
    shutil.rmtree(chain.outs / "told", ignore_errors=True)
    shutil.copytree(told, chain.outs / "told")
    killed = chain.run("told", kill_before="os.rmdir told/.staged/unreported")
    assert killed.exit_code is None
    changed = "since the last run: images 6 added, 0 changed, 0 moved, 6 removed, 13 unchanged"
    assert changed in killed.stdout + chain.run("told").stdout
