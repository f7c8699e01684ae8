"""The generation that a process is making in a work_dir, and the work_dir as that run sees it.

`publishing` stages and publishes generations.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from dedup_assets.engine.work_dir.location import WorkDir
from dedup_assets.engine.work_dir.locks import IsOver
from dedup_assets.engine.work_dir.publishing import making_generation

_open: dict[str, str] = {}  # generations that this process is making, by the URL of their folder
_guard = threading.Lock()


@contextmanager
def generation(
    work_dir: WorkDir,
    doing: str,
    *,
    wait: bool = False,
    will_write: Collection[str] = (),
    withdrawn: Collection[str] = (),
    is_over: IsOver | None = None,
    is_told: bool = True,
) -> Iterator[WorkDir]:
    """Hold a work_dir, and publish at the end of the block all that was written in it; nothing if the block fails.

    Args:
        work_dir: where the files will appear.
        doing: the run in words, for the message to a run that is refused.
        wait: whether to wait until another run ends; if not, another run is an error.
        will_write: names of files that the block will write.
        withdrawn: names of former results that are deleted when the new ones are in their places.
        is_over: says whether another run, of which no process is at work, has ended.
        is_told: whether people know what has changed when it is published; if not, the caller calls `note_told`.

    Yields:
        The work_dir as this run sees it: with the files that it has written so far.

    Raises:
        WorkDirError: another run holds the work_dir, it cannot be written to, or it holds something that is not ours
            under one of the names.
    """
    making = making_generation(
        work_dir, doing, wait=wait, will_write=will_write, withdrawn=withdrawn, is_over=is_over, is_told=is_told
    )
    with making as name, registered(work_dir.url, name):
        yield work_dir.in_generation(name)


@contextmanager
def registered(url: str, name: str) -> Iterator[None]:
    """Note for this process which generation it is making in a work_dir."""
    with _guard:
        _open[url] = name
    try:
        yield
    finally:
        with _guard:
            if _open.get(url) == name:  # otherwise another run of this process has begun meanwhile
                del _open[url]


def open_here(work_dir: WorkDir) -> str:
    """The generation that this process is making in a work_dir; empty if there is none."""
    with _guard:
        return _open.get(work_dir.url, "")
