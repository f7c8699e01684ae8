"""The similarity graph: which images are joined, the sizes of their components, pagerank and degrees."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.graph_settings import GraphSettings
from dedup_assets.engine.core.joining import join
from dedup_assets.engine.core.records import Components, Neighbors
from dedup_assets.engine.graph.edges import MILLION, UndirectedEdges, undirected
from dedup_assets.engine.graph.pagerank import pagerank

_DECIMALS = 6
_INFO = {"component_id": pl.Int64, "count": pl.Int64, "mean": pl.Float64, "min": pl.Float64, "max": pl.Float64}


def build_components(neighbors: Neighbors, graph: GraphSettings) -> Components:
    """Join images by edges with similarity > `ccthreshold`, and describe the graph.

    The graph is undirected: an edge found from both sides counts once. Pagerank is weighted by similarity and sums to
    1. The degree of an image is the number of images that are joined to it directly.

    Args:
        neighbors: k-nearest-neighbour graph.
        graph: threshold, and which columns are computed.

    Returns:
        A row for each image, also for single ones, and a row for each component.
    """
    edges = undirected(neighbors, graph.ccthreshold)
    images = pl.DataFrame({"__id": np.arange(neighbors.images)})
    info = pl.DataFrame(schema=_INFO)
    if graph.run_cc:
        membership = _largest_first(join(neighbors.images, edges.low, edges.high))
        images = images.with_columns(component_id=membership)
        info = _component_info(membership, edges)
    if graph.run_pagerank:
        images = images.with_columns(pagerank=pagerank(neighbors.images, edges))
    if graph.run_degree:
        images = images.with_columns(degree=_degrees(neighbors.images, edges))
    if graph.run_cc:
        described = info.select("component_id", "count", mean_distance="mean", min_distance="min", max_distance="max")
        images = images.join(described, on="component_id", how="left", maintain_order="left")
    return Components(images, info)


def _degrees(images: int, edges: UndirectedEdges) -> NDArray[np.int64]:
    degrees = np.zeros(images, np.int64)
    for block in edges.blocks():
        np.add.at(degrees, edges.low[block], 1)
        np.add.at(degrees, edges.high[block], 1)
    return degrees


def _largest_first(membership: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Number components by size, the largest is 0; equal sizes in the order of their first image."""
    _, first, inverse, counts = np.unique(membership, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -counts))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    renumbered: NDArray[np.int64] = place[inverse]
    return renumbered


def _component_info(membership: NDArray[np.int64], edges: UndirectedEdges) -> pl.DataFrame:
    counts = np.bincount(membership)
    inside, total = np.zeros(len(counts), np.int64), np.zeros(len(counts), np.int64)
    least = np.full(len(counts), np.iinfo(np.int32).max, np.int32)
    most = np.full(len(counts), np.iinfo(np.int32).min, np.int32)
    for block in edges.blocks():
        component, millionths = membership[edges.low[block]], edges.millionths[block]
        np.add.at(inside, component, 1)
        np.add.at(total, component, millionths)
        np.minimum.at(least, component, millionths)
        np.maximum.at(most, component, millionths)
    joined = pl.Series(inside > 0)
    numbers = pl.DataFrame(
        {
            "component_id": np.arange(len(counts)),
            "count": counts,
            "mean": np.round(total / np.maximum(inside, 1) / MILLION, _DECIMALS),
            "min": least / MILLION,
            "max": most / MILLION,
        },
        schema=_INFO,
    )
    return numbers.with_columns(pl.when(joined).then(pl.col("mean", "min", "max")))
