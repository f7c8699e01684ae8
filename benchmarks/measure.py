"""One run of a program: wall and CPU seconds and peak memory of it and of all processes that it starts (Linux)."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Measurement:
    """The resources that one run took.

    Attributes:
        exit_code: 0 is success; the negative number of the signal if a signal ended it.
        wall_seconds: from start to end of the process, imports included.
        cpu_seconds: user and system time of the process and all descendants it waited for.
        peak_bytes: largest resident memory of all processes together; shared pages count once.
    """

    exit_code: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def measure(command: list[str], *, env: dict[str, str], cwd: Path, log: Path, timeout_seconds: float) -> Measurement:
    """Run a program to its end.

    Args:
        command: the program and its arguments.
        env: its whole environment.
        cwd: its working directory.
        log: file for what it prints.
        timeout_seconds: time after which the program and all that it started are killed.
    """
    with log.open("wb") as output:
        started = time.perf_counter()
        # wait4 below gives the usage of this child alone; getrusage would mix all children.
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        peak = pid = 0
        try:
            while not pid:
                peak = max(peak, _tree_bytes(process.pid), _highest_bytes(process.pid))
                if time.perf_counter() - started > timeout_seconds:
                    os.killpg(process.pid, signal.SIGKILL)
                time.sleep(_SAMPLE_SECONDS)
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measurement(process.returncode, wall, usage.ru_utime + usage.ru_stime, peak)


def _tree_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants now; pages that several of them share count once."""
    pids = _tree(pid)
    return sum(map(_proportional_bytes, pids)) if len(pids) > 1 else 0  # for one process, _highest_bytes is exact


def _tree(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it ended meanwhile
        return []
    return [pid, *(each for child in children for each in _tree(child))]


def _proportional_bytes(pid: int) -> int:
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") * 1024


def _highest_bytes(pid: int) -> int:
    """Highest resident memory of one process so far, spikes between two samples included.

    ru_maxrss would not do: it starts from the memory of the parent process.
    """
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM:") * 1024


def _kilobytes(file: Path, name: str) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:  # it ended meanwhile
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
