"""What verdicts say, on the vertices of a graph of images, and which of them could not be honoured."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.verdict_records import Conflict, Decided, GivenVerdict, Verdicts
from dedup_assets.engine.groups.verdicts import Ruling


@dataclass
class DecidedVertices:
    """Verdicts on vertices.

    Attributes:
        ruling: what they are made from.
        apart: (k, 2) int64: pairs of vertices that are never in one star.
        kept: vertices that their stars keep, the newest verdict first.
        kept_images: the image that is kept of each of them.
        protected: names that are never acted upon.
    """

    ruling: Ruling
    apart: NDArray[np.int64]
    kept: Sequence[int]
    kept_images: Sequence[int]
    protected: frozenset[bytes]
    _by_vertex: dict[int, GivenVerdict]
    _conflicts: list[Conflict] = field(default_factory=list)

    @classmethod
    def of(cls, ruling: Ruling, names: pl.Series, vertex: NDArray[np.int64]) -> "DecidedVertices":
        """Find the vertices of the names that verdicts are about; an image that is in no row of evidence has none.

        Args:
            ruling: the verdicts.
            names: (n,) binary.
            vertex: (n,) int64, of each image.
        """
        wanted = {name for *pair, _ in ruling.apart for name in pair} | {name for name, _ in ruling.kept}
        chosen = np.flatnonzero(names.is_in(list(wanted)).to_numpy()).tolist() if wanted else []
        number = {names[image]: image for image in chosen}
        pairs = {
            (int(vertex[number[one]]), int(vertex[number[other]]))
            for one, other, _ in ruling.apart
            if one in number and other in number
        }
        apart = np.array(sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}), np.int64).reshape(
            -1, 2
        )
        by_vertex: dict[int, GivenVerdict] = {}
        images, conflicts = [], []
        for name, verdict in ruling.kept:
            if name not in number:
                continue
            place = int(vertex[number[name]])
            if place in by_vertex:
                conflicts.append(_overruled(verdict, by_vertex[place]))
            else:
                by_vertex[place] = verdict
                images.append(number[name])
        return cls(ruling, apart, list(by_vertex), images, ruling.protected, by_vertex, conflicts)

    def see(self, hub: NDArray[np.int64]) -> None:
        """Note which vertices are not kept, because a newer verdict keeps another one of the same star.

        Args:
            hub: (vertices,) as `find_stars` gives it.
        """
        for vertex, verdict in self._by_vertex.items():
            center = int(hub[vertex])
            if center != vertex:
                self._conflicts.append(_overruled(verdict, self._by_vertex[center]))

    def outcome(self, verdicts: Verdicts) -> Decided:
        """What the verdicts did."""
        active = verdicts.active()
        conflicts = sorted([*self.ruling.conflicts, *self._conflicts], key=lambda each: (each.line, each.verdict_id))
        refused = {each.verdict_id for each in conflicts}
        applied = sum(verdict.verdict_id not in refused for verdict in self.ruling.applied)
        ruled = sum(bool(each.verdict) for each in self.ruling.conflicts) + len(self.ruling.applied)
        elsewhere = len(active) - ruled
        edited = self.ruling.edited
        unmatched = tuple(each for each in self.ruling.unmatched if each.verdict_id not in {id_ for _, id_ in edited})
        return Decided(verdicts.digest, len(active), applied, elsewhere, edited, unmatched, tuple(conflicts))


def _overruled(verdict: GivenVerdict, newer: GivenVerdict) -> Conflict:
    said = f"{newer.verdict_id}, which is newer, keeps another image of the same group"
    return Conflict(verdict.line, verdict.verdict_id, said, (newer.verdict_id,), verdict)
