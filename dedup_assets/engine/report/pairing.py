"""Rows of pairs, made ready to be shown: each pair once, in order, with both pictures."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from dedup_assets.engine.records import Pairs
from dedup_assets.engine.report.pictures import Illustrate, Picture, describe_differences
from dedup_assets.engine.report.quantities import Band, name_band


@dataclass(frozen=True)
class ShownPair:
    """One pair on a page."""

    a: Picture
    b: Picture
    similarity: float

    @property
    def band(self) -> Band:
        """How similar, in a word."""
        return name_band(self.similarity)

    @property
    def differences(self) -> Sequence[str]:
        """What the two files share and how they differ."""
        return describe_differences(self.a, self.b)

    @property
    def complete(self) -> bool:
        """Whether there are two pictures to lay over each other."""
        return self.a.thumbnail is not None and self.b.thumbnail is not None


def merge_directions(pairs: Pairs) -> Pairs:
    """Return the pairs with each unordered pair once, the most similar first, equals in their order.

    Where a→b and b→a differ, the higher similarity stands.
    """
    forward = pl.col("from") <= pl.col("to")
    rows = (
        pairs.rows.sort("distance", descending=True, maintain_order=True)
        .with_columns(
            low=pl.when(forward).then("from").otherwise("to"), high=pl.when(forward).then("to").otherwise("from")
        )
        .unique(["low", "high"], keep="first", maintain_order=True)
        .drop("low", "high")
    )
    return Pairs(rows)


def show_pairs(pairs: Pairs, illustrate: Illustrate, *, num_images: int, descending: bool) -> list[ShownPair]:
    """Return the first `num_images` pairs (all if negative), from the most similar (`descending`) or the least."""
    rows = pairs.rows.sort("distance", descending=descending, maintain_order=True)
    shown = Pairs(rows if num_images < 0 else rows.head(num_images))
    return [ShownPair(illustrate(os.fsdecode(a)), illustrate(os.fsdecode(b)), similarity) for a, b, similarity in shown]
