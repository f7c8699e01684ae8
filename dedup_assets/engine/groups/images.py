"""The images of one picture in numbers: which are one vertex, and the edges between vertices."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.joining import join
from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.groups.keeping import less_to_keep
from dedup_assets.engine.groups.policy import FACTS_SCHEMA, Worth
from dedup_assets.engine.groups.stars import CopyEdges
from dedup_assets.engine.groups.verdicts import Ruling


@dataclass(frozen=True)
class Images:
    """The images that are the same picture as another one, in numbers.

    Attributes:
        facts: one row per image, by name: `content`, `carries`, `width`, `height`, `spectrum`, and the columns of
            `FACTS_SCHEMA`.
        a: (m,) int64, of each row of evidence the image a.
        b: (m,) int64, likewise.
        vertex: (n,) int64, of each image: equal for images with the same bytes or pixels, or that a person calls the
            same; 0, 1, ...
        single: (n,) int64, likewise, but for images with the same bytes or pixels alone: what a person joins is apart.
        alike: (n,) int64: equal for images with the same bytes or pixels, whatever people say.
        file: (n,) int64: equal for images with the same bytes.
        worth: of each image, to be kept.
    """

    facts: pl.DataFrame
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    vertex: NDArray[np.int64]
    single: NDArray[np.int64]
    alike: NDArray[np.int64]
    file: NDArray[np.int64]
    worth: Worth

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """(n,) the place of each image where the best is first by its own facts."""
        rank = np.empty(self.facts.height, np.int64)
        rank[self.worth.order()] = np.arange(len(rank))
        return rank

    @classmethod
    def of(cls, same: pl.DataFrame, ruling: Ruling, rules: Sequence[str], labelled: pl.Series | None) -> "Images":
        """The images of the rows of evidence.

        Args:
            same: the rows.
            ruling: the verdicts.
            rules: as `keep_rules` gives them.
            labelled: names of the images that have a label; None if no labels are given.
        """
        names = pl.concat([same["a"], same["b"]]).unique().sort().alias("filename")
        facts = pl.DataFrame(names).join(
            ruling.images.unique("filename", keep="first"), on="filename", how="left", maintain_order="left"
        )
        facts = facts.with_columns(
            pl.coalesce("content", pl.col("filename").bin.encode("hex")), pixels=pl.col("width") * pl.col("height")
        ).select("content", "carries", "width", "height", "spectrum", *FACTS_SCHEMA)
        number = pl.DataFrame({"filename": names, "number": np.arange(len(names))})
        a, b = (
            same.select(filename=side)
            .join(number, on="filename", how="left", maintain_order="left")["number"]
            .to_numpy()
            for side in ("a", "b")
        )
        exact = (same["relation"] == Relation.EXACT).to_numpy()
        pixels, loose = (same["relation"] == Relation.PIXELS).to_numpy(), same["is_loose"].to_numpy()
        one, said = exact | (pixels & ~loose), (same["relation"] == Relation.SAME).to_numpy()
        vertex, single = (
            np.unique(join(len(names), a[rows], b[rows]), return_inverse=True)[1].astype(np.int64)
            for rows in (one | said, one)
        )
        alike = join(len(names), a[exact | pixels], b[exact | pixels]).astype(np.int64)
        file = join(len(names), a[exact], b[exact]).astype(np.int64)
        given = facts.with_columns(is_protected=pl.col("filename").is_in(list(ruling.protected)))
        if labelled is not None:
            given = given.with_columns(is_labelled=pl.col("filename").is_in(labelled.implode()))
        return cls(facts, a, b, vertex, single, alike, file, Worth.of(given, rules, alike))

    def copy_edges(self, same: pl.DataFrame) -> CopyEdges:
        """An edge for each two vertices with a `copy` row; of several rows the first counts."""
        return self._edges(same, self.vertex, (same["relation"] == Relation.COPY) | same["is_loose"])

    def compared(self, same: pl.DataFrame) -> CopyEdges:
        """An edge for each two numbers of `single` that were compared, also without proving that they are copies."""
        is_edge = same["relation"].is_in([Relation.COPY, Relation.VARIANT]) | same["is_loose"]
        return self._edges(same, self.single, is_edge)

    def _edges(self, same: pl.DataFrame, vertex: NDArray[np.int64], is_edge: pl.Series) -> CopyEdges:
        one, other = vertex[self.a], vertex[self.b]
        row = np.flatnonzero(is_edge.to_numpy() & (one != other))
        said = same.select("edited", "kind", pl.col("overlap_a", "overlap_b").fill_null(1.0))[row]
        sides = np.array([less_to_keep(*each) for each in said.iter_rows()], np.int8)
        one, other = one[row], other[row]
        low, high = np.minimum(one, other), np.maximum(one, other)
        order = np.lexsort((row, high, low))
        low, high, row = low[order], high[order], row[order]
        worse = np.where(one > other, -sides, sides)[order]
        first = np.ones(len(row), np.bool_)
        first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
        return CopyEdges(low[first], high[first], worse[first], row[first])

    def members(self, first: Sequence[int], vertex: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The images of each vertex, the best first; the images `first` before all others."""
        order = self.worth.order()
        order = np.concatenate([np.array(first, np.int64), order[~np.isin(order, first)]])
        order = order[np.argsort(vertex[order], kind="stable")]
        return np.split(order, np.flatnonzero(np.diff(vertex[order])) + 1) if len(order) else []
