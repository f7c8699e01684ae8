"""What Dagster changes in its process, put back when the run ends: signal handlers and the running event loop.

`run()` is called in scripts, notebooks and services, which go on afterwards as if it had not been called. `instances`
leaves logging alone, `dagster_internals.accepting_beta` the warning filters, `api.startup` the garbage collector.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def restored_signal_handlers() -> Iterator[None]:
    """Put the handlers of SIGINT and SIGTERM back: Dagster gives SIGTERM the handler of SIGINT and leaves it there."""
    if threading.current_thread() is not threading.main_thread():  # where Dagster changes none
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: set by C code, which Python cannot put back
                signal.signal(number, handler)


@contextmanager
def hidden_event_loop() -> Iterator[None]:
    """Hide an event loop that runs in this thread, as in a notebook: Dagster runs one of its own and warns otherwise.

    The host's loop is blocked in the meantime anyway, because the call is synchronous.
    """
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(running)
