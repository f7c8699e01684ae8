"""Groups of one picture whose images have different labels."""

from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.match_records import Groups, LabelConflicts
from dedup_assets.engine.core.match_tables import LABEL_CONFLICTS_SCHEMA
from dedup_assets.engine.labels.reading import Labels


def note_label_conflicts(groups: Groups, labels: Labels) -> Groups:
    """Note the labelled images of each group in which not all labelled images have the same label.

    Args:
        groups: whose rows are ordered by group, the kept image first.
        labels: of the images.

    Returns:
        The groups with `labels`; unchanged if no labels are asked for.
    """
    if labels.names is None:
        return groups
    members = groups.rows.select("group_id", "filename", "role")
    labelled = members.join(labels.rows, on="filename", how="inner", maintain_order="left")
    differing = labelled.filter(pl.col("label").n_unique().over("group_id") > 1)
    rows = differing.select(list(LABEL_CONFLICTS_SCHEMA)).cast(LABEL_CONFLICTS_SCHEMA)
    return replace(groups, labels=LabelConflicts(rows, labels.rows.height, labels.unknown))
