"""Copies that a set would lose: a person decides about them, whatever their bytes are.

Each set needs its own images: a plan that removes those of an evaluation set, beside a file `split_fix.csv` that takes
the same pictures out of the training set, would leave them in neither.
"""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.match_records import REVIEW_SEPARATOR, Groups, Role

_NO_SETS = frozenset[str]()


def hold_apart(groups: Groups, members: pl.DataFrame) -> Groups:
    """The groups, in which each copy that is in a set without the kept image has the role `review`.

    An image that is in no set belongs to none, so that it may go beside a kept image of any.

    Args:
        groups: images that are one picture.
        members: `set` and `image`, a row for each set that an image is in.
    """
    sets = {
        image: frozenset(names) for image, names in members.group_by("image").agg(pl.col("set").unique()).iter_rows()
    }
    roles, reviews, twins = [], [], []
    for name, keep, role, review, twin in groups.rows.select("filename", "keep", "role", "review", "twin").iter_rows():
        lost = _lost_to(name, keep, sets) if role != Role.KEEP.value else ""
        roles.append(Role.REVIEW.value if lost and role == Role.COPY.value else role)
        reviews.append(REVIEW_SEPARATOR.join(filter(None, (lost, review))))
        twins.append(None if twin is None or _lost_to(name, twin, sets) else twin)
    rows = groups.rows.with_columns(
        role=pl.Series(roles, dtype=pl.String),
        review=pl.Series(reviews, dtype=pl.String),
        twin=pl.Series(twins, dtype=pl.Binary),
    )
    return replace(groups, rows=rows)


def _lost_to(name: bytes, other: bytes, sets: Mapping[bytes, frozenset[str]]) -> str:
    """Which sets would lose an image that goes beside another one; empty if none would."""
    alone = sorted(sets.get(name, _NO_SETS) - sets.get(other, _NO_SETS))
    return f"in the set {' and '.join(alone)}, where the kept image is not" if alone else ""
