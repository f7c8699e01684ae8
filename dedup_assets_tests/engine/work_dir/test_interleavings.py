"""Readers see one generation, even if runs on a store pause, die or are taken for dead at any moment.

The code under test is unchanged; each run has a thread. Each operation of the store waits until the test lets its run
go on, so that hypothesis chooses the interleaving, and where a run pauses or dies. Each run takes every other run for
dead as soon as it looks.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup_assets.engine.core.errors import WorkDirError
from dedup_assets.engine.work_dir import WorkDir, leases, publishing
from dedup_assets.engine.work_dir.finished_results import begin_step, note_finished
from dedup_assets.engine.work_dir.generations import generation
from dedup_assets.engine.work_dir.holding import hold
from dedup_assets.engine.work_dir.publishing import commit, making_generation
from dedup_assets_tests.engine.work_dir.test_location import content, put

NAMES = ("a", "b", "config.json")
OPERATIONS = ("cat_file", "pipe_file", "cp_file", "rm_file", "ls", "find", "info", "rm", "exists")
SOON_SECONDS = 60
DIES = 0


class Killed(BaseException):
    """A run is killed."""


class TurnTaking(MemoryFileSystem):  # type: ignore[misc]  # fsspec is untyped
    """The memory store; in the thread of a run each operation waits for its turn."""

    cachable = False
    protocol = "turns"
    local = threading.local()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        stripped: str = MemoryFileSystem._strip_protocol(path.replace("turns://", "memory://"))
        return stripped


def _taking_turns(name: str) -> Callable[..., Any]:
    operation = getattr(MemoryFileSystem, name)

    def run(self: TurnTaking, *arguments: Any, **options: Any) -> Any:
        turn = getattr(self.local, "turn", None)
        if turn is not None and not getattr(self.local, "inside", False):
            turn()
            self.local.inside = True  # an operation that calls others counts once
            try:
                return operation(self, *arguments, **options)
            finally:
                self.local.inside = False
        return operation(self, *arguments, **options)

    return run


for _name in OPERATIONS:
    setattr(TurnTaking, _name, _taking_turns(_name))


class Run:
    """A run that publishes one generation, one operation of the store at a time.

    Args:
        mark: what it writes into each file.
    """

    def __init__(self, mark: bytes) -> None:
        self.mark = mark
        self.said = "killed"
        self._may_go, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        self._is_killed = self.has_ended = False
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        assert self._waits.acquire(timeout=SOON_SECONDS)

    def go_on(self) -> None:
        """Let the run do one operation."""
        self._may_go.release()
        assert self._waits.acquire(timeout=SOON_SECONDS)

    def kill(self) -> None:
        """End the run before its next operation."""
        self._is_killed = True
        while not self.has_ended:
            self.go_on()
        self._thread.join(SOON_SECONDS)

    def _turn(self) -> None:
        self._waits.release()
        assert self._may_go.acquire(timeout=SOON_SECONDS)
        if self._is_killed:
            raise Killed

    def _work(self) -> None:
        TurnTaking.local.turn = self._turn
        try:
            place = WorkDir("turns://bucket/out")
            with making_generation(place, self.mark.decode(), wait=True) as name:
                view = place.in_generation(name)
                for file in NAMES:
                    with view.publish(file) as (opened,):
                        opened.write(self.mark)
            self.said = "published"
        except WorkDirError as error:
            self.said = f"failed: {error}"
        except Killed:
            pass
        finally:
            self.has_ended = True
            self._waits.release()


@pytest.fixture(autouse=True)
def _everyone_is_taken_for_dead(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    del store  # empties the memory store
    fsspec.register_implementation("turns", TurnTaking, clobber=True)
    monkeypatch.setattr(leases, "_POLL_SECONDS", 0.0)
    monkeypatch.setattr(leases, "_STALE_SECONDS", 0.0)
    monkeypatch.setattr(leases, "_BEAT_SECONDS", 3600.0)
    monkeypatch.setattr(publishing, "_AT_ONCE", 1)
    # Threads of a pool have no turn of their own, so copies run in the thread of the run.
    monkeypatch.setattr(publishing, "ThreadPoolExecutor", _OneAfterTheOther)


class _OneAfterTheOther:
    """Replaces a pool of threads; calls run in the calling thread."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> "_OneAfterTheOther":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    map = staticmethod(map)


def as_read() -> bytes:
    """The generation that a reader sees: the content of every file."""
    work_dir = WorkDir("memory://bucket/out")
    found = {content(work_dir, name) for name in NAMES}
    assert len(found) == 1, f"files of several generations: {found}"
    return found.pop()


@settings(max_examples=30)
@given(st.data())
def test_whoever_pauses_dies_or_is_taken_for_dead_readers_meet_one_generation(data: st.DataObject) -> None:
    fsspec.filesystem("memory").store.clear()
    with generation(WorkDir("memory://bucket/out"), "first") as view:
        put(view, **dict.fromkeys(NAMES, b"0"))
    runs = [Run(b"1"), Run(b"2")]
    try:
        while alive := [run for run in runs if not run.has_ended]:
            run = data.draw(st.sampled_from(alive), label="run")
            steps = data.draw(st.sampled_from([1, 1, 2, 3, 5, 8, 13, DIES]), label="operations")
            if steps == DIES:
                run.kill()
            for _ in range(steps):
                if not run.has_ended:
                    run.go_on()
                    as_read()
    finally:
        for run in runs:
            run.kill()
    published = [run.mark for run in runs if run.said == "published"]
    with making_generation(WorkDir("memory://bucket/out"), "last"):
        pass
    assert as_read() in {b"0", b"1", b"2"}
    raw = {fsspec.filesystem("memory").cat_file(f"/bucket/out/{name}") for name in NAMES}
    assert raw == {as_read()}
    if published and all(run.said == "published" for run in runs):
        assert as_read() in published


def begins_while_another_publishes(moment: int) -> bool:
    """Begin a step of a run; at its operation of this number another step publishes the run. Whether it has so many."""
    place, name = WorkDir("turns://bucket/out"), "0" * 32
    fsspec.filesystem("memory").store.clear()
    with hold(place, "the last step", run=name, has_steps=True) as lock:
        put(place.in_generation(name), **dict.fromkeys(NAMES, b"1"))
        note_finished(place, name, "a result", "a run", NAMES)
        left = iter(range(moment))

        def turn() -> None:
            if next(left, None) is None:
                TurnTaking.local.turn = None
                commit(place, name, lock)

        TurnTaking.local.turn = turn
        prepare = partial(begin_step, place, generation=name, made_before=["a result"], will_write=NAMES)
        try:
            with hold(place, "a check", run=name, has_steps=True, prepare=prepare):
                return TurnTaking.local.turn is None
        finally:
            TurnTaking.local.turn = None


def test_a_step_that_begins_while_another_step_publishes_the_run_is_not_refused() -> None:
    moment = 0
    while begins_while_another_publishes(moment):
        assert as_read() == b"1"
        moment += 1
    assert moment > len(NAMES)
