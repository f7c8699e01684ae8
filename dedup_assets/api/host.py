"""The process that calls `run()`: one run at a time, no run after a fork that broke its libraries.

This module restores faiss's number of threads; `pipeline.host_process` restores what Dagster changes, and `startup` the
garbage collector.
"""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dedup_assets.engine.core.errors import SurroundingsError

_PATIENCE_SECONDS = 20  # the answer takes microseconds; a busy machine may delay it
_locks: dict[int, threading.RLock] = {}  # by process: a fork may copy a lock that a thread of its parent holds


@contextmanager
def run_in_this_process() -> Iterator[None]:
    """Let one run at a time use this process; other threads wait for their turn.

    Runs share what a process has only once: faiss's number of threads, the garbage collector, decoding processes.

    Raises:
        SurroundingsError: a run cannot work in this process.
    """
    with _locks.setdefault(os.getpid(), threading.RLock()):
        _check_fork()
        _check_temporary_folder()
        faiss = sys.modules.get("faiss")
        threads = faiss.omp_get_max_threads() if faiss else 0
        try:
            yield
        finally:
            if faiss := sys.modules.get("faiss"):
                faiss.omp_set_num_threads(threads or _default_threads())


def _check_fork() -> None:
    """Refuse a run if its libraries would wait for threads that a fork did not copy from the parent process."""
    forked = _locks.keys() - {os.getpid()}
    if forked or ("polars" in sys.modules and not _polars_answers()):
        raise SurroundingsError(
            "run() cannot work in this process: it is a fork of one that used run() or polars, and a fork has none of "
            "the threads that these need; start processes with multiprocessing's method 'spawn' or 'forkserver'"
        )


def _polars_answers() -> bool:
    import polars as pl

    frame = pl.DataFrame({"number": [1, 2]})
    probe = threading.Thread(target=pl.concat, args=([frame, frame],), daemon=True)
    probe.start()
    probe.join(_PATIENCE_SECONDS)
    return not probe.is_alive()


def _check_temporary_folder() -> None:
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tried = ", ".join(repr(folder) for folder in tempfile._candidate_tempdir_list())  # type: ignore[attr-defined]
        raise SurroundingsError(
            f"no temporary folder can be written (tried {tried}); set TMPDIR to a folder that can"
        ) from None


def _default_threads() -> int:
    """The number of threads that OpenMP has in a new process."""
    named = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if named.isdecimal() and int(named) > 0:
        return int(named)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
