"""Copies that a set would lose: a person decides about them, whatever their bytes are.

A plan may remove an image of an evaluation set, while `split_fix.csv` takes its kept copy out of the training set. Who
follows both has the picture in neither.
"""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.match_records import Groups
from dedup_assets.engine.core.reviews import with_reviews

_NO_SETS = frozenset[str]()


def hold_apart(groups: Groups, members: pl.DataFrame) -> Groups:
    """The groups, in which each copy that is in a set without the kept image has the role `review`.

    An image in no set may go beside a kept image of any set.

    Args:
        groups: images that are one picture.
        members: `set` and `image`, a row for each set that an image is in.
    """
    sets = {
        image: frozenset(names) for image, names in members.group_by("image").agg(pl.col("set").unique()).iter_rows()
    }
    return replace(groups, rows=with_reviews(groups.rows, lambda name, other: _lost_to(name, other, sets)))


def _lost_to(name: bytes, other: bytes, sets: Mapping[bytes, frozenset[str]]) -> str:
    """Which sets would lose an image that goes beside another one, in words; empty if none would."""
    alone = sorted(sets.get(name, _NO_SETS) - sets.get(other, _NO_SETS))
    return f"in the set {' and '.join(alone)}, where the kept image is not" if alone else ""
