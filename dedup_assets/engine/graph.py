"""Neighbours to pairs, outliers, and the similarity graph with its components, pagerank and degrees.

RUN.md, "Graph computation"; what the columns mean is settled in the class docstrings of `records`.
"""

import igraph
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.records import Components, Neighbors, Pairs
from dedup_assets.settings import GraphSettings

_DAMPING = 0.85  # Brin and Page 1998
_DECIMALS = 6
_SHARED_AT_ONCE = 1 << 16


def similar_pairs(
    neighbors: Neighbors, names: pl.Series, threshold: float, *, found_names: pl.Series | None = None
) -> Pairs:
    """Directed pairs at least `threshold` similar, closest first, ties by (from, to).

    Args:
        neighbors: k-nearest-neighbour graph over the rows of `names`.
        names: (n,) binary.
        threshold: similarity, 1 = identical.
        found_names: names of the rows in `to`, where these are of another set (the train set); else `names`.
    """
    kept = _exactly(neighbors.edges).filter(pl.col("similarity") >= threshold)
    return Pairs(_named(kept, names, found_names).sort("distance", "from", "to", descending=[True, False, False]))


def count_pairs(rows: pl.DataFrame) -> int:
    """How many pairs rows of similarity.csv are: a pair found from both sides stands in two rows."""
    return rows.select(pl.min_horizontal("from", "to").alias("low"), pl.max_horizontal("from", "to")).n_unique()


def find_outliers(
    neighbors: Neighbors, names: pl.Series, lower_threshold: float, *, found_names: pl.Series | None = None
) -> Pairs:
    """Images whose best similarity to any other is below `lower_threshold`, with that one; most isolated first.

    `found_names` as in `similar_pairs`: the others are then the images of that set.
    """
    nearest = _exactly(neighbors.edges).group_by("from", maintain_order=True).first()
    lonely = nearest.filter(pl.col("similarity") < lower_threshold)
    return Pairs(_named(lonely, names, found_names).sort("distance", "from", "to"))


def build_components(neighbors: Neighbors, graph: GraphSettings) -> Components:
    """Join images by edges with similarity > `ccthreshold` and describe the graph.

    The graph is undirected: an edge found from both sides counts once. Pagerank is weighted by similarity
    (igraph's PRPACK) and sums to 1; degree is the number of different images joined to an image.

    Args:
        neighbors: k-nearest-neighbour graph.
        graph: threshold and which columns to compute.

    Returns:
        A row for each image, singletons included, and a row for each component.
    """
    edges = _undirected(neighbors, graph.ccthreshold)
    low, high = edges["low"].to_numpy(), edges["high"].to_numpy()
    images = pl.DataFrame({"__id": np.arange(neighbors.images)})
    info = pl.DataFrame(
        schema={"component_id": pl.Int64, "count": pl.Int64, "mean": pl.Float64, "min": pl.Float64, "max": pl.Float64}
    )
    if graph.run_cc:
        membership = _largest_first(join(neighbors.images, low, high))
        images = images.with_columns(component_id=membership)
        info = _component_info(membership, edges)
    if graph.run_pagerank:
        images = images.with_columns(pagerank=_pagerank(neighbors.images, edges))
    if graph.run_degree:
        degree = np.bincount(low, minlength=neighbors.images) + np.bincount(high, minlength=neighbors.images)
        images = images.with_columns(degree=degree)
    if graph.run_cc:
        described = info.select("component_id", "count", mean_distance="mean", min_distance="min", max_distance="max")
        images = images.join(described, on="component_id", how="left", maintain_order="left")
    return Components(images, info)


def _exactly(edges: pl.DataFrame) -> pl.DataFrame:
    """Similarities as the files show them: float32 would put 0.85 on the wrong side of itself."""
    return edges.with_columns(pl.col("similarity").cast(pl.Float64).round(_DECIMALS))


def _named(edges: pl.DataFrame, names: pl.Series, found_names: pl.Series | None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "from": names.gather(edges["from"]),
            "to": (names if found_names is None else found_names).gather(edges["to"]),
            "distance": edges["similarity"].cast(pl.Float64),
        },
        schema={"from": pl.Binary, "to": pl.Binary, "distance": pl.Float64},
    )


def _undirected(neighbors: Neighbors, ccthreshold: float) -> pl.DataFrame:
    return (
        _exactly(neighbors.edges)
        .filter(pl.col("similarity") > ccthreshold)
        .select(
            low=pl.min_horizontal("from", "to"),
            high=pl.max_horizontal("from", "to"),
            similarity="similarity",
        )
        .unique(["low", "high"], keep="first", maintain_order=True)
        .sort("low", "high")
    )


def join(images: int, low: NDArray[np.uint32], high: NDArray[np.uint32]) -> NDArray[np.int64]:
    """The first image of the component that each image is in.

    Every component takes the smallest number among its neighbours until none is smaller, which at least halves the
    components in each round (minimum hooking with full compression; Awerbuch and Shiloach 1987).
    """
    first = np.arange(images)
    while len(low):
        left, right = first[low], first[high]
        apart = left != right
        low, high, left, right = low[apart], high[apart], left[apart], right[apart]
        np.minimum.at(first, np.maximum(left, right), np.minimum(left, right))
        while not np.array_equal(shorter := first[first], first):
            first = shorter
    return first


def _pagerank(images: int, edges: pl.DataFrame) -> NDArray[np.float64]:
    network = igraph.Graph(n=images, edges=edges.select("low", "high").to_numpy())
    # igraph takes weights as a list alone; similarities have few different values, which it can share.
    values, places = np.unique(edges["similarity"].to_numpy(), return_inverse=True)
    shared = values.tolist()
    weights: list[float] = []
    for start in range(0, len(places), _SHARED_AT_ONCE):
        weights.extend(map(shared.__getitem__, places[start : start + _SHARED_AT_ONCE].tolist()))
    return np.array(network.pagerank(directed=False, damping=_DAMPING, weights=weights), np.float64)


def _largest_first(membership: NDArray[np.int64]) -> NDArray[np.int64]:
    """Renumber components by size, largest 0; equal sizes in the order of their first image."""
    _, first, inverse, counts = np.unique(membership, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -counts))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    renumbered: NDArray[np.int64] = rank[inverse]
    return renumbered


def _component_info(membership: NDArray[np.int64], edges: pl.DataFrame) -> pl.DataFrame:
    counts = pl.DataFrame({"component_id": membership}).group_by("component_id").agg(count=pl.len().cast(pl.Int64))
    inside = edges.with_columns(component_id=pl.Series(membership[edges["low"].to_numpy()], dtype=pl.Int64))
    similarity = inside.group_by("component_id").agg(
        mean=pl.col("similarity").mean().round(_DECIMALS),
        min=pl.col("similarity").min(),
        max=pl.col("similarity").max(),
    )
    return counts.join(similarity, on="component_id", how="left").sort("component_id")
