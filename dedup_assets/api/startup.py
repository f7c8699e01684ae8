"""Starting, and ending, without looking for garbage.

Importing Dagster and opening an instance make a million objects that stay. Going through them, again and again while
they are made, at collections during the run and once more when the interpreter ends, took a whole second of a run.
"""

import atexit
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[Callable[[], None]]:
    """Within the block nothing is collected, until what is yielded is called: then, only what was made since.

    At its end the collector is as it was before. When the interpreter ends it has nothing to go through either.
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
