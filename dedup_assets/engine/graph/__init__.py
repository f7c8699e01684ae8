"""Turn neighbours into pairs, outliers and the similarity graph with its components, pagerank and degrees.

docs/reference.md, "Files", says what the columns mean. Edges are arrays of numbers here, without objects or copies of
names, so that tens of millions fit in memory; `docs/scale.md` has bytes per edge.
"""

from dedup_assets.engine.graph.components import build_components
from dedup_assets.engine.graph.pairs import PairCount, count_matched, count_pairs, find_outliers, similar_pairs

__all__ = ["PairCount", "build_components", "count_matched", "count_pairs", "find_outliers", "similar_pairs"]
