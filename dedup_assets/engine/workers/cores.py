"""How many cores there are to use, and how many threads a run has."""

import os


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count(num_threads: int) -> int:
    """Threads for the setting `num_threads`; -1 gives one for each usable core."""
    return usable_cores() if num_threads == -1 else num_threads
