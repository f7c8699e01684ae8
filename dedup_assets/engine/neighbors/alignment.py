"""Which rows of the features are rows that were there before, by their vectors.

Rows keep their order: of rows that changed places (a renamed folder sorts elsewhere) the fewest count as removed and
added, so that ties between neighbours, which go by row, stay as they are.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.records import Features
from dedup_assets.engine.work_dir.searched_rows import ROWS_SCHEMA
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA

_BLOCK_ROWS = 1024  # so that a block stays in the cache
_KEYS = np.random.default_rng(20).integers(0, 1 << 32, (2, 1 << 16), np.uint32)  # vectors of more values repeat them
_ODD = np.uint64(0x9E3779B97F4A7C15)  # mixes two hashes


@dataclass(frozen=True)
class Alignment:
    """Former rows and the rows of now.

    Attributes:
        place: (m,) int64: the row of now of each former row, ascending; -1 where it is gone.
        added: (a,) int64 rows of now that were not there, ascending.
    """

    place: NDArray[np.int64]
    added: NDArray[np.int64]

    @property
    def changes(self) -> int:
        """Rows that came and rows that went."""
        return len(self.added) + int((self.place < 0).sum())

    def moved(self, edges: pl.DataFrame) -> pl.DataFrame:
        """Edges between former rows as edges between rows of now; without those of rows that are gone."""
        source, target = (self.place[edges[side].to_numpy()] for side in ("from", "to"))
        stay = (source >= 0) & (target >= 0)
        table = {"from": source[stay], "to": target[stay], "similarity": edges["similarity"].to_numpy()[stay]}
        return pl.DataFrame(table).cast(EDGES_SCHEMA)  # type: ignore[arg-type]

    @property
    def floor(self) -> NDArray[np.int64]:
        """(m,) int64: the first row of now that is this former row or was behind it; the number of rows if none is."""
        beyond = len(self.added) + int((self.place >= 0).sum())
        rows = np.where(self.place >= 0, self.place, beyond)
        floor: NDArray[np.int64] = np.minimum.accumulate(rows[::-1])[::-1]
        return floor


def identify_rows(features: Features) -> pl.DataFrame:
    """What tells the rows of the features apart: two hashes of each vector, and one of each name.

    The hash is NH of UMAC (Black et al., 1999): sums of products of 32-bit words, to each of which a random word was
    added. Two vectors that differ have the same two hashes with a probability of 2**-64. It takes a third of the time
    of SHA-256, most of which would go to the calls for one row each.
    """
    vectors = features.vectors
    hashes = np.empty((2, len(vectors)), np.uint64)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        words = np.ascontiguousarray(vectors[start : start + _BLOCK_ROWS], "<f4").view(np.uint32)
        for found, keys in zip(hashes, _KEYS, strict=True):
            found[start : start + len(words)] = _hash(words + np.resize(keys, words.shape[1]))
    table = pl.DataFrame({"high": hashes[0], "low": hashes[1], "name": features.names.hash(seed=0)})
    return table.cast(ROWS_SCHEMA)  # type: ignore[arg-type]


def _hash(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Sums of the products of the words of the first and of the second half of each row, modulo 2**64."""
    if words.shape[1] % 2:
        words = np.pad(words, ((0, 0), (0, 1)), constant_values=1)
    half = words.shape[1] // 2
    one, other = words[:, :half], words[:, half:]
    sums: NDArray[np.uint64] = np.einsum("nd,nd->n", one, other, dtype=np.uint64, casting="unsafe")
    return sums


def align(former: pl.DataFrame, now: pl.DataFrame) -> Alignment:
    """Find the rows that stayed.

    Args:
        former: from `identify_rows`.
        now: likewise.
    """
    same = _same_names(former, now)
    sides = ((former, "old"), (now, "new"))
    rest = [table.with_row_index(row).filter(_others(same[row], table.height)) for table, row in sides]
    numbered = [table.with_columns(number=pl.int_range(pl.len()).over("high", "low")) for table in rest]
    moved = numbered[0].join(numbered[1], on=["high", "low", "number"]).select("old", "new")
    pairs = pl.concat([same, moved]).sort("old")
    old, new = (pairs[column].to_numpy().astype(np.int64) for column in ("old", "new"))
    kept = _longest_ascending(new)
    place = np.full(len(former), -1, np.int64)
    place[old[kept]] = new[kept]
    return Alignment(place, np.flatnonzero(_others(pl.Series(new[kept]), len(now))))


def _others(rows: pl.Series, total: int) -> pl.Series:
    """Of each row below `total` whether it is none of these."""
    others = np.ones(total, np.bool_)
    others[rows.to_numpy()] = False
    return pl.Series(others)


def _same_names(former: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Rows with the same name and the same vector."""
    before, after = (
        pl.DataFrame({"mixed": table["high"].to_numpy() ^ (table["name"].to_numpy() * _ODD)})
        .with_row_index(row)
        .unique("mixed", keep="first", maintain_order=True)
        for table, row in ((former, "old"), (now, "new"))
    )
    found = before.join(after, on="mixed")
    old, new = (found[row].to_numpy() for row in ("old", "new"))
    equal = np.ones(len(old), np.bool_)
    for column in ROWS_SCHEMA:  # different rows may have been mixed to the same number
        equal &= former[column].to_numpy()[old] == now[column].to_numpy()[new]
    return found.filter(pl.Series(equal)).select("old", "new")


def _longest_ascending(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of a longest ascending part of distinct values."""
    if (np.diff(values) > 0).all():
        return np.arange(len(values))
    ends: list[int] = []  # the least last value of ascending parts of each length
    places: list[int] = []
    before = np.full(len(values), -1, np.int64)
    for place, value in enumerate(values.tolist()):
        length = bisect_left(ends, value)
        before[place] = places[length - 1] if length else -1
        ends[length : length + 1], places[length : length + 1] = [value], [place]
    chain = [places[-1]]
    while (previous := int(before[chain[-1]])) >= 0:
        chain.append(previous)
    return np.array(chain[::-1], np.int64)
