"""Which rows of the features are rows that were there before, by their vectors.

Rows keep their order: of rows that changed places (a renamed folder sorts elsewhere) the fewest count as removed and
added, so that ties between neighbours, which go by row, stay as they are.
"""

import hashlib
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.records import Features
from dedup_assets.engine.work_dir.searched_rows import ROWS_SCHEMA
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA

_HALF = 8  # bytes of a digest in one column
_BLOCK_ROWS = 4096
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
    """What tells the rows of the features apart: half the SHA-256 of each vector, and a hash of each name."""
    vectors, digests = features.vectors, []
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = np.ascontiguousarray(vectors[start : start + _BLOCK_ROWS])
        values, width = memoryview(block.tobytes()), block[0].nbytes
        digests += [
            hashlib.sha256(values[at : at + width]).digest()[: 2 * _HALF] for at in range(0, len(values), width)
        ]
    halves = np.frombuffer(b"".join(digests), "<u8").reshape(len(vectors), 2)
    table = pl.DataFrame({"high": halves[:, 0], "low": halves[:, 1], "name": features.names.hash(seed=0)})
    return table.cast(ROWS_SCHEMA)  # type: ignore[arg-type]


def align(former: pl.DataFrame, now: pl.DataFrame) -> Alignment:
    """Find the rows that stayed.

    Args:
        former: from `identify_rows`.
        now: likewise.
    """
    same = _same_names(former, now)
    before, after = former.with_row_index("old"), now.with_row_index("new")
    rest = [table.join(same, on=row, how="anti") for table, row in ((before, "old"), (after, "new"))]
    numbered = [table.with_columns(number=pl.int_range(pl.len()).over("high", "low")) for table in rest]
    moved = numbered[0].join(numbered[1], on=["high", "low", "number"]).select("old", "new")
    pairs = pl.concat([same, moved]).sort("old")
    old, new = (pairs[column].to_numpy().astype(np.int64) for column in ("old", "new"))
    kept = _longest_ascending(new)
    place = np.full(len(former), -1, np.int64)
    place[old[kept]] = new[kept]
    return Alignment(place, np.setdiff1d(np.arange(len(now)), new[kept]))


def _same_names(former: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Rows with the same name and the same vector."""
    before, after = (table["high"].to_numpy() ^ (table["name"].to_numpy() * _ODD) for table in (former, now))
    _, old, new = np.intersect1d(before, after, return_indices=True)
    equal = np.ones(len(old), np.bool_)
    for column in ROWS_SCHEMA:  # different rows may have been mixed to the same number
        equal &= former[column].to_numpy()[old] == now[column].to_numpy()[new]
    return pl.DataFrame({"old": old[equal], "new": new[equal]}).cast({"old": pl.UInt32, "new": pl.UInt32})


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
