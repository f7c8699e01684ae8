"""How many cores this process may use, and how many threads a run has.

A container's CPU quota limits computing time, not the cores that are seen: 64 threads with a quota of two cores compute
for 3 % of each period and wait for the rest. So the quota counts.
"""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that this process may use: those of its CPU affinity, or its cgroup's CPU quota where that is less.

    Args:
        root: the folder that holds `proc` and `sys`.

    Returns:
        At least 1; a quota of 2.5 cores counts as 3.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def thread_count(num_threads: int) -> int:
    """Threads for the setting `num_threads`; -1 gives one per usable core."""
    return usable_cores() if num_threads == -1 else num_threads


def _quotas(root: Path) -> Iterator[float]:
    """The CPU quotas of this process's cgroup and of those around it, in cores."""
    for folder in _cgroup_folders(root):
        with suppress(OSError, ValueError):  # this version of cgroups has no such file, or this cgroup no quota
            quota, period = (folder / "cpu.max").read_text().split()
            yield int(quota) / int(period)
        with suppress(OSError, ValueError):
            quota = (folder / "cpu.cfs_quota_us").read_text()
            if int(quota) > 0:  # -1: no quota
                yield int(quota) / int((folder / "cpu.cfs_period_us").read_text())


def _cgroup_folders(root: Path) -> Iterator[Path]:
    """Folders with CPU quotas that hold for this process: cgroups(7) for version 1, the kernel's cgroup-v2.rst.

    In a container the path that the kernel names may be the host's, and not exist; the container's own cgroup is then
    the mounted folder itself.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):
        return
    mounted = root / "sys/fs/cgroup"
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        names = [controllers, "cpu"] if controllers else ["", "unified"]
        inside = PurePosixPath(path.lstrip("/"))
        if ".." in inside.parts:  # the cgroup lies outside the mounted part of the tree
            inside = PurePosixPath()
        yield from (mounted / name / part for name in names for part in (inside, *inside.parents))
