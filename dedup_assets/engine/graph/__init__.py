"""Neighbours to pairs, outliers, and the similarity graph with its components, pagerank and degrees.

RUN.md, "Graph computation"; what the columns mean is settled in the class docstrings of `records`. An edge is a few
bytes in an array here, never an object, and never a copy of a name: `docs/scale.md` says how many.
"""

from dedup_assets.engine.graph.components import build_components
from dedup_assets.engine.graph.pairs import count_pairs, find_outliers, similar_pairs

__all__ = ["build_components", "count_pairs", "find_outliers", "similar_pairs"]
