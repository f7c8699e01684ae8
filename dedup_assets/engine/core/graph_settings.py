"""What the similarity graph is made of: parsed from `turi_param`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GraphSettings:
    """Which parts of the similarity graph are computed, and from which edges (similarity > ccthreshold)."""

    ccthreshold: float
    run_cc: bool
    run_pagerank: bool
    run_degree: bool
