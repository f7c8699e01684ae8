"""Nearest neighbours of embeddings: plan an index, build it, search it, and measure what the search missed."""

from dedup_assets.engine.neighbors.building import build_index
from dedup_assets.engine.neighbors.foreign import trusted_index
from dedup_assets.engine.neighbors.index import check_search
from dedup_assets.engine.neighbors.lists import as_list_index
from dedup_assets.engine.neighbors.search import (
    check_index,
    find_neighbors,
    measure_recall,
    score_test_set,
    search_rows,
)

__all__ = [
    "as_list_index",
    "build_index",
    "check_index",
    "check_search",
    "find_neighbors",
    "measure_recall",
    "score_test_set",
    "search_rows",
    "trusted_index",
]
