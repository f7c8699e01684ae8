"""Holding a work_dir: one run at a time writes to it, wherever it is."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dedup_assets.engine.work_dir.leases import hold_remote
from dedup_assets.engine.work_dir.locks import NAME, Holder, Lock, hold_local
from dedup_assets.engine.work_dir.place import Place


@contextmanager
def hold(place: Place, doing: str, *, run: str = "", wait: bool = False, shared: bool = False) -> Iterator[Lock]:
    """Hold the lock of a work_dir.

    Args:
        place: which work_dir.
        doing: the run in words, for the message to a run that is refused.
        run: its identity; processes of one run do not exclude one another.
        wait: for another run to end; else that is an error.
        shared: for reading while no run writes; on local disks alone.

    Raises:
        WorkDirError: another run holds it, or the work_dir cannot be written to.
    """
    holder = Holder.here(doing, run or uuid.uuid4().hex)
    if place.is_local:
        with hold_local(Path(place.inside_folder("")), place.url, holder, wait=wait, shared=shared) as lock:
            yield lock
    elif shared:
        yield Lock()
    else:
        with ExitStack() as held:
            with place.answering(NAME, "lock"):
                lock = held.enter_context(hold_remote(place.filesystem, place.root, place.url, holder, wait=wait))
            yield lock
