"""Keep the neighbours of rows while other rows come and go.

A list of neighbours is the best of its row so far, and its last entry is a bar: whatever it does not hold sorts behind.
So rows that went are taken out, new rows that sort before the bar are put in, and a list that has become shorter than k
is searched for again. With exact search the lists are those of a search of all rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.neighbors.alignment import Alignment
from dedup_assets.engine.neighbors.edges import closest, join_lists


@dataclass(frozen=True)
class Bars:
    """Of some rows the last entry of each list: a new neighbour must sort before it.

    Attributes:
        rows: (r,) int64 rows of now, ascending.
        similarity: (r,) float32; minus infinity where the list holds all other rows, infinity where it is empty.
        row: (r,) int64: equally similar rows below it sort before.
    """

    rows: NDArray[np.int64]
    similarity: NDArray[np.float32]
    row: NDArray[np.int64]

    def sorted_before(self, edges: pl.DataFrame) -> pl.DataFrame:
        """Of edges from these rows those that sort before the bar of their row."""
        place = np.searchsorted(self.rows, edges["from"].to_numpy())
        similarity, bar = edges["similarity"].to_numpy(), self.similarity[place]
        tied = (similarity == bar) & (edges["to"].to_numpy() < self.row[place])
        return edges.filter(pl.Series((similarity > bar) | tied, dtype=pl.Boolean))


Reach = Callable[[Bars], pl.DataFrame]
"""Finds new rows that sort before bars: edges from the rows of the bars to these new rows."""


def keep_lists(
    former: pl.DataFrame, asked: NDArray[np.int64], rows: Alignment, reach: Reach, k: int, most: int
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """Take out rows that went and put in rows that came.

    Args:
        former: edges from former rows to their neighbours, ordered by (from, similarity descending, to).
        asked: (q,) former rows whose lists these are, ascending; all of them may be empty.
        rows: former rows and the rows of now.
        reach: finds the new neighbours.
        k: a list is complete with so many entries, or with all other rows.
        most: entries of a list.

    Returns:
        The edges of rows of now, in the same order; and the rows whose lists are too short, ascending.
    """
    staying = asked[rows.place[asked] >= 0]
    bars = _bars(former, staying, rows)
    edges = rows.moved(former)
    total = len(rows.added) + int((rows.place >= 0).sum())
    if len(rows.added) and len(staying):
        new = reach(bars)
        grown = _is_in(edges["from"], new["from"].to_numpy(), total)
        edges = join_lists([edges.filter(~grown), closest(pl.concat([edges.filter(grown), new]), most)])
    lengths = np.bincount(edges["from"].to_numpy(), minlength=total)[bars.rows]
    short = bars.rows[lengths < min(k, total - 1)]
    return edges.filter(~_is_in(edges["from"], short, total)), short


def _bars(former: pl.DataFrame, staying: NDArray[np.int64], rows: Alignment) -> Bars:
    source = former["from"].to_numpy()
    begins = np.searchsorted(source, staying, side="left")
    ends = np.searchsorted(source, staying, side="right")
    holds_all = ends - begins >= len(rows.place) - 1
    similarity = np.where(holds_all, -np.inf, np.inf).astype(np.float32)
    row = np.zeros(len(staying), np.int64)
    has_bar = ~holds_all & (ends > begins)
    last = ends[has_bar] - 1
    similarity[has_bar] = former["similarity"].to_numpy()[last]
    row[has_bar] = rows.floor[former["to"].to_numpy()[last]]
    return Bars(rows.place[staying], similarity, row)


def _is_in(rows: pl.Series, some: NDArray[np.int64], total: int) -> pl.Series:
    """As `Series.is_in`, by a table of all rows."""
    marked = np.zeros(total, np.bool_)
    marked[some] = True
    return pl.Series(marked[rows.to_numpy()])
