"""Starting a run without garbage collection.

Importing Dagster and opening an instance make a million objects that stay. Collections that visit them, while they are
made and during the run, take most of a second per run. The command line also skips those at its end (`__main__`); a
host process needs them, because a file that only a cycle of objects refers to is written out by them.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[Callable[[], None]]:
    """Switch the collector off until the yielded function is called; later collections visit only newer objects.

    The end of the block restores the collector. If the host process has frozen objects, nothing more is frozen, because
    they could not be told apart.
    """
    was_on, may_freeze = gc.isenabled(), not gc.get_freeze_count()
    gc.disable()

    def started() -> None:
        if may_freeze:
            gc.freeze()
        if was_on:
            gc.enable()

    try:
        yield started
    finally:
        if may_freeze:
            gc.unfreeze()
        if was_on:
            gc.enable()
