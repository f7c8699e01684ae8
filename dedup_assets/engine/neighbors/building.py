"""Build the index of the settings: the one that is named, or the one that fits so many vectors."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.errors import SearchError
from dedup_assets.engine.core.records import SearchIndex
from dedup_assets.engine.core.settings import AUTO, SearchSettings
from dedup_assets.engine.neighbors.choice import build_lists, chosen, set_nprobe
from dedup_assets.engine.neighbors.index import build_named
from dedup_assets.engine.neighbors.lists import ListIndex, list_index, nearest_lists
from dedup_assets.engine.neighbors.recall import Question, exact_neighbors, share_found, spread_rows
from dedup_assets.engine.neighbors.search import search_all, similar_enough
from dedup_assets.engine.neighbors.similarity import prepared

_SAMPLE_ROWS = 1000  # whose true neighbours decide how many lists are searched
_SAMPLE_START = 0.5  # other rows than those that the recall is measured on afterwards
_MARGIN = 0.25  # of what may be missed, left for other rows than the sample
_GROWTH = 1.25
_RANGE_SAMPLE = 64  # neighbours in the range of a row of the sample
_FRUITLESS = 2  # times the lists, without a neighbour more: then it is enough
_TRIED = 16  # lists, whatever fewer find


def build_index(vectors: NDArray[np.float32], search: SearchSettings, threads: int) -> SearchIndex:
    """Build the index of the settings over all vectors.

    Args:
        vectors: (n, d) float32, read in blocks; may be memory-mapped.
        search: provider, method, parameters, metric, and the recall wanted.
        threads: how many may compute. Up to 100,000 rows a graph is built by one: faiss' own locking would make its
            bytes differ from run to run.

    Raises:
        SearchError: the index cannot be used with this metric, or cannot be trained on so few vectors.
    """
    if not len(vectors):
        raise SearchError("there is no vector to search: none of the images could be used; features.bad.csv says why")
    search = chosen(search, len(vectors))
    if search.provider != "faiss" or search.faiss_mode != AUTO:
        return build_named(vectors, search, threads)
    index = SearchIndex(build_lists(vectors, search.distance, threads), search.distance)
    _tune(index, vectors, search, threads)
    return index


def _tune(index: SearchIndex, vectors: NDArray[np.float32], search: SearchSettings, threads: int) -> None:
    """Set nprobe to the fewest lists that hold the wanted share of true neighbours of a sample.

    All, if need be; but where more lists find no more, what is missed is not in them, and reading them is for nothing.
    """
    question = Question(vectors, vectors, among_themselves=True)
    rows = spread_rows(len(vectors), _SAMPLE_ROWS, _SAMPLE_START)
    true = _true_neighbors(question, rows, search)
    goal = search.recall_target + _MARGIN * (1 - search.recall_target)
    lists = list_index(index.index)
    nprobe = enough = _lists_that_hold(goal, lists, vectors, true, search)
    most = -1.0
    while nprobe <= min(max(_FRUITLESS * enough, _TRIED), lists.lists):
        set_nprobe(index.index, nprobe)
        share = share_found(search_all(question, rows, index, search, threads), true)
        if share > most:
            most, enough = share, nprobe
        if share >= goal or nprobe == lists.lists:
            break
        nprobe = min(math.ceil(_GROWTH * nprobe), lists.lists)
    set_nprobe(index.index, enough)


def _true_neighbors(question: Question, rows: NDArray[np.int64], search: SearchSettings) -> pl.DataFrame:
    """The k nearest of each row; in a range search others that are similar enough as well, some dozen of them."""
    if search.range_from is None:
        return exact_neighbors(question, rows, search)
    many = max(search.k, min(_RANGE_SAMPLE, search.range_limit))
    return similar_enough(exact_neighbors(question, rows, replace(search, k=many)), search)


def _lists_that_hold(
    goal: float, lists: ListIndex, vectors: NDArray[np.float32], true: pl.DataFrame, search: SearchSettings
) -> int:
    """How many lists, nearest first, hold that share of the true neighbours."""
    centroids, bias = lists.centroid_codes()

    def ranked(rows: NDArray[np.uint32], wanted: int) -> NDArray[np.uint16]:
        return nearest_lists(lists.project(prepared(vectors[rows], search.distance)), centroids, bias, wanted)

    asked, place = np.unique(true["from"].to_numpy(), return_inverse=True)
    ranks = np.argsort(ranked(asked, lists.lists), axis=1)  # of each list, for each row
    rank = np.sort(ranks[place, ranked(true["to"].to_numpy(), 1)[:, 0]])
    return int(rank[min(math.ceil(goal * len(rank)), len(rank)) - 1]) + 1
