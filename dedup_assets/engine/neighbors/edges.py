"""From candidates to edges: who is whose neighbour, how similar, in one order."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

EDGES_SCHEMA = {"from": pl.UInt32, "to": pl.UInt32, "similarity": pl.Float32}


def edges_of(
    rows: NDArray[np.int64],
    found: NDArray[np.int64],
    scores: NDArray[np.float64],
    k: int,
    *,
    among_themselves: bool,
) -> pl.DataFrame:
    """Drop gaps (-1) and, among themselves, the row itself; keep the k best, ties in order of the row."""
    table = pl.DataFrame(
        {"from": np.repeat(rows, found.shape[1]), "to": found.ravel(), "similarity": scores.ravel()},
    )
    others = table.filter(pl.col("to") >= 0)
    if among_themselves:
        others = others.filter(pl.col("to") != pl.col("from"))
    return closest(others, k).select(pl.col(name).cast(kind) for name, kind in EDGES_SCHEMA.items())


def closest(edges: pl.DataFrame, k: int) -> pl.DataFrame:
    """The k best edges of each row, ties in order of the row they lead to."""
    ordered = edges.sort("from", "similarity", "to", descending=[False, True, False])
    return ordered.group_by("from", maintain_order=True).head(k)
