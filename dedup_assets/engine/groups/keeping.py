"""Which image of a group is kept, and why: the only module of the engine that has this rule for groups."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import BORDER_ADDED, PAGE_ADDED
from dedup_assets.engine.groups.stars import CopyEdges

PART = 2
"""How much worse an image is that shows a part of another one; 1 is for other edits."""

_SHOWS_MORE = 0.04  # difference of the overlaps
_SIDES = {"a": -1, "b": 1}


class KeepReason(StrEnum):
    """Why an image is kept: the first criterion in which it is ahead of the best of the others."""

    SHOWS_MORE = "shows more"
    LESS_EDITED = "less edited"
    PIXELS = "more pixels"
    BYTES = "more bytes"
    NAME = "first by name, of equal size"
    ALL_COPIES = "the others are copies of it"
    """Another image is better, but not every member is a copy of that one."""


def quality_ranks(pixels: NDArray[np.int64], size_bytes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rank of each image among all, 0 is the best: more pixels, then more bytes, then the first.

    Args:
        pixels: (n,) width times height of the file; 0 if unknown.
        size_bytes: (n,) -1 if unknown.
    """
    order = np.lexsort((-size_bytes, -pixels))  # stable: the first of equal ones stays ahead
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def less_to_keep(edited: str, kind: str, overlap_a: float, overlap_b: float) -> int:
    """Which of two copies is less worth keeping, by what was done to it: see `CopyEdges.worse`.

    An image that shows a part of the other one is less worth keeping, whatever else was done to either: in doubt the
    image that shows more is kept. A border or a page around a picture alone is no more of it.

    Args:
        edited: which of the two is the edited one: a, b, both, or empty.
        kind: what was done, in words.
        overlap_a: share of a's area that b shows.
        overlap_b: share of b's area that a shows.
    """
    side = _SIDES.get(edited, 0)
    shows_less = 0 if abs(overlap_a - overlap_b) < _SHOWS_MORE else 1 if overlap_a < overlap_b else -1
    is_framed = side == -shows_less and (BORDER_ADDED in kind or PAGE_ADDED in kind)
    return side if not shows_less or is_framed else PART * shows_less


def edit_levels(hub: int, members: NDArray[np.int64], edges: CopyEdges) -> NDArray[np.int64]:
    """How much worse than the hub each member is by what was done to it: PART, 1, 0 (or unknown), -1 or -PART."""
    places = edges.find(np.full(len(members), hub), members)
    worse = edges.worse[places].astype(np.int64)
    return np.where(places < 0, 0, np.where(members > hub, worse, -worse))


def better_than_hub(hub: int, members: NDArray[np.int64], edges: CopyEdges, rank: NDArray[np.int64]) -> list[int]:
    """The members of a star that are better to keep than its hub, the best first.

    Args:
        hub: the vertex that all members are joined to.
        members: the others.
        edges: with those between the hub and each member.
        rank: of each vertex, as `quality_ranks` gives it.
    """
    levels = edit_levels(hub, members, edges).tolist()
    keys = [(level, int(rank[member]), member) for level, member in zip(levels, members.tolist(), strict=True)]
    return [member for level, place, member in sorted(keys) if (level, place) < (0, int(rank[hub]))]


def choose_kept(hub: int, members: NDArray[np.int64], edges: CopyEdges, rank: NDArray[np.int64]) -> tuple[int, bool]:
    """The vertex of a star to keep, and whether it is the best of all: there may be a better one that is not proven.

    From the hub on, the best of those that are better than the kept one and joined to all others is kept instead. What
    is better is known beside the kept one only, so this is repeated.

    Arguments as of `better_than_hub`.
    """
    everyone, kept, seen = np.append(members, hub), hub, {hub}
    while True:
        better = better_than_hub(kept, everyone[everyone != kept], edges, rank)
        proven = (vertex for vertex in better if vertex not in seen and _is_joined_to_all(vertex, everyone, edges))
        following = next(proven, None)
        if following is None:
            return kept, seen.issuperset(better)
        kept = following
        seen.add(kept)


def _is_joined_to_all(vertex: int, everyone: NDArray[np.int64], edges: CopyEdges) -> bool:
    others = everyone[everyone != vertex]
    return bool((edges.find(np.full(len(others), vertex), others) >= 0).all())
