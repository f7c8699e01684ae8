"""Copies that a plan would leave, because something lies beside them that the kept image has not."""

from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.match_records import Groups, Relation, Role
from dedup_assets.engine.inputs.belongings import Belongings

LACKS = "has a sidecar, raw file or film beside it that the kept one has not"


def heed_belongings(groups: Groups) -> Groups:
    """The groups, in which such copies with the bytes of another image are for review."""
    belongings = Belongings()
    changed = [
        _judged(belongings, *row)
        for row in groups.rows.select("filename", "keep", "role", "relation", "review", "twin").iter_rows()
    ]
    columns = {"role": pl.String, "review": pl.String, "twin": pl.Binary}
    return replace(groups, rows=groups.rows.with_columns(pl.DataFrame(changed, schema=columns, orient="row")))


def _judged(
    belongings: Belongings, name: bytes, keep: bytes, role: str, relation: str, review: str, twin: bytes | None
) -> tuple[str, str, bytes | None]:
    if twin is not None and not belongings.are_kept(name, twin):
        twin = None
    if role == Role.COPY.value and relation == Relation.EXACT.value and not belongings.are_kept(name, keep):
        return Role.REVIEW.value, LACKS, twin
    return role, review, twin
