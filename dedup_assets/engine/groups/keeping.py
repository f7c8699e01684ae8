"""Which image of a group is kept, and why: the only module of the engine that has this rule for groups."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.groups.stars import CopyEdges


class KeepReason(StrEnum):
    """Why an image is kept: the first criterion in which it is ahead of the best of the others."""

    LESS_EDITED = "less edited"
    PIXELS = "more pixels"
    BYTES = "more bytes"
    NAME = "first by name, equal otherwise"
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


def edit_levels(hub: int, members: NDArray[np.int64], edges: CopyEdges) -> NDArray[np.int64]:
    """How edited each member is beside the hub: 1 more, -1 less, 0 as much or unknown."""
    places = edges.find(np.full(len(members), hub), members)
    edited = edges.edited[places].astype(np.int64)
    return np.where(places < 0, 0, np.where(members > hub, edited, -edited))


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
