"""Nearest neighbours of embeddings: an index (`indexes` is its door), the search, and what the search missed.

`row_ranges` shares a search among processes. Pairs, components and outliers are made from neighbours in `graph`.
"""

from dedup_assets.engine.neighbors.indexes import build_index, check_search, find_or_build_index, usable_index
from dedup_assets.engine.neighbors.inverted_file.layout import as_inverted_file
from dedup_assets.engine.neighbors.low_information import match_exact_copies_alone
from dedup_assets.engine.neighbors.recall import SearchData
from dedup_assets.engine.neighbors.search import (
    check_index,
    find_neighbors,
    measure_recall,
    search_rows,
    search_train_set,
)

__all__ = [
    "SearchData",
    "as_inverted_file",
    "build_index",
    "check_index",
    "check_search",
    "find_neighbors",
    "find_or_build_index",
    "match_exact_copies_alone",
    "measure_recall",
    "search_rows",
    "search_train_set",
    "usable_index",
]
