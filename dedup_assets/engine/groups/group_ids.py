"""Ids of groups: the same pictures give the same id, whatever their names are and whatever else was compared."""

import hashlib
from collections.abc import Iterable, Sequence

_DIGITS = 12


def make_ids(contents: Sequence[Iterable[str]]) -> list[str]:
    """An id for each group, `g-` and 12 hex digits; no two are equal.

    The digits begin the SHA-256 over the sorted contents of the members, each once, so that one more exact copy changes
    nothing. Of two groups with equal digits, which is unlikely below a million groups, the one whose contents come
    later takes the digits after these.

    Args:
        contents: for each group the SHA-256 of the bytes of its members, in hex; no two groups share one.
    """
    texts = [",".join(sorted(set(members))) for members in contents]
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for text in sorted(texts):
        digits, start = hashlib.sha256(text.encode()).hexdigest(), 0
        while digits[start : start + _DIGITS] in taken:
            start += 1
        taken.add(digits[start : start + _DIGITS])
        ids[text] = f"g-{digits[start : start + _DIGITS]}"
    return [ids[text] for text in texts]
