"""What a misspelt word was meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches


def names_meant(given: Iterable[object], allowed: Iterable[str]) -> str:
    """As `did_you_mean`, for the first of several words that is not allowed and resembles one that is."""
    known = list(allowed)
    wrong = (str(word) for word in given if word not in known)
    return next(filter(None, (did_you_mean(word, known) for word in wrong)), "")


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """The allowed word that a misspelt one resembles, as a question; empty if there is none."""
    near = get_close_matches(given.lower().replace("-", "_"), list(map(str, allowed)), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
