"""Which image of a star is kept: the best by the rules of `policy` that all others are copies of."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import (
    BORDER_ADDED,
    ENLARGED,
    MARGIN,
    ONE_SIDED,
    PAGE_ADDED,
)
from dedup_assets.engine.groups.policy import EDITED, PART, UPSCALED, Worth
from dedup_assets.engine.groups.stars import CopyEdges

SHOWS_MORE = 0.04
"""Difference of the overlaps from which on one image shows more than the other."""

_SIDES = {"a": -1, "b": 1}
_FRAMES = (BORDER_ADDED, PAGE_ADDED, MARGIN)


ALL_COPIES = "the others are copies of it"
"""Why an image is kept although another is better: not every member is a copy of that one."""

BY_OWN_FACTS = "best by what is known of each image alone"
"""Why an image is kept where comparing two at a time says less than the facts of each."""

BY_EDITS = "comparisons contradict each other, and most of them speak for it"
"""Why an image is kept where comparing two at a time leads in a circle."""

BY_VERDICT = "a verdict keeps it"


def less_to_keep(edited: str, kind: str, overlap_a: float, overlap_b: float) -> int:
    """Which of two copies is less worth keeping, by what was done to it: see `CopyEdges.worse`.

    An image that shows a part of the other one is less worth keeping, whatever else was done to either: in doubt the
    image that shows more is kept. A border, a page or a margin around a picture alone is no more of it.

    Args:
        edited: which of the two is the edited one: a, b, both, or empty.
        kind: what was done, in words.
        overlap_a: share of a's area that b shows.
        overlap_b: share of b's area that a shows.
    """
    side = _SIDES.get(edited, 0)
    shows_less = 0 if abs(overlap_a - overlap_b) < SHOWS_MORE else 1 if overlap_a < overlap_b else -1
    has_frame = any(frame in kind for frame in _FRAMES)
    is_framed = has_frame and (side == -shows_less or "cropped" not in kind)
    if shows_less and not is_framed:
        return PART * shows_less
    is_enlarged_alone = ENLARGED in kind and not any(word in kind for word in ONE_SIDED)
    return side * (UPSCALED if is_enlarged_alone else EDITED)


def edit_levels(hub: int | NDArray[np.int64], members: NDArray[np.int64], edges: CopyEdges) -> NDArray[np.int64]:
    """How much worse than the hub each member is by what was done to it: as of `Worth.beside`; 0 also if unknown."""
    if not (len(members) and len(edges)):
        return np.zeros(len(members), np.int64)
    places = edges.find(np.broadcast_to(hub, members.shape), members)
    worse = edges.worse[places].astype(np.int64)
    return np.where(places < 0, 0, np.where(members > hub, worse, -worse))


def better_than_hub(hub: int, members: NDArray[np.int64], edges: CopyEdges, worth: Worth) -> list[int]:
    """The members of a star that are better to keep than its hub, the best first.

    Args:
        hub: the vertex that all members are joined to.
        members: the others.
        edges: with those between the hub and each member.
        worth: of each vertex.
    """
    gains = worth.beside(hub, members, edit_levels(hub, members, edges))
    better = _deciding(gains) > 0
    order = np.lexsort(-gains.T[::-1])
    return [int(vertex) for vertex in members[order[better[order]]]]


def hubs_to_replace(hub: NDArray[np.int64], edges: CopyEdges, worth: Worth) -> set[int]:
    """The hubs of which `better_than_hub` names a member; of the others it names none.

    Args:
        hub: (n,) the hub of each vertex.
        edges: as of `better_than_hub`.
        worth: likewise.
    """
    members = np.flatnonzero(hub != np.arange(len(hub)))
    hubs = hub[members]
    gains = worth.beside(hubs, members, edit_levels(hubs, members, edges))
    return set(hubs[_deciding(gains) > 0].tolist())


class KeptVertex(NamedTuple):
    """What is kept of a star.

    Attributes:
        kept: a vertex.
        is_best: whether it is the best of all: there may be a better one that is not proven.
        rivals: other vertices that comparisons speak for, where these contradict each other.
    """

    kept: int
    is_best: bool
    rivals: tuple[int, ...] = ()


def choose_kept(
    hub: int, members: NDArray[np.int64], edges: CopyEdges, worth: Worth, able: Collection[int] | None = None
) -> KeptVertex:
    """The vertex of a star to keep.

    From the hub on, the best of those that are better than the kept one and joined to all others is kept instead. What
    is better is known beside the kept one only, so this is repeated. The side of an edit is sometimes mistaken, so that
    this leads in a circle, or to an image beside which others are better that are not proven. Then of the images that
    may be kept that one is which most of the group are edited forms of, because a mistake is made of one pair, and an
    original stands beside many copies.

    Args:
        hub: as of `better_than_hub`.
        members: likewise.
        edges: likewise.
        worth: likewise.
        able: vertices that may be kept; None for those that are joined to all others.
    """
    if not len(members):
        return KeptVertex(hub, is_best=True)
    everyone, kept, seen = np.append(members, hub), hub, [hub]
    while True:
        better = better_than_hub(kept, everyone[everyone != kept], edges, worth)
        proven = (
            vertex
            for vertex in better
            if vertex not in seen and (is_joined_to_all(vertex, everyone, edges) if able is None else vertex in able)
        )
        following = next(proven, None)
        if following is None:
            break
        kept = following
        seen.append(kept)
    if not better:
        return KeptVertex(kept, is_best=True)
    some = {*seen, *(_joined_to_all(everyone, edges) if able is None else able)}
    kept = _with_most_edits(np.array(sorted(some), np.int64), everyone, edges, worth)
    better = better_than_hub(kept, everyone[everyone != kept], edges, worth)
    return KeptVertex(kept, set(seen).issuperset(better), tuple(vertex for vertex in seen if vertex != kept))


def _with_most_edits(some: NDArray[np.int64], everyone: NDArray[np.int64], edges: CopyEdges, worth: Worth) -> int:
    """Of some vertices the one that most of all are edited forms of; of several such ones the best by its own facts.

    A part counts nothing here: which of two shows more is a guess where one of them has a frame.
    """
    made = np.array(
        [(edit_levels(int(vertex), everyone[everyone != vertex], edges) == EDITED).sum() for vertex in some]
    )
    first = some[made == made.max()]
    return int(first[worth.take(first).order()[0]])


def deciding_rule(
    kept: int, rivals: NDArray[np.int64], levels: NDArray[np.int64], worth: Worth
) -> tuple[str, float] | None:
    """The rule by which the kept image is ahead of the next best one, and by how much; None where that one is ahead.

    Args:
        kept: an image.
        rivals: the others, at least one.
        levels: how much worse each of them is by what was done to it, as `edit_levels` gives it.
        worth: of each image.
    """
    gains = worth.beside(kept, rivals, levels)
    next_best = gains[np.lexsort(-gains.T[::-1])[0]]
    place = int(np.flatnonzero(next_best)[0])
    return (worth.rules[place], -float(next_best[place])) if next_best[place] < 0 else None


def _deciding(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each row the first number that is not 0; 0 if all are."""
    first = (gains != 0).argmax(1)
    found: NDArray[np.float64] = gains[np.arange(len(gains)), first]
    return found


def is_joined_to_all(vertex: int, everyone: NDArray[np.int64], edges: CopyEdges) -> bool:
    """Whether a vertex has an edge to each other one."""
    others = everyone[everyone != vertex]
    return bool((edges.find(np.full(len(others), vertex), others) >= 0).all())


def _joined_to_all(everyone: NDArray[np.int64], edges: CopyEdges) -> list[int]:
    """Those of some vertices that have an edge to each other one."""
    able = everyone[edges.degree[everyone] >= len(everyone) - 1]
    return [int(vertex) for vertex in able if is_joined_to_all(int(vertex), everyone, edges)]
