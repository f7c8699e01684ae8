"""What was proven of pairs, as arrays: the maps between copies, and the stars that follow from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.joining import join
from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.decoders.tasks import Looked
from dedup_assets.engine.groups import (
    CopyEdges,
    Worth,
    better_than_hub,
    choose_kept,
    find_stars,
    hubs_to_replace,
    less_to_keep,
)
from dedup_assets.engine.groups.policy import FACTS_SCHEMA
from dedup_assets.engine.matching.clustering import KeepingJob, Matrix, PairResult, compose


@dataclass(frozen=True)
class Proofs:
    """The pairs that were compared and are one picture.

    Attributes:
        count: number of images.
        results: of all comparisons.
    """

    count: int
    results: Sequence[PairResult]

    @cached_property
    def same(self) -> list[PairResult]:
        """The results that prove one picture, each pair once."""
        first: dict[tuple[int, int], PairResult] = {}
        for result in self.results:
            if result.is_copy:
                first.setdefault((min(result.a, result.b), max(result.a, result.b)), result)
        return list(first.values())

    @cached_property
    def vertex(self) -> NDArray[np.int64]:
        """(count,): equal for images with equal pixels or bytes: the smallest of their numbers."""
        equal = [each for each in self.same if each.compared and each.compared.relation is not Relation.COPY]
        a, b = (np.array([getattr(each, side) for each in equal], np.int64) for side in "ab")
        return join(self.count, a, b).astype(np.int64)

    @cached_property
    def matrices(self) -> dict[tuple[int, int], Matrix]:
        """The map from one vertex to the other, both ways, of each pair of copies."""
        known = [each.compared.matrix for each in self.same if each.compared and each.compared.matrix is not None]
        back = np.linalg.inv(np.array(known).reshape(-1, 3, 3)).reshape(-1, 9).tolist()
        found: dict[tuple[int, int], Matrix] = {}
        inverses = iter(back)
        for each in self.same:
            matrix = each.compared.matrix if each.compared else None
            if matrix is None:
                continue
            one, other = int(self.vertex[each.a]), int(self.vertex[each.b])
            inverse = tuple(next(inverses))
            if one != other:
                found.setdefault((one, other), matrix)
                found.setdefault((other, one), inverse)
        return found

    def keeping_jobs(self, looked: Mapping[int, Looked], named: pl.DataFrame, rules: Sequence[str]) -> list[KeepingJob]:
        """For each star whose centre is not the best image to keep, the pairs that would prove that one.

        Args:
            looked: what is known of images.
            named: (count) rows, the names as `policy.named` gives them.
            rules: which image of a group is kept, as `keep_rules` gives them.
        """
        edges, worth = self._edges(), self._worth(looked, named, rules)
        hub = self._hubs(edges, worth)
        images = np.flatnonzero(hub != np.arange(self.count))
        images = images[np.argsort(hub[images], kind="stable")]
        to_replace, jobs = hubs_to_replace(hub, edges, worth), []
        for members in np.split(images, np.flatnonzero(np.diff(hub[images])) + 1) if len(images) else []:
            center = int(hub[members[0]])
            if center not in to_replace:
                continue
            kept = choose_kept(center, members, edges, worth).kept
            everyone = np.append(members, center)
            for best in better_than_hub(kept, everyone[everyone != kept], edges, worth):
                others = [int(each) for each in everyone if int(each) != best]
                left = [other for other in others if (best, other) not in self.matrices]
                if not left:
                    break
                if not any((best, other) in self._asked for other in left):
                    jobs.append(KeepingJob(best, {other: self._through(best, center, other) for other in left}))
                    break
        return jobs

    def loose(self, looked: Mapping[int, Looked], named: pl.DataFrame, rules: Sequence[str]) -> NDArray[np.bool_]:
        """(count,): which images no star has, and no other image has their pixels; arguments as of `keeping_jobs`."""
        hub = self._hubs(self._edges(), self._worth(looked, named, rules))
        alone = (hub == np.arange(self.count)) & (np.bincount(hub, minlength=self.count) == 1)
        single = np.bincount(self.vertex, minlength=self.count) == 1
        found: NDArray[np.bool_] = (alone & single)[self.vertex]
        return found

    def _hubs(self, edges: CopyEdges, worth: Worth) -> NDArray[np.int64]:
        """(count,): the hub of each vertex."""
        rank = np.empty(self.count, np.int64)
        rank[worth.order()] = np.arange(self.count)
        return find_stars(self.count, edges, rank)

    @cached_property
    def _asked(self) -> set[tuple[int, int]]:
        """The vertices of all pairs that were compared, both ways."""
        pairs = [(int(self.vertex[each.a]), int(self.vertex[each.b])) for each in self.results]
        return {*pairs, *((other, one) for one, other in pairs)}

    def _worth(self, looked: Mapping[int, Looked], named: pl.DataFrame, rules: Sequence[str]) -> Worth:
        rows = [_facts(image, facts) for image, facts in looked.items() if facts.problem is None]
        columns = {name: kind for name, kind in FACTS_SCHEMA.items() if name not in named.columns}
        known = pl.DataFrame(rows, schema={"image": pl.Int64, **columns}, orient="row")
        every = named.with_columns(image=pl.int_range(pl.len()))
        facts = every.join(known, on="image", how="left", maintain_order="left")
        return Worth.of(facts.drop("image"), rules, self.vertex)

    def _through(self, start: int, center: int, end: int) -> Matrix | None:
        return compose(self.matrices.get((center, end)), self.matrices.get((start, center)))

    def _edges(self) -> CopyEdges:
        """Edges between vertices; of several between the same two the first counts."""
        keys: dict[tuple[int, int], int] = {}
        for each in self.same:
            one, other = int(self.vertex[each.a]), int(self.vertex[each.b])
            found = each.compared
            side = less_to_keep(found.edited, found.kind, found.overlap_a, found.overlap_b) if found else 0
            if one != other:
                keys.setdefault((min(one, other), max(one, other)), side if one < other else -side)
        pairs = np.array(sorted(keys), np.int64).reshape(-1, 2)
        worse = np.array([keys[pair] for pair in sorted(keys)], np.int8)
        return CopyEdges(pairs[:, 0], pairs[:, 1], worse, np.arange(len(pairs)))


def _facts(image: int, looked: Looked) -> tuple[Any, ...]:
    """A row of facts of an image but for its name, with its number before it."""
    pixels = looked.width * looked.height if looked.width and looked.height else None
    said = looked.provenance
    own = (image, pixels, looked.size_bytes, said.format)
    return (*own, said.is_lossless, said.jpeg_quality, said.camera, said.taken or None)
