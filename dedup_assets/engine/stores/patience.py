"""Repeat requests to a server that is busy or cannot be reached: a few times, with growing waits.

A server that has failed many times in a row is asked only once per request until it answers, so that a long list of
URLs of a dead server takes bounded time. Failures are counted apart for each host of HTTP and each bucket of a store.
"""

import time
from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from dedup_assets.engine.stores.problems import is_passing, seconds_to_wait

_T = TypeVar("_T")

_WAITS = (0.5, 1.0, 2.0)  # seconds, between two attempts
_LONGEST_WAIT = 30.0  # seconds, even if a server asks for more
_MOST_FAILURES = 8  # requests in a row whose last attempt failed too

_failures: Counter[str] = Counter()  # requests in a row that failed, by server
_lock = Lock()


def ask(server: str, request: Callable[[], _T]) -> _T:
    """The answer to a request.

    Args:
        server: identifies who is asked: a host, or a bucket of a store.
        request: asks once.

    Raises:
        Exception: the failure of the last attempt, or the first failure that another attempt would not change.
    """
    for wait in () if _failures[server] >= _MOST_FAILURES else _WAITS:
        try:
            return _noted(server, request)
        except Exception as error:
            if not is_passing(error):
                raise
            time.sleep(min(max(wait, seconds_to_wait(error)), _LONGEST_WAIT))
    try:
        return _noted(server, request)
    except Exception as error:
        if is_passing(error):
            with _lock:
                _failures[server] += 1
        raise


def _noted(server: str, request: Callable[[], _T]) -> _T:
    answer = request()
    if server in _failures:
        with _lock:
            _failures.pop(server, None)
    return answer
