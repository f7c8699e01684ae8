"""Rows of pairs, made ready to be shown: each pair once, in order, with both pictures."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from dedup_assets.engine.core.records import Pairs
from dedup_assets.engine.gallery.pages.keeping import Reason, choose_of_pairs
from dedup_assets.engine.gallery.pages.pictures import Illustrate, Picture, describe_differences, tabulate
from dedup_assets.engine.gallery.pages.quantities import Band, name_band


@dataclass(frozen=True)
class ShownPair:
    """One pair on a page; `kept` (A, B or empty) is the suggestion, for a `reason`."""

    a: Picture
    b: Picture
    similarity: float
    kept: str = ""
    reason: str = ""

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
        return self.a.visible and self.b.visible


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


def show_pairs(
    pairs: Pairs, illustrate: Illustrate, *, num_images: int, descending: bool, suggest: bool = False
) -> list[ShownPair]:
    """Return the first `num_images` pairs (all if negative), from the most similar (`descending`) or the least.

    With `suggest`, each says which of the two to keep.
    """
    rows = pairs.rows.sort("distance", descending=descending, maintain_order=True)
    shown = Pairs(rows if num_images < 0 else rows.head(num_images))
    made = [ShownPair(illustrate(os.fsdecode(a)), illustrate(os.fsdecode(b)), similarity) for a, b, similarity in shown]
    return _suggest(made) if suggest else made


def _suggest(pairs: list[ShownPair]) -> list[ShownPair]:
    """Names decide last, and stand in the order of their bytes."""
    names = sorted({os.fsencode(picture.name) for pair in pairs for picture in (pair.a, pair.b)})
    number = {name: place for place, name in enumerate(names)}
    pictures = {number[os.fsencode(picture.name)]: picture for pair in pairs for picture in (pair.a, pair.b)}
    rows = [(number[os.fsencode(pair.a.name)], number[os.fsencode(pair.b.name)]) for pair in pairs]
    table = pl.DataFrame(rows, schema={"a": pl.UInt32, "b": pl.UInt32}, orient="row")
    chosen = choose_of_pairs(table, tabulate(pictures[place] for place in range(len(names))))
    advice = zip(pairs, chosen["side"], chosen["reason"], strict=True)
    return [replace(pair, kept="AB"[side], reason=Reason(reason).words) for pair, side, reason in advice]
