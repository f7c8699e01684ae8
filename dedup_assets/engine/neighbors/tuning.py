"""Tune an inverted file: search as few lists for a row as reach the wanted recall on a sample of rows."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.records import SearchIndex
from dedup_assets.engine.core.search_settings import SearchSettings
from dedup_assets.engine.neighbors.inverted_file.candidates import nearest_lists
from dedup_assets.engine.neighbors.inverted_file.layout import InvertedFile, inverted_file_of, set_nprobe
from dedup_assets.engine.neighbors.recall import SearchData, evenly_spread, exact_neighbors, share_found
from dedup_assets.engine.neighbors.search import search_all, within_range
from dedup_assets.engine.neighbors.similarity import prepared

_SAMPLE_ROWS = 1000  # rows whose true neighbours decide how many lists are searched
_SAMPLE_START = 0.5  # other rows than those that the recall is measured on afterwards
_MARGIN = 0.25  # share of the allowed misses that is left for rows outside of the sample
_GROWTH = 1.25
_LITTLE = 0.1  # share of the allowed misses that is not worth twice the lists
_GAIN = 0.1  # share of the missing neighbours that is worth twice the lists
_RANGE_SAMPLE = 64  # neighbours of a sample row in a range search
_FRUITLESS = 2  # times the lists that brought the last gain: more are not tried
_TRIED = 16  # up to this number of lists, more are tried even without a gain


def tune(index: SearchIndex, vectors: NDArray[np.float32], search: SearchSettings, threads: int) -> None:
    """Set nprobe to the fewest lists that hold the wanted share of the true neighbours of a sample.

    All lists are searched if necessary. But if more lists find hardly more neighbours, the missed ones are among the
    near copies of a crowd, which the codes cannot order, and half as many lists may find as much.

    Args:
        index: an inverted file over the vectors.
        vectors: (n, d) float32.
        search: k, metric and `recall_target`; the sample is searched for `widest`.
        threads: most threads that compute.
    """
    search = search.widest
    data = SearchData(vectors, vectors, is_self_search=True)
    rows = evenly_spread(len(vectors), _SAMPLE_ROWS, _SAMPLE_START)
    true = _true_neighbors(data, rows, search)
    goal = search.recall_target + _MARGIN * (1 - search.recall_target)
    lists = inverted_file_of(index.index)

    def share_of(nprobe: int) -> float:
        set_nprobe(index.index, nprobe)
        return share_found(search_all(data, rows, index, search, threads), true)

    nprobe = _lists_that_hold(goal, lists, vectors, true, search)
    most = share_of(nprobe)
    enough = nprobe
    little = _LITTLE * (1 - search.recall_target)
    if most < goal:
        while (half := enough // 2) >= _TRIED and share_of(half) >= most - little:
            enough = half
    while most < goal and nprobe < min(max(_FRUITLESS * enough, _TRIED), lists.list_count):
        nprobe = min(math.ceil(_GROWTH * nprobe), lists.list_count)
        share = share_of(nprobe)
        if share >= goal or share > most + max(little, _GAIN * (goal - most)):
            most, enough = share, nprobe
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
    queries, place = np.unique(true["from"].to_numpy(), return_inverse=True)
    projected = lists.project(prepared(vectors[queries], search.distance))
    ranks = np.argsort(nearest_lists(projected, centroids, bias, lists.list_count), axis=1)  # of each list
    held = np.empty(len(vectors), np.uint16)
    for number in range(lists.list_count):
        held[lists.rows(number)] = number
    rank = np.sort(ranks[place, held[true["to"].to_numpy()]])
    return int(rank[min(math.ceil(goal * len(rank)), len(rank)) - 1]) + 1
