"""Groups of one picture whose images have different labels."""

from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.match_records import Groups, LabelConflicts
from dedup_assets.engine.core.match_tables import LABEL_CONFLICTS_SCHEMA
from dedup_assets.engine.core.reviews import with_reviews
from dedup_assets.engine.labels.reading import Labels

_OTHER_LABEL = "has another label"
"""Why a person decides about an image whose label the kept one does not have."""


def note_label_conflicts(groups: Groups, labels: Labels) -> Groups:
    """Note the labelled images of each group in which not all labelled images have the same label.

    A person decides about each image with a label that the kept one does not have, also where their bytes are equal.

    Args:
        groups: whose rows are ordered by group, the kept image first.
        labels: of the images.

    Returns:
        The groups with `labels`; unchanged if no labels are asked for.
    """
    if labels.names is None:
        return groups
    groups = replace(groups, rows=_with_reviews(groups.rows, labels.rows))
    members = groups.rows.select("group_id", "filename", "role")
    labelled = members.join(labels.rows, on="filename", how="inner", maintain_order="left")
    differing = labelled.filter(pl.col("label").n_unique().over("group_id") > 1)
    rows = differing.select(list(LABEL_CONFLICTS_SCHEMA)).cast(LABEL_CONFLICTS_SCHEMA)
    return replace(groups, labels=LabelConflicts(rows, labels.rows.height, labels.unknown))


def _with_reviews(rows: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The rows of groups, in which images with another label than the kept one are for review."""
    label = dict(labels.select("filename", "label").iter_rows())

    def why(name: bytes, other: bytes) -> str:
        return "" if label.get(name) in (None, label.get(other)) else _OTHER_LABEL

    return with_reviews(rows, why)
