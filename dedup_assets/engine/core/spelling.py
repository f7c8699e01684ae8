"""What a misspelt word was meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """The allowed word that a misspelt one resembles, as a question; empty if there is none."""
    near = get_close_matches(given.lower().replace("-", "_"), list(map(str, allowed)), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
