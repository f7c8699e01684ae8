"""How neighbours are searched: parsed from the settings of a run."""

from dataclasses import dataclass, replace
from typing import Literal

from dedup_assets.engine.core.setting_values import NearestNeighborModel

EVIDENCE_NEIGHBORS = 10
"""Neighbours of each image that are candidates for evidence, whatever is listed."""

Distance = Literal["cosine", "euclidean", "squared_euclidean", "manhattan"]


@dataclass(frozen=True)
class SearchSettings:
    """Method and metric of the neighbour search.

    With `range_from`, all images with at least that similarity are neighbours too, up to `range_limit` of them. `spare`
    more than the k nearest are found, as far as the search gets them for nothing; never in a range search.
    """

    provider: Literal["faiss", "turi"]
    nnmodel: NearestNeighborModel
    faiss_mode: str
    faiss_param: dict[str, float]
    distance: Distance
    k: int
    recall_target: float
    range_from: float | None = None
    range_limit: int = 0
    spare: int = 0

    @property
    def widest(self) -> "SearchSettings":
        """With the most neighbours that a run asks an index for: it has to find these, too."""
        return replace(self, k=max(self.k, EVIDENCE_NEIGHBORS))
