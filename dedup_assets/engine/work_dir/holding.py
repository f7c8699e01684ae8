"""Holding a work_dir: one run at a time writes to it, wherever it is."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dedup_assets.engine.work_dir.leases import hold_remote
from dedup_assets.engine.work_dir.locks import NAME, Holder, IsOver, Lock, hold_local
from dedup_assets.engine.work_dir.place import Place


@contextmanager
def hold(
    place: Place,
    doing: str,
    *,
    run: str = "",
    wait: bool = False,
    shared: bool = False,
    has_steps: bool = False,
    is_over: IsOver | None = None,
) -> Iterator[Lock]:
    """Hold the lock of a work_dir.

    Args:
        place: which work_dir.
        doing: the run in words, for the message to a run that is refused.
        run: its identity.
        wait: for another run to end; else that is an error.
        shared: for reading while no run writes; on local disks alone.
        has_steps: the run's steps may be processes of their own, which hold the lock together. The run goes on when
            this process ends, unless it says otherwise (`Lock.is_over`).
        is_over: asked whether another run has ended that leaves no process at work.

    Raises:
        WorkDirError: another run holds it, or the work_dir cannot be written to.
    """
    holder = Holder.here(doing, run or uuid.uuid4().hex, has_steps=has_steps)
    if place.is_local:
        root = Path(place.inside_folder(""))
        with hold_local(root, place.url, holder, wait=wait, shared=shared, is_over=is_over) as lock:
            yield lock
    elif shared:
        yield Lock()
    else:
        with ExitStack() as held:
            with place.answering(NAME, "lock"):
                lock = held.enter_context(
                    hold_remote(place.filesystem, place.root, place.url, holder, wait=wait, is_over=is_over)
                )
            yield lock


@contextmanager
def hold_beneath(place: Place, folder: str, run: str) -> Iterator[None]:
    """Hold a lock in a sub-folder of a work_dir, which is created if need be; waits for others that hold it.

    Args:
        place: the work_dir.
        folder: of the lock.
        run: identity of the holder.
    """
    holder = Holder.here("a step", run)
    if place.is_local:
        with hold_local(Path(place.inside_folder(folder)), place.url, holder, wait=True):
            yield
    else:
        with hold_remote(place.filesystem, place.inside(folder), place.url, holder, wait=True):
            yield
