"""Holding a work_dir: one run at a time writes to it, wherever it is."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dedup_assets.engine.core.errors import LostLockError
from dedup_assets.engine.work_dir.journal import read_journal
from dedup_assets.engine.work_dir.leases import hold_remote
from dedup_assets.engine.work_dir.locks import NAME, Holder, IsOver, Lock, Prepare, hold_local
from dedup_assets.engine.work_dir.ownership import Ownership
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
    prepare: Prepare | None = None,
) -> Iterator[Lock]:
    """Hold the lock of a work_dir.

    Args:
        place: the work_dir.
        doing: the run in words, for the message to a run that is refused.
        run: its identity; a new one by default.
        wait: whether to wait until another run ends; if not, another run is an error.
        shared: keep writers out, but not other readers. A store has no such lock: there, `Lock.check` and the end of
            the block find out whether a run has published meanwhile.
        has_steps: whether the run's steps may be separate processes, which hold the lock together. The run then goes
            on when this process ends, unless `Lock.is_over` is set.
        is_over: says whether another run, of which no process is at work, has ended.
        prepare: called with the lock before the block. On local disks no other step of the run holds the lock
            meanwhile; a step that joins others does not call it.

    Raises:
        WorkDirError: another run holds it, or the work_dir cannot be written to.
        LostLockError: at the end of the block, for a shared lock on a store: another run has published there meanwhile.
    """
    holder = Holder.here(doing, run or uuid.uuid4().hex, has_steps=has_steps)
    if place.is_local:
        root = Path(place.inside_folder(""))
        with hold_local(root, place.url, holder, wait=wait, shared=shared, is_over=is_over, prepare=prepare) as lock:
            yield lock
    elif shared:
        reading = _Reading(place)
        yield reading
        reading.check()
    else:
        with ExitStack() as held:
            with place.answering(NAME, "lock"):
                lock = held.enter_context(
                    hold_remote(place.filesystem, place.root, place.url, holder, wait=wait, is_over=is_over)
                )
            if prepare is not None:
                prepare(lock)
            yield lock


class _Reading(Lock):
    """Reads what is published on a store, and notices when a run publishes something else there.

    Args:
        place: the work_dir.
    """

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place
        self._generation = published_generation(place)

    def check(self) -> None:
        """Check that what was read is still what is published.

        Raises:
            LostLockError: a run has published another generation.
        """
        if published_generation(self._place) != self._generation:
            raise LostLockError(
                f"another run has replaced the files in work_dir={self._place.url!r} while this one read them: "
                "it publishes nothing; run again"
            )


def published_generation(place: Place) -> str:
    """The generation that readers see: one that is being published counts already."""
    journal = read_journal(place)
    return journal.generation if journal is not None else Ownership(place).generation


@contextmanager
def hold_beneath(place: Place, folder: str, run: str) -> Iterator[Lock]:
    """Hold a lock in a sub-folder of a work_dir, which is created if needed. Waits while another holds it.

    Args:
        place: the work_dir.
        folder: name of the sub-folder.
        run: identity of the holder.
    """
    holder = Holder.here("a step", run)
    if place.is_local:
        with hold_local(Path(place.inside_folder("")), place.url, holder, wait=True, beneath=folder) as lock:
            yield lock
    else:
        with hold_remote(place.filesystem, place.inside(folder), place.url, holder, wait=True) as lock:
            yield lock
