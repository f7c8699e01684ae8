"""Pairs that a verdict keeps out of one star: the one that is farther from the kept image leaves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup_assets.engine.core.joining import join
from dedup_assets.engine.groups.stars import CopyEdges, find_stars

ChooseKept = Callable[[int, NDArray[np.int64], CopyEdges], int]
"""Gives the kept vertex of a star: of its hub, the others and the edges."""


@dataclass(frozen=True)
class Separation:
    """What is to be apart.

    Attributes:
        apart: (k, 2) int64: pairs of vertices that are never in one star.
        first: hubs that are taken before all others, in this order.
        closeness: (rows,) float64: the similarity of each row of evidence, by which edges are compared.
        rank: (n,) of each vertex, the lower the better.
        choose_kept: see `ChooseKept`; not asked about stars of the vertices `first`.
    """

    apart: NDArray[np.int64]
    first: Sequence[int]
    closeness: NDArray[np.float64]
    rank: NDArray[np.int64]
    choose_kept: ChooseKept

    def of(self, edges: CopyEdges) -> CopyEdges:
        """The edges without those that would bring two vertices of a pair into one star."""
        if not len(self.apart):
            return edges
        count = len(self.rank)
        direct = edges.find(self.apart[:, 0], self.apart[:, 1])
        stays = np.ones(len(edges), np.bool_)
        stays[direct[direct >= 0]] = False
        # Only components with such a pair can change, and the others need not be cut into stars for that.
        component = join(count, edges.low, edges.high)
        touched = self.apart[component[self.apart[:, 0]] == component[self.apart[:, 1]]]
        is_near = np.isin(component[edges.low], component[touched[:, 0]])
        removed = self._removed(edges.take(np.flatnonzero(is_near & stays)), touched)
        gone = edges.find(removed[:, 0], removed[:, 1])
        stays[gone] = False
        return edges.take(np.flatnonzero(stays))

    def _removed(self, edges: CopyEdges, apart: NDArray[np.int64]) -> NDArray[np.int64]:
        """(m, 2): ends of the edges that go until no star holds both vertices of a pair."""
        removed: list[tuple[int, int]] = []
        while True:
            hub = find_stars(len(self.rank), edges, self.rank, self.first)
            together = apart[(hub[apart[:, 0]] == hub[apart[:, 1]])]
            if not len(together):
                return np.array(removed, np.int64).reshape(-1, 2)
            leaving: set[tuple[int, int]] = set()
            settled: set[int] = set()
            for one, other in together.tolist():
                center = int(hub[one])
                if center not in settled:  # the others of the same star are looked at again
                    settled.add(center)
                    leaving |= self._leave(center, one, other, hub, edges)
            removed += sorted(leaving)
            ends = np.array(sorted(leaving), np.int64)
            stays = np.ones(len(edges), np.bool_)
            stays[edges.find(ends[:, 0], ends[:, 1])] = False
            edges = edges.take(np.flatnonzero(stays))

    def _leave(
        self, center: int, one: int, other: int, hub: NDArray[np.int64], edges: CopyEdges
    ) -> set[tuple[int, int]]:
        """The edges that go so that one of two vertices leaves a star."""
        members = np.flatnonzero(hub == center)
        kept = center if center in self.first else self.choose_kept(center, members[members != center], edges)
        leaver = max((one, other), key=lambda vertex: self._distance(vertex, kept, center, edges))
        ends = ((leaver, end) for end in {center, kept} - {leaver})
        return {pair for pair in ends if edges.find(*(np.array([end], np.int64) for end in pair))[0] >= 0}

    def _distance(self, vertex: int, kept: int, center: int, edges: CopyEdges) -> tuple[bool, bool, float, int]:
        """How far a vertex is from the kept one; a sort key. The hub cannot leave its own star."""
        place = int(edges.find(np.array([vertex], np.int64), np.array([kept], np.int64))[0])
        closeness = 1.0 if vertex == kept else float(self.closeness[edges.row[place]]) if place >= 0 else -1.0
        return vertex != center, vertex != kept, -closeness, int(self.rank[vertex])
