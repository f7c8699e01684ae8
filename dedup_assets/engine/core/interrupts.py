"""Ctrl-C and SIGTERM in a program of ours: one line on stderr and one exit code, whenever they come.

While the program is loaded and when its work is done, nothing is under way, and a KeyboardInterrupt in the middle of an
import would be a traceback or be lost. At these times the process ends at once; in between, the signals raise
KeyboardInterrupt. A process that is not a program of ours, as one that calls `run()`, is left as it is.
"""

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType

INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_MOST_NOTED = 4096
_IMPORTING = "<frozen importlib"  # beginning of the file name of the frames of an import
_AGAIN_SECONDS = 0.05
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Program:
    """What this process does with the signals, as a program of ours.

    Attributes:
        signals: those that it handles; none in a process that is not a program of ours.
        is_interrupted: whether it ends because of one.
        exit_code: that it ends with, once that is known.
        noted: a pipe to which the system writes the number of each signal, whoever handles it; None before the work.
    """

    def __init__(self) -> None:
        self.signals: set[int] = set()
        self.is_interrupted = False
        self.exit_code: int | None = None
        self.noted: int | None = None


_program = _Program()


def begin_program() -> None:
    """Make this process a program of ours, which ends at once when a signal comes until its work begins.

    Signals that the process ignores, as with nohup, stay ignored.
    """
    _program.signals = {number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN}
    atexit.register(_end)  # the first one that is registered runs last
    _end_at("interrupted before anything was done")


def begin_work() -> None:
    """Let the signals of a program raise KeyboardInterrupt from now on, but not in the middle of an import."""
    if _program.signals:
        _program.noted, written = os.pipe()
        os.set_blocking(_program.noted, False)
        os.set_blocking(written, False)
        signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    for number in _program.signals:
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; during an import later, because libraries in C would panic or hide it."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORTING):
            again = threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
            return
        frame = frame.f_back
    raise KeyboardInterrupt


def was_interrupted() -> bool:
    """Whether a signal has come since the work began: then an error is its consequence.

    Processes that were started meanwhile end by the signal, too, and while Dagster handles it, libraries in C may turn
    it into an ImportError.
    """
    if _program.noted is not None and not _program.is_interrupted:
        with suppress(BlockingIOError):
            _program.is_interrupted = not _program.signals.isdisjoint(os.read(_program.noted, _MOST_NOTED))
    return _program.is_interrupted


def end_work(*, interrupted: bool = False) -> None:
    """Let a program end at once from now on when a signal comes, even if it still waits for a thread or a process.

    Args:
        interrupted: whether it ends because of a signal. Its exit code is then that of an interrupt.
    """
    _program.is_interrupted = _program.is_interrupted or interrupted
    _end_at("interrupted while it ended")


def _end_at(said: str) -> None:
    line = f"dedup-assets: {said}\n".encode()

    def end(_number: int, _frame: FrameType | None) -> None:
        try:
            os.write(2, line)
        finally:
            os._exit(INTERRUPTED)

    for number in _program.signals:
        signal.signal(number, end)


def note_exit_code(code: object) -> None:
    """Note what a program that is no longer at work ends with, as SystemExit has it."""
    if code is None or isinstance(code, int):
        _program.exit_code = code or 0


def _end() -> None:
    """End a program when all functions for its end have run.

    While Python takes its objects apart, a signal would end it without a word. Where KeyboardInterrupt has passed
    through code that was compiled at run time, Python would end by SIGINT even if it was caught.
    """
    if _program.exit_code is not None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # closed, full or absent
                stream.flush()
        os._exit(_program.exit_code & 0xFF)
