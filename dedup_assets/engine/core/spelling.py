"""Words that a caller gave, and what a misspelt one was meant to be."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches


def words_given(given: object) -> list[str] | None:
    """Words from one text with commas between them, or from a collection of such texts; None for anything else."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, Collection) or not all(isinstance(text, str) for text in texts):
        return None
    return [word for text in texts for each in text.split(",") if (word := each.strip())]


def names_meant(given: Iterable[object], allowed: Iterable[str]) -> str:
    """As `did_you_mean`, for the first of several words that is not allowed and resembles one that is."""
    known = list(allowed)
    wrong = (str(word) for word in given if word not in known)
    return next(filter(None, (did_you_mean(word, known) for word in wrong)), "")


def did_you_mean(given: str, allowed: Iterable[object]) -> str:
    """The allowed word that a misspelt one resembles, as a question; empty if there is none."""
    near = nearest(given.replace("-", "_"), allowed)
    return f" (did you mean {near!r}?)" if near else ""


def nearest(given: str, allowed: Iterable[object]) -> str:
    """The allowed word that a word resembles, whatever the case of letters; empty if there is none."""
    known = {str(word).lower(): str(word) for word in allowed}
    near = get_close_matches(given.lower(), list(known), n=1)
    return known[near[0]] if near else ""
