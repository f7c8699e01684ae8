"""Parameters of an address."""

from collections import Counter

from starlette.requests import Request


def find_repeated(request: Request) -> str:
    """Which parameter is given more than once, in words; empty if none is.

    One of the values would be taken without a word, and nobody knows which one was meant.
    """
    counts = Counter(name for name, _ in request.query_params.multi_items())
    repeated = ((name, count) for name, count in counts.items() if count > 1)
    return next((f"{name!r:.40} is given {count:,} times: give each parameter once" for name, count in repeated), "")
