"""The workers of a run: started when first needed, lent to one thread at a time, replaced when they end."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Condition, Thread
from weakref import WeakSet

from dedup_assets.engine.core.errors import WorkerError
from dedup_assets.engine.workers.cores import thread_count
from dedup_assets.engine.workers.process import Worker
from dedup_assets.engine.workers.process_limits import affordable_workers

_WATCH_SECONDS = 0.25  # between two checks of the time limits
_ENDED = "the decoding processes were ended"
_FORKED = "the decoding processes belong to the process that this one was forked from"
_STARTS = 3  # attempts in a row: memory may be short for a moment
_EARLY = 4  # workers started before any is needed


class WorkerPool:
    """At most `size` workers, fewer where the limit on open files allows fewer.

    Args:
        module: what they run, see `Worker`.
        size: how many at once.

    Raises:
        WorkerError: the limits of this process do not allow one.
    """

    def __init__(self, module: str, size: int) -> None:
        self.module, self.asked_size = module, size
        self.size = affordable_workers(size)
        self.owner = os.getpid()
        self._changed = Condition()
        self._idle: list[Worker] = []
        self._all: list[Worker] = []
        self._starting = 0
        self.closed = False
        _see_to_forks()
        _pools.add(self)
        try:
            Thread(target=self._watch, name="worker-time-limits", daemon=True).start()
        except RuntimeError as error:
            raise WorkerError(f"no thread can be started ({error}); raise `ulimit -u` or `ulimit -v`") from None

    def fits(self, module: str, size: int) -> bool:
        """Whether this process can use it as a pool of at least that size."""
        return self.owner == os.getpid() and not self.closed and self.module == module and self.asked_size >= size

    def start(self) -> None:
        """Start the first workers now, without waiting until they are ready."""
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
        """A worker in addition to `size`, for a long time: other threads keep as many workers as before.

        Raises:
            WorkerError: as `lend`.
        """
        with self.one_more(), self.lend() as lent:
            yield lent

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Within the block there may be one worker more than `size`; one that waits ends with the block."""
        with self._changed:
            self.size += 1
        try:
            yield
        finally:
            with self._changed:
                self.size -= 1
                surplus = self._idle.pop(0) if self._idle and len(self._all) > self.size else None
            if surplus is not None:
                self.discard(surplus)

    def take(self) -> Worker:
        """Wait for a worker and take it.

        Raises:
            WorkerError: as `lend`.
        """
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
        """Make a worker available to other threads."""
        with self._changed:
            self._idle.append(worker)
            self._changed.notify()

    def discard(self, worker: Worker) -> None:
        """Stop a worker, if it has not exited, and forget it."""
        worker.close()
        with self._changed:
            if worker in self._all:
                self._all.remove(worker)
            self._changed.notify()

    def close(self) -> None:
        """Stop all workers, whatever they do; threads that wait for one get an error."""
        with self._changed:
            self.closed = True
            workers = list(self._all)
            self._changed.notify_all()
        for worker in workers:
            worker.close()

    def leave_to_parent(self) -> None:
        """Let go of all workers in a fork of their owner; its lock is replaced, for a thread may have held it."""
        self._changed = Condition()
        self.closed = True
        for worker in self._all:
            worker.leave_to_parent()
        self._all, self._idle = [], []

    def _check_open(self) -> None:
        if self.closed:
            raise WorkerError(_ENDED if self.owner == os.getpid() else _FORKED)

    def _watch(self) -> None:
        while not self.closed:
            time.sleep(_WATCH_SECONDS)
            with self._changed:
                workers = list(self._all)
            now = time.monotonic()
            for worker in workers:
                due = worker.due
                if due is not None and now > due:
                    worker.expire()


class Lent:
    """A worker that one thread uses; it is replaced if it ends.

    Args:
        pool: where it comes from and goes back to.

    Attributes:
        pool: likewise.
    """

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool
        self.worker = pool.take()
        self._usable = True

    def ready(self) -> Worker:
        """Wait until the worker takes requests, and take another one if it was killed before that.

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
        """Take another worker in place of this one, which has ended; its shared memory is lost.

        Raises:
            WorkerError: none can be started.
        """
        self.end()
        self.worker = self.pool.take()
        self._usable = True

    def end(self) -> None:
        """Stop the worker, whatever it does, without taking another."""
        self._usable = False
        self.pool.discard(self.worker)

    def give_back(self) -> None:
        """Make the worker available to other threads."""
        if self._usable:
            self.pool.put_back(self.worker)


_kept: WorkerPool | None = None
_lock = threading.Lock()
_pools: WeakSet[WorkerPool] = WeakSet()


@contextmanager
def keep_workers(module: str, size: int, *, early: bool = False) -> Iterator[None]:
    """Keep workers for the block: every `open_pool` in it gets the same ones.

    Nothing changes if workers are kept already, by a block around this one or in another thread.

    Args:
        module: what they run.
        size: how many at most; -1: one per usable core.
        early: start some at once, while this process imports or lists.

    Raises:
        WorkerError: none can be started.
    """
    global _kept  # noqa: PLW0603 - one for the process, as its cores are
    with _lock:
        pool = WorkerPool(module, thread_count(size)) if _kept is None else None
        _kept = _kept or pool
    try:
        if pool and early:
            pool.start()
        yield
    finally:
        if pool:
            with _lock:
                if _kept is pool:
                    _kept = None
            pool.close()


@contextmanager
def open_pool(module: str, size: int) -> Iterator[WorkerPool]:
    """Workers for the block: the kept ones if they are enough, else new ones that end with the block.

    Raises:
        WorkerError: none can be started.
    """
    kept = _kept
    if kept is not None and kept.fits(module, size):
        yield kept
        return
    pool = WorkerPool(module, size)
    try:
        yield pool
    finally:
        pool.close()


@cache
def _see_to_forks() -> None:
    """Make forks of this process start their own workers instead of using those of their parent."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_leave_workers_to_parent)


def _leave_workers_to_parent() -> None:
    global _kept, _lock
    _kept, _lock = None, threading.Lock()
    for pool in list(_pools):
        pool.leave_to_parent()
