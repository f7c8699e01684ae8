"""Ends decoding processes of this one while they work, as a file that crashes its decoder would."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOOK_SECONDS = 0.4
_QUICK_SECONDS = 1.0  # of one processor; no picture of the tests takes that but those meant to be slow


@contextmanager
def killer_of_decoders(how: signal.Signals, times: int) -> Iterator[list[int]]:
    """Send a signal to each decoding process that has been busy for a while since the block began, so many times.

    Yields:
        The ids of those that got it.
    """
    killed: list[int] = []
    over = threading.Event()
    known = {pid: busy_seconds(pid) for pid in decoders_of(os.getpid())}

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS) and len(killed) < times:
            for pid in decoders_of(os.getpid()) - set(killed):
                if busy_seconds(pid) - known.get(pid, 0.0) > _QUICK_SECONDS and len(killed) < times:
                    killed.append(pid)
                    os.kill(pid, how)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def decoders_of(pid: int) -> set[int]:
    """The decoding processes that a process has started (Linux)."""
    found = set()
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found |= {int(child) for child in (task / "children").read_text().split() if is_decoder(int(child))}
    return found


def is_decoder(pid: int) -> bool:
    """Whether a process is one that decodes."""
    with suppress(OSError):
        return b"dedup_assets.engine.decoder" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def busy_seconds(pid: int) -> float:
    """What a process has computed so far."""
    with suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
