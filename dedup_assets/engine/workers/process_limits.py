"""Limits of the system on this process (setrlimit(2)): how many workers they allow, checked before the work begins."""

import os
import sys

from dedup_assets.engine.core.errors import WorkerError
from dedup_assets.engine.workers.cores import usable_cores

_FILES_PER_WORKER = 5  # open all the time: requests, answers, stderr, lifeline, shared memory
_FILES_TO_START = 8  # further ones, while a worker starts
_SPARE_FILES = 100  # for all else that a run reads and writes at the same time
# Below this the libraries of a run abort the process when they start their threads. Measured: 2.1 GiB with two cores.
_ADDRESS_SPACE = 2 << 30
_ADDRESS_SPACE_PER_CORE = 32 << 20  # stacks of the libraries' threads
_STANDARD_STREAMS = 3


def affordable_workers(wanted: int) -> int:
    """How many of `wanted` workers the limits of this process allow; at least one.

    Raises:
        WorkerError: they do not allow one.
    """
    if sys.platform == "win32":
        return wanted
    import resource

    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    needed = _ADDRESS_SPACE + usable_cores() * _ADDRESS_SPACE_PER_CORE
    if space != resource.RLIM_INFINITY and space < needed:
        raise WorkerError(
            f"the limit on address space is {space >> 10} KiB, and a run needs {needed >> 10}; "
            f"raise it with `ulimit -v {needed >> 10}`, or remove it with `ulimit -v unlimited`"
        )
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return wanted
    free = files - _open_files()
    if free < _FILES_PER_WORKER + _FILES_TO_START:
        raise WorkerError(
            f"the limit on open files is {files}, and a decoding process needs {_FILES_PER_WORKER + _FILES_TO_START} "
            f"besides those that are open; raise the limit with `ulimit -n 1024`"
        )
    return max(1, min(wanted, (free - _SPARE_FILES) // _FILES_PER_WORKER))


def off_standard_streams(descriptor: int) -> int:
    """The file descriptor; if it is 0, 1 or 2, another one in its place.

    A process whose standard streams are closed gets their numbers for other files. A child would then overwrite these
    with its own standard streams.
    """
    if descriptor >= _STANDARD_STREAMS or sys.platform == "win32":
        return descriptor
    import fcntl

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _STANDARD_STREAMS)
    os.close(descriptor)
    return moved


def _open_files() -> int:
    try:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 - only their number counts
    except OSError:  # no /proc
        return _SPARE_FILES
