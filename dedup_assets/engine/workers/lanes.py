"""Threads that work side by side, each with a worker, and give results in order and in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

_PER_THREAD = 3  # items under way per thread: enough that none waits for the order of the results


@dataclass(frozen=True)
class Lanes:
    """Threads that work on items side by side.

    Attributes:
        threads: how many.
        abandon: called where items are left under way, so that no thread waits for a worker that hangs.
    """

    threads: int
    abandon: Callable[[], None]

    def in_order(self, items: Iterable[_T], work: Callable[[_T], _R]) -> Iterator[_R]:
        """Results in the order of the items, with a bounded number of items under way."""
        left = iter(items)
        with ThreadPoolExecutor(self.threads, thread_name_prefix="lane") as pool:
            pending: deque[Future[_R]] = deque(
                pool.submit(work, item) for item in islice(left, self.threads * _PER_THREAD)
            )
            try:
                while pending:
                    result = pending[0].result()
                    pending.popleft()
                    yield result
                    pending.extend(pool.submit(work, item) for item in islice(left, 1))
            except BaseException:
                under_way = [future for future in pending if not (future.cancel() or future.done())]
                if under_way:
                    self.abandon()
                raise
