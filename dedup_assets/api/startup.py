"""Starting and ending a run without garbage collection.

Importing Dagster and opening an instance make a million objects that stay. Collections that visit them (while they are
made, during the run, and when the interpreter ends) cost one second per run.
"""

import atexit
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[Callable[[], None]]:
    """Switch the collector off until the yielded function is called; later collections visit only newer objects.

    The end of the block restores the collector. All objects are frozen before the interpreter ends.
    """
    atexit.unregister(gc.freeze)  # so that it is registered only once
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
