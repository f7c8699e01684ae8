"""Ends decoding processes of this one while they work, as a file that crashes its decoder would."""

import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOOK_SECONDS = 0.4
_QUICK_SECONDS = 1.0  # of one processor; no picture of the tests takes that but those meant to be slow


@contextmanager
def repeating(look: Callable[[], None], every_seconds: float) -> Iterator[None]:
    """Call a function again and again for as long as the block lasts, in a thread."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every_seconds):
            look()

    thread = threading.Thread(target=watch, name="watcher")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def killer_of_decoders(how: signal.Signals, times: int) -> Iterator[list[int]]:
    """Send a signal to each decoding process that has been busy for a while since the block began, so many times.

    Yields:
        The ids of those that got it.
    """
    killed: list[int] = []
    known = {pid: busy_seconds(pid) for pid in decoders_of(os.getpid())}

    def look() -> None:
        for pid in decoders_of(os.getpid()) - set(killed):
            if busy_seconds(pid) - known.get(pid, 0.0) > _QUICK_SECONDS and len(killed) < times:
                killed.append(pid)
                os.kill(pid, how)

    with repeating(look, _LOOK_SECONDS):
        yield killed


def decoders_of(pid: int) -> set[int]:
    """The decoding processes that a process has started (Linux)."""
    return {child for child in children_of(pid) if is_decoder(child)}


def children_of(pid: int) -> set[int]:
    """All processes that a process has started (Linux)."""
    found: set[int] = set()
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found |= {int(child) for child in (task / "children").read_text().split()}
    return found


def is_decoder(pid: int) -> bool:
    """Whether a process is one that decodes."""
    with suppress(OSError):
        return b"dedup_assets.engine.decoders.answering" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def is_alive(pid: int) -> bool:
    """Whether a process has not ended (Linux)."""
    with suppress(OSError):
        return _stat(pid)[0] != "Z"
    return False


def busy_seconds(pid: int) -> float:
    """What a process has computed so far."""
    with suppress(OSError, IndexError):
        fields = _stat(pid)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def ended_seconds() -> float:
    """What the processes that this one had started and that have ended computed, all together."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, from the state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
