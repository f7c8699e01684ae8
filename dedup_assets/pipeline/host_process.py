"""Undoing what Dagster changes in the process of the caller: signal handlers and the running event loop.

`run()` is called in scripts, notebooks and services, which must find their process unchanged afterwards. `instances`
takes care of logging, `dagster_internals.accepting_beta` of warning filters, `api.startup` of the garbage collector.
"""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def restored_signal_handlers() -> Iterator[None]:
    """Restore the handlers of SIGINT and SIGTERM: Dagster gives SIGTERM the handler of SIGINT and leaves it there."""
    if threading.current_thread() is not threading.main_thread():  # Dagster changes handlers in the main thread only
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: a handler of C code, which Python cannot restore
                signal.signal(number, handler)


@contextmanager
def hidden_event_loop() -> Iterator[None]:
    """Hide an event loop that runs in this thread, as in a notebook. Dagster runs its own loop, and would warn.

    The host's loop is blocked meanwhile anyway, because the call is synchronous.
    """
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(running)
