"""Turn neighbours into pairs of names, closest first, and into outliers."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.records import Neighbors, Pairs
from dedup_assets.engine.graph.edges import MILLION, blocks_of, is_first, unordered

_DECIMALS = 6
_PLACE_BITS = np.uint64(40)
_PLACE = np.uint64((1 << 40) - 1)
_MOST = 1 << 23  # more than any similarity in millionths


@dataclass(frozen=True)
class PairCount:
    """The number of pairs; a pair that is found in both directions counts once.

    Attributes:
        similar: pairs of at least the wanted similarity.
        identical: pairs of similarity 1.
    """

    similar: int
    identical: int


def similar_pairs(
    neighbors: Neighbors, names: pl.Series, threshold: float, *, found_names: pl.Series | None = None
) -> Pairs:
    """Directed pairs that are at least `threshold` similar, closest first, ties by (from, to).

    Args:
        neighbors: k-nearest-neighbour graph over the rows of `names`.
        names: (n,) binary.
        threshold: similarity, 1 = identical.
        found_names: names of the rows in `to` if these are of another set (the train set); None: `names`.
    """
    # A key is the dissimilarity, then the place among the edges. Edges are in the order of rows, which orders ties.
    keys = np.empty(neighbors.edges.height, np.uint64)
    size = 0
    for block in blocks_of(neighbors.edges):
        kept = block.above(threshold, included=True)
        away = (_MOST - block.millionths[kept]).astype(np.uint64)
        keys[size : size + len(kept)] = (away << _PLACE_BITS) | (kept + block.start).astype(np.uint64)
        size += len(kept)
    keys = keys[:size]
    keys.sort()
    found_names = names if found_names is None else found_names
    places = (keys & _PLACE).astype(np.int64)
    keys >>= _PLACE_BITS
    away = keys.astype(np.int32)
    del keys
    source, target = neighbors.edges["from"].to_numpy()[places], neighbors.edges["to"].to_numpy()[places]
    del places
    if not (_ascend(names) and _ascend(found_names)):
        order = np.lexsort((_ranks(found_names)[target], _ranks(names)[source], away))
        source, target, away = source[order], target[order], away[order]
        del order
    return Pairs(
        pl.DataFrame(
            {"from": names.gather(source), "to": found_names.gather(target), "distance": (_MOST - away) / MILLION},
            schema={"from": pl.Binary, "to": pl.Binary, "distance": pl.Float64},
        )
    )


def count_pairs(
    neighbors: Neighbors, threshold: float, names: pl.Series, *, found_names: pl.Series | None = None
) -> PairCount:
    """The number of pairs in similarity.csv, where a pair that was found from both sides has two rows.

    Arguments as of `similar_pairs`.
    """
    number = None if found_names is None else _numbers_of(names, found_names)
    keys = np.empty(neighbors.edges.height, np.uint64)
    counts = []
    for limit in (threshold, 1.0):
        size = 0
        for block in blocks_of(neighbors.edges):
            kept = block.above(limit, included=True)
            source = block.source[kept]
            some = unordered(source if number is None else number[source], block.target[kept])
            keys[size : size + len(kept)] = some
            size += len(kept)
        keys[:size].sort()
        counts.append(int(is_first(keys[:size]).sum()))
    return PairCount(*counts)


def count_matched(neighbors: Neighbors, threshold: float) -> int:
    """The number of images that were searched for and have at least one neighbour of that similarity."""
    found = (block.source[block.above(threshold, included=True)] for block in blocks_of(neighbors.edges))
    return len(np.unique(np.concatenate([np.empty(0, np.int64), *found])))


def find_outliers(
    neighbors: Neighbors, names: pl.Series, lower_threshold: float, *, found_names: pl.Series | None = None
) -> Pairs:
    """Images whose best similarity to any other is below `lower_threshold`, with that other; most isolated first.

    `found_names` as in `similar_pairs`.
    """
    source = neighbors.edges["from"].to_numpy()
    first = np.ones(len(source), np.bool_)  # edges are ordered by row, then closest first
    np.not_equal(source[1:], source[:-1], out=first[1:])
    nearest = neighbors.edges.filter(pl.Series(first))
    nearest = nearest.with_columns(pl.col("similarity").cast(pl.Float64).round(_DECIMALS))
    lonely = nearest.filter(pl.col("similarity") < lower_threshold)
    return Pairs(_named(lonely, names, found_names).sort("distance", "from", "to"))


def _named(edges: pl.DataFrame, names: pl.Series, found_names: pl.Series | None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "from": names.gather(edges["from"]),
            "to": (names if found_names is None else found_names).gather(edges["to"]),
            "distance": edges["similarity"].cast(pl.Float64),
        },
        schema={"from": pl.Binary, "to": pl.Binary, "distance": pl.Float64},
    )


def _ascend(names: pl.Series) -> bool:
    """Whether the names ascend and differ, as those of a listing do."""
    return bool((names.head(-1) < names.tail(-1)).all()) if len(names) > 1 else True


def _ranks(names: pl.Series) -> NDArray[np.uint32]:
    """The rank of each name among all; equal names share one."""
    order = names.arg_sort().to_numpy()
    sorted_names = names.gather(order)
    steps = (sorted_names.head(-1) != sorted_names.tail(-1)).to_numpy()
    ranks = np.zeros(len(names), np.uint32)
    ranks[order[1:]] = np.cumsum(steps)
    return ranks


def _numbers_of(names: pl.Series, found_names: pl.Series) -> NDArray[np.uint32]:
    """The row of each name in `found_names`; a name that is not there gets a number of its own after these."""
    found = pl.DataFrame({"name": found_names}).with_row_index("row").unique("name", keep="first")
    rows = pl.DataFrame({"name": names}).join(found, on="name", how="left", maintain_order="left")["row"]
    own = pl.int_range(len(found_names), len(found_names) + len(names), dtype=pl.UInt32, eager=True)
    numbers: NDArray[np.uint32] = rows.fill_null(own).to_numpy()
    return numbers
