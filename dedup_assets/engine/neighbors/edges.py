"""Turn candidates into edges from a row to its neighbours, with similarities, in one fixed order."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA

EDGE_ORDER = ["from", "similarity", "to"]


def edges_of(
    rows: NDArray[np.int64],
    found: NDArray[np.int64],
    scores: NDArray[np.float64],
    k: int,
    *,
    is_self_search: bool,
) -> pl.DataFrame:
    """Edges from each row to the k best of its candidates, ties by row.

    Args:
        rows: (q,) rows that are searched for.
        found: (q, m) candidates of each; -1 where there is none.
        scores: (q, m) similarities.
        k: most edges of a row.
        is_self_search: a row is not its own neighbour.

    Returns:
        Columns as in `EDGES_SCHEMA`, ordered by (from, similarity descending, to).
    """
    table = pl.DataFrame(
        {"from": np.repeat(rows, found.shape[1]), "to": found.ravel(), "similarity": scores.ravel()},
    )
    others = table.filter(pl.col("to") >= 0)
    if is_self_search:
        others = others.filter(pl.col("to") != pl.col("from"))
    return closest(others, k).select(pl.col(name).cast(kind) for name, kind in EDGES_SCHEMA.items())


def closest(edges: pl.DataFrame, k: int) -> pl.DataFrame:
    """The k best edges of each row, ties by the row that they lead to."""
    ordered = edges.sort("from", "similarity", "to", descending=[False, True, False])
    return ordered.group_by("from", maintain_order=True).head(k)


def join_lists(lists: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Edges of different rows, each ordered as `closest` does, in the same order."""
    joined, *others = lists
    for each in others:
        joined = joined.merge_sorted(each, "from")
    return joined


def first_edges(edges: pl.DataFrame, k: int) -> pl.DataFrame:
    """The first k edges of each row, of edges that are ordered by their rows."""
    source = edges["from"].to_numpy()
    begins = np.flatnonzero(np.diff(source, prepend=source[:1] + 1))  # the first edge of each row
    rank = np.arange(len(source)) - np.repeat(begins, np.diff(begins, append=len(source)))
    return edges.filter(pl.Series(rank < k, dtype=pl.Boolean)) if len(source) else edges
