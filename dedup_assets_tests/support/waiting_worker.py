"""A worker that says how its clock stood while it waited for a file that the parent reads.

`WorkerPool("dedup_assets_tests.support.waiting_worker", 1)` runs it. The parent's read takes place while another
thread of the worker looks at the clock, so that no test depends on how long anything takes.
"""

import signal
import threading
from collections.abc import Iterator
from typing import Any

from dedup_assets.engine.workers.serving import Job, serve

MODULE = __name__


def main(memory: str, lifeline: int) -> None:
    """Answer until the parent ends."""
    serve({"wait": _wait}, memory, lifeline)


def _wait(job: Job) -> Iterator[Any]:
    """Read a remote file, whose reading the parent ends when the FIFO `looked` has been written.

    Answers:
        The seconds left on the clock before, during and after the wait, and the content.
    """
    during: list[float] = []

    def look() -> None:
        with open(job.request["waits"], "rb"):  # noqa: PTH123 - a FIFO: opens when the parent waits
            during.append(signal.getitimer(signal.ITIMER_REAL)[0])
        with open(job.request["looked"], "wb"):  # noqa: PTH123
            pass

    looking = threading.Thread(target=look)
    before = signal.getitimer(signal.ITIMER_REAL)[0]
    looking.start()
    content = job.open_remote(job.request["name"].encode()).read()
    looking.join()
    yield [before, during[0], signal.getitimer(signal.ITIMER_REAL)[0], content.decode()]
