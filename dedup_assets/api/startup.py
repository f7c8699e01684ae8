"""Starting and ending a run without garbage collection.

Importing Dagster and opening an instance make a million objects that stay. Collections that look at them, while they
are made, during the run and when the interpreter ends, cost one second per run.
"""

import atexit
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[Callable[[], None]]:
    """Collect nothing in the block until the yielded function is called; from then on, only objects made since.

    The end of the block restores the collector. At the end of the interpreter the collector has nothing to look at.
    """
    atexit.unregister(gc.freeze)  # once is enough
    atexit.register(gc.freeze)
    was_on = gc.isenabled()
    gc.disable()

    def started() -> None:
        gc.freeze()
        if was_on:
            gc.enable()

    try:
        yield started
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
