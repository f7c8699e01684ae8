"""The workers of a run: started when first needed, handed to one thread at a time, replaced when they end."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Thread

from dedup_assets.engine.core.errors import WorkerError
from dedup_assets.engine.workers.cores import thread_count
from dedup_assets.engine.workers.process import Worker

_LOOK_SECONDS = 0.25  # how often the time limit is looked at
_ENDED = "the decoding processes were ended"
_STARTS = 3  # in a row that may fail: memory may be short for a moment
_EARLY = 4  # workers started before any is needed


class WorkerPool:
    """At most `size` workers.

    Args:
        module: what they run, see `Worker`.
        size: how many at once.
    """

    def __init__(self, module: str, size: int) -> None:
        self.module, self.size = module, size
        self.owner = os.getpid()
        self._changed = Condition()
        self._idle: list[Worker] = []
        self._all: list[Worker] = []
        self._starting = 0
        self.closed = False
        Thread(target=self._watch, name="worker-time-limits", daemon=True).start()

    def fits(self, module: str, size: int) -> bool:
        """Whether it can serve this process as a pool of so many."""
        return self.owner == os.getpid() and not self.closed and self.module == module and self.size >= size

    def start(self) -> None:
        """Start the first workers now; starting the interpreter does not wait for it to be ready."""
        for _ in range(min(self.size, _EARLY)):
            worker = Worker(self.module)
            with self._changed:
                self._all.append(worker)
                self._idle.insert(0, worker)  # the first one is ready first, and taken first

    @contextmanager
    def lend(self) -> Iterator["Lent"]:
        """A worker for this thread; waits while all are in use.

        Raises:
            WorkerError: none can be started, or the pool is closed.
        """
        lent = Lent(self)
        try:
            yield lent
        finally:
            lent.give_back()

    @contextmanager
    def lend_besides(self) -> Iterator["Lent"]:
        """As `lend`, for long: others may have as many workers as before, and another is started where they need it.

        Raises:
            WorkerError: as `lend`.
        """
        with self._changed:
            self.size += 1
        try:
            with self.lend() as lent:
                yield lent
        finally:
            with self._changed:
                self.size -= 1

    def take(self) -> Worker:
        """Wait for a worker and take it."""
        with self._changed:
            while not self._idle and len(self._all) + self._starting >= self.size and not self.closed:
                self._changed.wait()
            self._check_open()
            if self._idle:
                return self._idle.pop()
            self._starting += 1
        try:
            worker = Worker(self.module)
        finally:
            with self._changed:
                self._starting -= 1
        with self._changed:
            if not self.closed:
                self._all.append(worker)
                return worker
        worker.close()
        raise WorkerError(_ENDED)

    def put_back(self, worker: Worker) -> None:
        """It is ready for another thread."""
        with self._changed:
            self._idle.append(worker)
            self._changed.notify()

    def discard(self, worker: Worker) -> None:
        """It ended, or must."""
        worker.close()
        with self._changed:
            self._all.remove(worker)
            self._changed.notify()

    def close(self) -> None:
        """End all workers, whatever they do; threads that wait for one get an error."""
        with self._changed:
            self.closed = True
            workers = list(self._all)
            self._changed.notify_all()
        for worker in workers:
            worker.close()

    def _check_open(self) -> None:
        if self.closed:
            raise WorkerError(_ENDED)

    def _watch(self) -> None:
        while not self.closed:
            time.sleep(_LOOK_SECONDS)
            with self._changed:
                workers = list(self._all)
            now = time.monotonic()
            for worker in workers:
                due = worker.due
                if due is not None and now > due:
                    worker.expire()


class Lent:
    """A worker in the hands of one thread, replaced where it ended.

    Args:
        pool: where it comes from and goes back to.
    """

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self.worker = pool.take()
        self._usable = True

    def ready(self) -> Worker:
        """The worker, once it can be asked; another one where it was killed before.

        Raises:
            WorkerError: several in a row could not start.
        """
        for _ in range(_STARTS - 1):
            try:
                self.worker.await_start()
            except WorkerError:
                self.replace()
            else:
                break
        self.worker.await_start()
        return self.worker

    def replace(self) -> None:
        """Another worker in place of this one, which ended; its memory is gone with it."""
        self.end()
        self.worker = self._pool.take()
        self._usable = True

    def end(self) -> None:
        """End the worker, whatever it does, and have none."""
        self._usable = False
        self._pool.discard(self.worker)

    def give_back(self) -> None:
        """For the next thread."""
        if self._usable:
            self._pool.put_back(self.worker)


_kept: WorkerPool | None = None
_lock = threading.Lock()


@contextmanager
def keep_workers(module: str, size: int, *, early: bool = False) -> Iterator[None]:
    """Within the block every `open_pool` of these workers gets the same ones, and they last as long as the block.

    Nothing changes where workers are kept already, by a block around this one or in another thread.

    Args:
        module: what they run.
        size: how many at most; -1: one for each core this process may use.
        early: start some at once, while this process imports or lists.
    """
    global _kept  # noqa: PLW0603 - one for the process, as its cores are
    with _lock:
        if _kept is not None and _kept.owner == os.getpid():
            pool = None
        else:
            pool = _kept = WorkerPool(module, thread_count(size))
    try:
        if pool and early:
            pool.start()
        yield
    finally:
        if pool:
            with _lock:
                _kept = None
            pool.close()


@contextmanager
def open_pool(module: str, size: int) -> Iterator[WorkerPool]:
    """Workers for the block: those that are kept, where they are enough, else new ones that end with it."""
    kept = _kept
    if kept is not None and kept.fits(module, size):
        yield kept
        return
    pool = WorkerPool(module, size)
    try:
        yield pool
    finally:
        pool.close()
