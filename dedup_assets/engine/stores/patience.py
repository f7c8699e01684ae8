"""Asking a server again that is busy or cannot be reached: a few times, each time later.

A host that has failed many times in a row is asked once per request from then on, until it answers: a long list of URLs
of a dead server ends in bounded time.
"""

import time
from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import TypeVar
from urllib.parse import urlsplit

from dedup_assets.engine.stores.problems import is_passing, seconds_to_wait

_T = TypeVar("_T")

_WAITS = (0.5, 1.0, 2.0)  # seconds, between two attempts
_LONGEST_WAIT = 30.0  # whatever a server asks for
_MOST_FAILURES = 8  # requests in a row that failed to the last attempt

_failures: Counter[str] = Counter()  # of hosts
_lock = Lock()


def ask(url: str, request: Callable[[], _T]) -> _T:
    """The answer to a request.

    Args:
        url: whose host is asked.
        request: asks once.

    Raises:
        Exception: the failure of the last attempt, or one that no further attempt can mend.
    """
    host = urlsplit(url).netloc
    for wait in () if _failures[host] >= _MOST_FAILURES else _WAITS:
        try:
            return _noted(host, request)
        except Exception as error:
            if not is_passing(error):
                raise
            time.sleep(min(max(wait, seconds_to_wait(error)), _LONGEST_WAIT))
    try:
        return _noted(host, request)
    except Exception as error:
        if is_passing(error):
            with _lock:
                _failures[host] += 1
        raise


def _noted(host: str, request: Callable[[], _T]) -> _T:
    answer = request()
    if host in _failures:
        with _lock:
            _failures.pop(host, None)
    return answer
