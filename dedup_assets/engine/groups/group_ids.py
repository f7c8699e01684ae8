"""Ids of groups: the same pictures give the same id, whatever their names are and whatever else was compared."""

import hashlib
from collections.abc import Collection, Iterable, Sequence

_DIGITS = 12


def make_ids(contents: Sequence[Iterable[str]], taken: Collection[str] = ()) -> list[str]:
    """An id for each group, `g-` and 12 hex digits; no two are equal, and none is taken.

    The digits begin the SHA-256 over the sorted contents of the members, each once, so that one more exact copy changes
    nothing. Of two groups with equal digits, which is unlikely below a million groups, the one whose contents come
    later takes the digits after these.

    Args:
        contents: for each group the SHA-256 of the bytes of its members, in hex; no two groups share one.
        taken: ids that no group may get; a group that would takes later digits.
    """
    texts = [",".join(sorted(set(members))) for members in contents]
    ids: dict[str, str] = {}
    used = set(taken)
    for text in sorted(texts):
        digits, start = hashlib.sha256(text.encode()).hexdigest(), 0
        while f"g-{digits[start : start + _DIGITS]}" in used:
            start += 1
        ids[text] = f"g-{digits[start : start + _DIGITS]}"
        used.add(ids[text])
    return [ids[text] for text in texts]
