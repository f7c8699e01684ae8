"""Tune an inverted file: search as few lists for a row as reach the wanted recall on a sample of rows."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.records import SearchIndex
from dedup_assets.engine.core.settings import SearchSettings
from dedup_assets.engine.neighbors.inverted_file.candidates import nearest_lists
from dedup_assets.engine.neighbors.inverted_file.layout import InvertedFile, inverted_file_of, set_nprobe
from dedup_assets.engine.neighbors.recall import SearchData, evenly_spread, exact_neighbors, share_found
from dedup_assets.engine.neighbors.search import search_all, within_range
from dedup_assets.engine.neighbors.similarity import prepared

_SAMPLE_ROWS = 1000  # rows whose true neighbours decide how many lists are searched
_SAMPLE_START = 0.5  # other rows than those that the recall is measured on afterwards
_MARGIN = 0.25  # share of the allowed misses that is left for rows outside of the sample
_GROWTH = 1.25
_RANGE_SAMPLE = 64  # neighbours of a sample row in a range search
_FRUITLESS = 2  # times the lists that brought the last gain: more are not tried
_TRIED = 16  # up to this number of lists, more are tried even without a gain


def tune(index: SearchIndex, vectors: NDArray[np.float32], search: SearchSettings, threads: int) -> None:
    """Set nprobe to the fewest lists that hold the wanted share of the true neighbours of a sample.

    All lists are searched if necessary. But if more lists find no more neighbours, the missed ones are not in them, and
    searching them would gain nothing.

    Args:
        index: an inverted file over the vectors.
        vectors: (n, d) float32.
        search: k, metric and `recall_target`.
        threads: most threads that compute.
    """
    data = SearchData(vectors, vectors, is_self_search=True)
    rows = evenly_spread(len(vectors), _SAMPLE_ROWS, _SAMPLE_START)
    true = _true_neighbors(data, rows, search)
    goal = search.recall_target + _MARGIN * (1 - search.recall_target)
    lists = inverted_file_of(index.index)
    nprobe = enough = _lists_that_hold(goal, lists, vectors, true, search)
    most = -1.0
    while nprobe <= min(max(_FRUITLESS * enough, _TRIED), lists.list_count):
        set_nprobe(index.index, nprobe)
        share = share_found(search_all(data, rows, index, search, threads), true)
        if share > most:
            most, enough = share, nprobe
        if share >= goal or nprobe == lists.list_count:
            break
        nprobe = min(math.ceil(_GROWTH * nprobe), lists.list_count)
    set_nprobe(index.index, enough)


def _true_neighbors(data: SearchData, rows: NDArray[np.int64], search: SearchSettings) -> pl.DataFrame:
    """The k nearest of each row; in a range search also some dozen more that are in the range."""
    if search.range_from is None:
        return exact_neighbors(data, rows, search)
    many = max(search.k, min(_RANGE_SAMPLE, search.range_limit))
    return within_range(exact_neighbors(data, rows, replace(search, k=many)), search)


def _lists_that_hold(
    goal: float, lists: InvertedFile, vectors: NDArray[np.float32], true: pl.DataFrame, search: SearchSettings
) -> int:
    """The number of nearest lists that hold the share `goal` of the true neighbours."""
    centroids, bias = lists.centroid_codes()

    def ranked(rows: NDArray[np.uint32], wanted: int) -> NDArray[np.uint16]:
        return nearest_lists(lists.project(prepared(vectors[rows], search.distance)), centroids, bias, wanted)

    queries, place = np.unique(true["from"].to_numpy(), return_inverse=True)
    ranks = np.argsort(ranked(queries, lists.list_count), axis=1)  # of each list, for each query
    rank = np.sort(ranks[place, ranked(true["to"].to_numpy(), 1)[:, 0]])
    return int(rank[min(math.ceil(goal * len(rank)), len(rank)) - 1]) + 1
