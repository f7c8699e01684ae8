"""Pictures that show nothing (flat, black, blank) match only exact copies.

The vectors of such pictures are nearly equal, whatever the pictures are of: by similarity alone, the black frames of
different films are copies of each other. `Shard.images` marks them with a hash of the file; equal hashes are exact
copies. All other edges of these images are dropped.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from dedup_assets.engine.core.records import Neighbors, SearchIndex
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.neighbors.edges import EDGE_ORDER, closest
from dedup_assets.engine.neighbors.recall import SearchData
from dedup_assets.engine.neighbors.search import search_all, within_range
from dedup_assets.engine.work_dir.tables import EDGES_SCHEMA

_GROWTH = 8  # times the neighbours, each time that an image is searched again
_MOST_NEIGHBORS = 1024  # of one image that is searched again
_EDGES_AT_ONCE = 1 << 22  # bounds memory


def match_exact_copies_alone(
    neighbors: Neighbors,
    data: SearchData,
    marks: tuple[pl.Series, pl.Series],
    index: SearchIndex,
    search: SearchSettings,
    threads: int,
) -> Neighbors:
    """Drop the edges of images that show nothing, other than those between exact copies.

    An image that loses edges to such images is searched again for its k nearest of the others, among its 1,024 nearest
    of all.

    Args:
        neighbors: of all queries.
        data: the vectors of the search.
        marks: for each query, and for each of `data.vectors`, null, or a hash of the file of an image that shows
            nothing; empty: it has no copies.
        index: over `data.vectors`.
        search: k and metric.
        threads: most threads that search.

    Returns:
        The same neighbours if no image is marked.

    Raises:
        SearchError: as the search.
    """
    queries, found = marks
    if queries.null_count() == len(queries) and found.null_count() == len(found):
        return neighbors
    edges = _between_informative(neighbors.edges, queries, found)
    lost = neighbors.edges.join(edges, on=["from", "to"], how="anti")["from"].unique()
    rows = lost.filter(queries.gather(lost).is_null()).sort()
    k = search.k
    while len(rows) and k < min(_MOST_NEIGHBORS, len(data.vectors) - data.is_self_search):
        k = min(_GROWTH * k, _MOST_NEIGHBORS)
        wider = replace(search, k=k, range_from=None)
        at_once = max(1, _EDGES_AT_ONCE // k)
        again = [rows.slice(start, at_once).to_numpy().astype(np.int64) for start in range(0, len(rows), at_once)]
        nearest = (search_all(data, some, index, wider, threads) for some in again)
        more = pl.concat([closest(_between_informative(some, queries, found), search.k) for some in nearest])
        edges = pl.concat([edges, more]).unique(["from", "to"], maintain_order=True)
        served = more.group_by("from").len().filter(pl.col("len") >= search.k)["from"]
        rows = rows.filter(~rows.is_in(served.implode()))
    edges = edges.sort(EDGE_ORDER, descending=[False, True, False])
    edges = closest(edges, search.k) if search.range_from is None else within_range(edges, search)
    copies = _copies(queries, found, search, is_self_search=data.is_self_search)
    edges = pl.concat([edges, copies]).sort(EDGE_ORDER, descending=[False, True, False])
    return replace(neighbors, edges=edges)


def _between_informative(edges: pl.DataFrame, queries: pl.Series, found: pl.Series) -> pl.DataFrame:
    informative = queries.is_null().gather(edges["from"]) & found.is_null().gather(edges["to"])
    return edges.filter(informative)


def _copies(queries: pl.Series, found: pl.Series, search: SearchSettings, *, is_self_search: bool) -> pl.DataFrame:
    """Edges between images with equal hashes, in the order of rows, as many as the search gives at most."""
    most = search.k if search.range_from is None else max(search.k, search.range_limit)
    source = _marked(queries).rename({"row": "from"})
    target = _marked(found).rename({"row": "to"}).group_by("mark", maintain_order=True).head(most + is_self_search)
    pairs = source.join(target, on="mark", maintain_order="left_right")
    if is_self_search:
        pairs = pairs.filter(pl.col("from") != pl.col("to"))
    nearest = pairs.group_by("from", maintain_order=True).head(most)
    same_file = nearest.with_columns(similarity=pl.lit(1.0))
    return same_file.select(pl.col(name).cast(kind) for name, kind in EDGES_SCHEMA.items())


def _marked(marks: pl.Series) -> pl.DataFrame:
    table = pl.DataFrame({"mark": marks}, schema={"mark": pl.String}).with_row_index("row")
    return table.filter(pl.col("mark").str.len_bytes() > 0)
