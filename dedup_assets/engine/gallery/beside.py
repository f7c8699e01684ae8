"""Copies that a plan would leave, because something lies beside them that the kept image has not."""

from dataclasses import replace

import polars as pl

from dedup_assets.engine.core.match_records import Evidence, Groups
from dedup_assets.engine.core.reviews import MAY_GO, STAYS, with_reviews
from dedup_assets.engine.inputs.belongings import Belongings

LACKS = "has a sidecar, raw file or film beside it that the kept one has not"


def count_heeded(groups: Groups, evidence: Evidence) -> Groups:
    """The groups, with `heeded`.

    Args:
        groups: images that are one picture.
        evidence: knows the sizes of the files.
    """
    rows = heed_belongings(groups).rows
    may_go = rows.filter(MAY_GO)
    sizes = may_go.join(evidence.images, on="filename", how="left").select(
        pl.col("size_bytes").clip(lower_bound=0).sum()
    )
    counts = {"may_go": may_go.height, "stay": int(rows["stays"].sum()), "bytes": int(sizes.item())}
    return replace(groups, heeded=counts)


def heed_belongings(groups: Groups) -> Groups:
    """The groups, in which such copies with the bytes of another image are for review.

    The column `stays` (boolean) is added to the rows: whether a copy with the bytes of one that stays does not go, for
    this or for what is said of its file. A person has nothing to look at there.
    """
    belongings = Belongings()

    def why(name: bytes, other: bytes) -> str:
        return "" if belongings.are_kept(name, other) else LACKS

    rows = with_reviews(groups.rows, why, exact_alone=True)
    could_go = groups.rows.select(could_go=MAY_GO)["could_go"]
    return replace(groups, rows=rows.with_columns(stays=(could_go & ~MAY_GO) | STAYS))
