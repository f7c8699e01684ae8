"""The newest results, who may ask them at once, and when they are renewed."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
import anyio.to_thread

from dedup_assets.engine.core.errors import DedupError
from dedup_assets.engine.query import Answerer, NewestResults, StoredIndex, open_stored
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.workers import WorkerPool
from dedup_assets.service.replies import RefusedError

_T = TypeVar("_T")
_LOCAL_SECONDS = 1.0  # between two looks for new results: two facts of files
_STORE_SECONDS = 15.0
_MOST_WAITING = 64


@dataclass
class Questions:
    """Asks the newest results in threads, as many at once as there are decoding processes.

    Args:
        work_dir: folder or URL that a run wrote to.
        decoders: decoding processes.
        threads: questions that are answered at once.
        model_path: as of `open_stored`.
        max_pixels: of an uploaded image; those of the run where they are fewer.

    Attributes:
        problem: why results that a run has published since cannot be opened; empty if there is no such problem.

    Raises:
        WorkDirError, ModelError: the results cannot be opened.
    """

    work_dir: WorkDir
    decoders: WorkerPool
    threads: int
    model_path: str | None
    max_pixels: int
    problem: str = ""
    waiting: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._newest = NewestResults(self.work_dir, lambda place: open_stored(place, self.model_path, self.threads))
        self._answerer = self._open()
        self._limiter: anyio.CapacityLimiter | None = None

    @property
    def answerer(self) -> Answerer:
        """Answers from the results that were opened last."""
        return self._answerer

    async def ask(self, question: Callable[[Answerer], _T]) -> _T:
        """Ask in a thread, when one is free.

        Raises:
            RefusedError: too many wait already.
        """
        if self.waiting >= _MOST_WAITING + self.threads:
            raise RefusedError(503, "busy", f"{self.waiting} requests wait already", {"retry-after": "1"})
        self._limiter = self._limiter or anyio.CapacityLimiter(self.threads)
        answerer = self._answerer
        self.waiting += 1
        try:
            return await anyio.to_thread.run_sync(question, answerer, limiter=self._limiter)
        finally:
            self.waiting -= 1

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Look for new results, for the block; questions under way are answered from those they began with."""
        watch = threading.Thread(target=self._watch, name="new-results", daemon=True)
        watch.start()
        try:
            yield
        finally:
            self._stop.set()
            watch.join()

    def _watch(self) -> None:
        pause = _LOCAL_SECONDS if self.work_dir.is_local else _STORE_SECONDS
        while not self._stop.wait(pause):
            try:
                if self._newest.renew() is not self._answerer.stored:
                    self._answerer = self._open()
                self.problem = ""
            except DedupError as error:  # the former results still answer
                self.problem = str(error)
            except OSError as error:
                self.problem = f"{type(error).__name__}: {error.strerror or error}"

    def _open(self) -> Answerer:
        stored = self._newest.results
        stored.warm()
        return Answerer(stored, self.decoders, max_pixels=self.max_pixels)


def group_members(stored: StoredIndex, group_id: str) -> tuple[str, Sequence[dict[str, object]]] | None:
    """The present id of a group and its rows, the kept image first; None if there is no such group now.

    Args:
        stored: the results.
        group_id: any id that the group had.
    """
    now = stored.aliases.get(group_id, group_id)
    rows = stored.groups.filter(stored.groups["group_id"] == now) if now else stored.groups.clear()
    return (now, rows.to_dicts()) if rows.height else None
