"""Preparing rows of pairs for a page: each pair once, in order, with both files."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from dedup_assets.engine.core.records import Pairs
from dedup_assets.engine.gallery.pages.differences import describe_differences
from dedup_assets.engine.gallery.pages.keeping import Reason, choose_of_pairs
from dedup_assets.engine.gallery.pages.quantities import Band, name_band
from dedup_assets.engine.gallery.pages.shown_files import BLANK_FILE, Illustrate, ShownFile, tabulate


@dataclass(frozen=True)
class ShownPair:
    """One pair on a page; `keep` (A, B or empty) is the suggestion, and `reason` says why."""

    a: ShownFile
    b: ShownFile
    similarity: float
    keep: str = ""
    reason: str = ""

    @property
    def band(self) -> Band:
        """The word for the similarity."""
        return name_band(self.similarity)

    @property
    def differences(self) -> Sequence[str]:
        """What the two files share and how they differ."""
        return describe_differences(self.a, self.b)

    @property
    def complete(self) -> bool:
        """Whether both files have a picture, so that one can be laid over the other."""
        return self.a.has_thumbnail and self.b.has_thumbnail


BLANK_PAIR = ShownPair(BLANK_FILE, BLANK_FILE, 0.0)


def merge_directions(pairs: Pairs) -> Pairs:
    """Return each unordered pair once, the most similar first; pairs of equal similarity keep their order.

    If a→b and b→a differ, the higher similarity is taken.
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

    With `suggest`, each pair says which of the two files to keep.
    """
    rows = pairs.rows.sort("distance", descending=descending, maintain_order=True)
    shown = Pairs(rows if num_images < 0 else rows.head(num_images))
    made = [ShownPair(illustrate(a), illustrate(b), similarity) for a, b, similarity in shown]
    return _suggest(made) if suggest else made


def _suggest(pairs: list[ShownPair]) -> list[ShownPair]:
    """Add the suggestions. Files are numbered in the byte order of their names, which is the last criterion."""
    names = sorted({file.name for pair in pairs for file in (pair.a, pair.b)})
    number = {name: place for place, name in enumerate(names)}
    files = {number[file.name]: file for pair in pairs for file in (pair.a, pair.b)}
    rows = [(number[pair.a.name], number[pair.b.name]) for pair in pairs]
    table = pl.DataFrame(rows, schema={"a": pl.UInt32, "b": pl.UInt32}, orient="row")
    chosen = choose_of_pairs(table, tabulate(files[place] for place in range(len(names))))
    advice = zip(pairs, chosen["side"], chosen["reason"], strict=True)
    return [
        pair if side is None else replace(pair, keep="AB"[side], reason=Reason(reason).words)
        for pair, side, reason in advice
    ]
