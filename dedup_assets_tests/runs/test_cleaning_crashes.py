"""Applies and undos that are killed with SIGKILL: no picture is lost, and the next command finds its way.

Moments are all changes to files: each link, rename and removal, and each opening of a journal or a lock. On a store
they are the requests that change it; a server between the command and the store counts them.
"""

import os
import random
import sys
from pathlib import Path

import fsspec
import pytest

from dedup_assets_tests.support.faulty_server import FaultyServer, faulty_bucket
from dedup_assets_tests.support.killing import Outcome, Runner
from dedup_assets_tests.support.plans import contents, save_copies, save_results, tree

# Number of commands to kill, of each kind; for more: DEDUP_KILLS=100 ./dev test -k cleaning_crashes
KILLS = int(os.environ.get("DEDUP_KILLS", "2"))
GROUPS = {"a.jpg": ["x/1.jpg", "x/y/2.jpg"], "b.jpg": ["x/3.jpg"], "c.jpg": ["4.jpg"]}
SIDECARS = ("a.xmp", "x/1.xmp", "a.jpg.json", "x/1.jpg.json")


class Killed:
    """Photographs with copies, and commands on them that may be killed."""

    def __init__(self, top: Path, runner: Runner, action: str) -> None:
        self.photos, self.results, self._runner = top / "world" / "photos", top / "world" / "results", runner
        save_copies(self.photos, GROUPS)
        for name in SIDECARS:
            (self.photos / name).write_text(Path(name).suffix)
        save_results(self.results, self.photos, GROUPS)
        self.original = tree(self.photos)
        self.all = contents(self.photos)
        assert self.run("plan", str(self.results), "--action", action).exit_code == 0

    def run(self, *arguments: str, kill_before: int = 0, kill_after: float = 0.0) -> Outcome:
        return self._runner.run(*arguments, kill_before=kill_before, kill_after=kill_after)

    def apply(self, **kill: float) -> Outcome:
        return self.run("apply", str(self.results), "--yes", **kill)  # type: ignore[arg-type]

    def undo(self, **kill: float) -> Outcome:
        trash = self.photos / ".dedup-trash"
        latest = max(each.name for each in trash.iterdir() if not each.name.startswith("."))
        return self.run("undo", latest, "--work-dir", str(self.results), **kill)  # type: ignore[arg-type]

    def check_nothing_is_lost(self, said: str) -> None:
        """Each picture is in one place: where it was, or in the trash; the kept ones are untouched."""
        now = tree(self.photos)
        trash = self.photos / ".dedup-trash"
        gone = self.original.keys() - now.keys()
        for name in gone:
            assert list(trash.glob(f"*/{name}")), f"{said}: {name} is nowhere"
        assert contents(self.photos) == self.all, said
        assert all(now[kept][0] == self.original[kept][0] for kept in GROUPS), said


def moments_of(outcome: Outcome) -> list[int]:
    """The numbers of the moments at which a file or a journal changes, without those of locks."""
    return [number for number, moment in enumerate(outcome.moments, 1) if ".lock" not in moment]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.timeout(120 + 20 * KILLS)
@pytest.mark.parametrize("action", ["trash", "hardlink"])
def test_a_killed_apply_is_resumed_and_a_killed_undo_repeated(
    tmp_path: Path, command_line: Runner, action: str
) -> None:
    chance = random.Random(action)  # noqa: S311 - moments, no secret
    (tmp_path / "world").mkdir()
    world = Killed(tmp_path, command_line.watching(tmp_path / "world"), action)
    outcome = world.apply()
    assert outcome.exit_code == 0, outcome.said
    applied, applying = tree(world.photos), moments_of(outcome)
    outcome = world.undo()
    assert outcome.exit_code == 0, outcome.said
    assert tree(world.photos) == world.original
    undoing = moments_of(outcome)
    for kill in range(KILLS):
        moment = chance.choice(applying)
        outcome = world.apply(kill_before=moment)
        assert outcome.exit_code is None, outcome.said
        world.check_nothing_is_lost(f"apply killed before moment {moment}")
        if kill % 2 == 0:
            outcome = world.apply()
            assert outcome.exit_code == 0, outcome.said
            now = tree(world.photos)
            assert {name: facts[0] for name, facts in now.items()} == {
                name: facts[0] for name, facts in applied.items()
            }, f"apply killed before moment {moment}"
        moment = chance.choice(undoing)
        world.undo(kill_before=moment)
        world.check_nothing_is_lost(f"undo killed before moment {moment}")
        outcome = world.undo()
        assert outcome.exit_code == 0, outcome.said
        assert tree(world.photos) == world.original, f"undo killed before moment {moment}"


