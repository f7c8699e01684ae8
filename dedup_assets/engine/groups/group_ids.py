"""Ids of groups: the same pictures give the same id, whatever their names are and whatever else was compared."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence

_DIGITS = 12


def make_ids(contents: Sequence[Iterable[str]], taken: Collection[str] = ()) -> list[str]:
    """An id for each group, `g-` and 12 hex digits; no two are equal, and none is taken.

    The digits begin the SHA-256 over the sorted contents of the members, each once, so that one more exact copy changes
    nothing. Of two groups with equal digits, which is unlikely below a million groups, the one whose contents come
    later takes the digits after these; so does the later of two groups with equal contents, as equal frames of videos
    may have that no comparison has joined.

    Args:
        contents: for each group the SHA-256 of the bytes of its members, in hex.
        taken: ids that no group may get; a group that would takes later digits.
    """
    texts = [",".join(sorted(set(members))) for members in contents]
    ids = [""] * len(texts)
    used = set(taken)
    for place in sorted(range(len(texts)), key=lambda place: (texts[place], place)):
        ids[place] = next(each for each in _candidates(texts[place]) if each not in used)
        used.add(ids[place])
    return ids


def _candidates(text: str) -> Iterator[str]:
    """The ids that a group with these contents may have, the first one first."""
    seed = text.encode()
    while True:
        digits = hashlib.sha256(seed).hexdigest()
        yield from (f"g-{digits[start : start + _DIGITS]}" for start in range(len(digits) - _DIGITS + 1))
        seed = digits.encode()
