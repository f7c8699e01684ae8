"""Nearest neighbours of embeddings: plan an index, build it, search it, and measure what the search missed."""

from dedup_assets.engine.neighbors.index import build_index, check_search
from dedup_assets.engine.neighbors.search import find_neighbors

__all__ = ["build_index", "check_search", "find_neighbors"]