STORE_KILLS = int(os.environ.get("DEDUP_KILLS", "1"))
STALE_SECONDS = 1.5


class KilledOnStore:
    """Photographs with copies on a store, and commands on them that may be killed."""

    def __init__(self, top: Path, server: FaultyServer, runner: Runner) -> None:
        self.results, self._server, self._runner = top / "results", server, runner
        save_copies(top / "photos", GROUPS)
        for path in (top / "photos").rglob("*.jpg"):
            key = path.relative_to(top / "photos")
            fsspec.filesystem("s3").pipe_file(f"cleaning/photos/{key}", path.read_bytes())
        for name in SIDECARS:
            fsspec.filesystem("s3").pipe_file(f"cleaning/photos/{name}", Path(name).suffix.encode())
        save_results(self.results, top / "photos", GROUPS, where="s3://cleaning/photos")
        self.changes = 0
        self.original = self.objects()

    def objects(self, *, trash: bool = False) -> dict[str, bytes]:
        """All objects, without those of the trash folder unless they are wanted."""
        store = fsspec.filesystem("s3", use_listings_cache=False)
        names = [path for path in store.find("cleaning/photos") if path.endswith((".jpg", ".xmp", ".json"))]
        return {path: store.cat_file(path) for path in names if trash or "/.dedup-trash/" not in path}

    def run(self, *arguments: str, kill_before: int = 0) -> Outcome:
        self.changes = 0

        def rule(method: str, path: str, before: int) -> str | None:
            del before
            if method not in {"PUT", "POST", "DELETE"} or "/.lock/" in path:
                return None
            self.changes += 1
            if self.changes != kill_before:
                return None
            self._runner.kill()
            return "error 500"

        self._server.rule = rule
        outcome = self._runner.run(*arguments)
        self._server.rule = lambda method, path, before: None
        return outcome

    def undo(self, kill_before: int = 0) -> Outcome:
        found = fsspec.filesystem("s3", use_listings_cache=False).find("cleaning/photos/.dedup-trash")
        runs = {path.split("/")[3] for path in found if "journal" in path}
        return self.run("undo", max(runs), "--work-dir", str(self.results), kill_before=kill_before)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.timeout(120 + 40 * STORE_KILLS)
def test_an_apply_and_an_undo_killed_on_a_store_lose_nothing(tmp_path: Path, command_line: Runner) -> None:
    chance = random.Random(7)  # noqa: S311 - moments, no secret
    with faulty_bucket("cleaning") as (server, _):
        world = KilledOnStore(tmp_path, server, command_line.watching(tmp_path / "outs", STALE_SECONDS))
        assert world.run("plan", str(world.results)).exit_code == 0
        outcome = world.run("apply", str(world.results), "--yes")
        assert outcome.exit_code == 0, outcome.said
        applied, applying = world.objects(), world.changes
        outcome = world.undo()
        assert outcome.exit_code == 0, outcome.said
        assert world.objects() == world.original
        undoing = world.changes
        for kill in range(STORE_KILLS):
            moment = chance.randint(1, applying)
            outcome = world.run("apply", str(world.results), "--yes", kill_before=moment)
            assert outcome.exit_code is None, outcome.said
            assert set(world.objects(trash=True).values()) == set(world.original.values())
            if kill % 2 == 0:
                outcome = world.run("apply", str(world.results), "--yes")
                assert outcome.exit_code == 0, outcome.said
                assert world.objects() == applied, f"apply killed before change {moment}"
            moment = chance.randint(1, undoing)
            world.undo(kill_before=moment)
            assert set(world.objects(trash=True).values()) == set(world.original.values())
            outcome = world.undo()
            assert outcome.exit_code == 0, outcome.said
            assert world.objects() == world.original, f"undo killed before change {moment}"
            assert world.objects(trash=True) == world.original, f"undo killed before change {moment}"
