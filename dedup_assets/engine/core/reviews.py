"""Reasons to leave copies to a person that no evidence gives: labels, sets, and what lies beside a file."""

from collections.abc import Callable

import polars as pl

from dedup_assets.engine.core.match_records import REVIEW_SEPARATOR, Relation, Role

STAYS = (pl.col("role") == Role.REVIEW.value) & (pl.col("relation") == Relation.EXACT.value)
"""Whether a copy stays for what is said of its file: with the bytes of the kept image there is nothing to look at."""

IS_TO_REVIEW = (pl.col("role") == Role.REVIEW.value) & pl.col("twin").is_null() & ~STAYS
"""Whether a person has to look at a copy: of several with the same bytes, one."""

MAY_GO = (pl.col("role") == Role.COPY.value) | ((pl.col("role") == Role.REVIEW.value) & pl.col("twin").is_not_null())
"""Whether nothing is lost with a copy: a kept image or another copy stays that has all of it."""

OF_TWIN = "the same bytes as another copy, which stays"
"""The `reason` of an image that goes not for the kept image of its group but for a copy of it."""

_EXACT_COPY = (Role.COPY.value, Relation.EXACT.value)


def with_reviews(rows: pl.DataFrame, why: Callable[[bytes, bytes], str], *, exact_alone: bool = False) -> pl.DataFrame:
    """The rows of groups, with `role`, `review` and `twin` as the reasons have it.

    Args:
        rows: of groups.
        why: gives for an image and another one that stays why a person decides; empty if the image may go.
        exact_alone: ask about copies with the bytes of the kept image only, because asking costs reading.
    """
    roles, reviews, twins = [], [], []
    columns = rows.select("filename", "keep", "role", "relation", "review", "twin")
    for name, keep, role, relation, review, twin in columns.iter_rows():
        is_asked = role != Role.KEEP.value and (not exact_alone or (role, relation) == _EXACT_COPY)
        reason = why(name, keep) if is_asked else ""
        roles.append(Role.REVIEW.value if reason and role == Role.COPY.value else role)
        reviews.append(REVIEW_SEPARATOR.join(filter(None, (reason, review))))
        twins.append(None if twin is None or why(name, twin) else twin)
    return rows.with_columns(
        role=pl.Series(roles, dtype=pl.String),
        review=pl.Series(reviews, dtype=pl.String),
        twin=pl.Series(twins, dtype=pl.Binary),
    )
