"""Similarities of pairs of different images: what a threshold lists besides copies."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.search_settings import Distance
from dedup_assets.engine.neighbors.recall import evenly_spread
from dedup_assets.engine.neighbors.similarity import DECIMALS, prepared, similarities
from dedup_assets.engine.query import StoredIndex

MOST_IMAGES = 3000
_SAME = [str(relation) for relation in Relation if relation.is_same_picture]


def count_strangers(
    stored: StoredIndex, rows: NDArray[np.int64], evidence: pl.DataFrame, thresholds: NDArray[np.float64]
) -> tuple[int, NDArray[np.int64]]:
    """Count pairs of different images, and how many of them reach each threshold.

    Pairs that evidence calls one picture, and pairs of one group, are left out. Pairs that are one picture without
    anybody knowing count as different, so that the counts are rather too high.

    Args:
        stored: the results.
        rows: images that show something; at most `MOST_IMAGES` of them are compared, evenly spread.
        evidence: the rows of `Evidence`.
        thresholds: (t,) ascending.

    Returns:
        The number of pairs, and (t,) how many of them are at least so similar.
    """
    chosen = rows[evenly_spread(len(rows), MOST_IMAGES)] if len(rows) else rows
    distance = stored.search.distance
    vectors = prepared(stored.features.vectors[chosen], distance)
    groups = _numbers_of_groups(stored, chosen)
    same = _same_pictures(stored, chosen, evidence)
    reached, pairs = np.zeros(len(thresholds), np.int64), 0
    for one in range(len(chosen) - 1):
        others = vectors[one + 1 :]
        alike = _alike(vectors[one], others, distance)
        different = groups[one + 1 :] != groups[one]
        different[[other - one - 1 for other in same.get(one, [])]] = False
        kept = np.sort(alike[different])
        pairs += len(kept)
        reached += len(kept) - np.searchsorted(kept, thresholds)
    return pairs, reached


def _alike(vector: NDArray[np.float32], others: NDArray[np.float32], distance: Distance) -> NDArray[np.float64]:
    if distance != "cosine":
        alike: NDArray[np.float64] = similarities(vector[None], others[None], distance)[0]
        return alike
    products = (others @ vector).astype(np.float64)  # a matrix product takes a twentieth of the time
    return np.asarray(np.round(np.clip(products, -1, 1), DECIMALS), np.float64)


def _numbers_of_groups(stored: StoredIndex, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each image, which those of one group share."""
    numbers: dict[str, int] = {}
    named = [stored.group_of(int(row))[0] or f"row {row}" for row in chosen]
    return np.array([numbers.setdefault(name, len(numbers)) for name in named], np.int64)


def _same_pictures(stored: StoredIndex, chosen: NDArray[np.int64], evidence: pl.DataFrame) -> dict[int, list[int]]:
    """For each place in `chosen` the later places that evidence calls the same picture."""
    place = {stored.features.names[int(row)]: number for number, row in enumerate(chosen)}
    found: dict[int, list[int]] = {}
    for a, b in evidence.filter(pl.col("relation").is_in(_SAME)).select("a", "b").iter_rows():
        if a in place and b in place:
            first, second = sorted((place[a], place[b]))
            found.setdefault(first, []).append(second)
    return found
